//! Turns protobuf descriptors into Rust text: messages, service traits, servers and clients.
//!
//! Called by `halloo-build` (and by a protoc plugin); reads and writes no file. Messages are made by
//! `buffa-codegen`, then retargeted so that user crates depend on `halloo` alone; services, setters
//! and the macros behind `halloo::include_proto!` are made here. It parses no `.proto` text.

#![forbid(unsafe_code)]

mod descriptors;
mod docs;
mod error;
mod features;
mod header;
mod messages;
mod names;
mod output;
mod package;
mod renames;
mod request;
mod retarget;
mod selection;
mod service;
mod setters;
mod shadows;
mod tree;
mod validate;

use buffa_codegen::context::CodeGenContext;
use buffa_descriptor::generated::descriptor::FileDescriptorSet;

pub use buffa_descriptor::generated::descriptor::FileDescriptorProto;
pub use error::Error;
pub use header::MARK;
pub use output::{
    CHECK_PACKAGE_FILE, GeneratedFile, INCLUDE_PROTO_FILE, INCLUDE_PROTOS_FILE, MODULE_FILE, OUTPUT_FOLDER_VARIABLE,
};
pub use request::{Layout, Only, Request};

/// Reads an encoded `google.protobuf.FileDescriptorSet`, as protobuf compilers write it.
///
/// # Errors
///
/// [`Error::DescriptorSet`] when the bytes are something else, or describe more than 1 GiB of descriptors.
pub fn decode_descriptor_set(bytes: &[u8]) -> Result<Vec<FileDescriptorProto>, Error> {
    let set: FileDescriptorSet = decode_options().decode_from_slice(bytes).map_err(Error::DescriptorSet)?;
    Ok(set.file)
}

/// How descriptors are decoded: with at most 1 GiB of elements, far more than the default, since they come from a
/// compiler.
pub fn decode_options() -> buffa::DecodeOptions {
    buffa::DecodeOptions::new().with_element_memory_limit(buffa_codegen::TOOLING_ELEMENT_MEMORY_LIMIT)
}

/// Generates one Rust file a package, and the files through which user crates take them in.
///
/// # Errors
///
/// [`Error`] when a descriptor cannot be expressed in Rust or a view is asked for an unknown method.
pub fn generate(request: Request) -> Result<Vec<GeneratedFile>, Error> {
    let Request { files, targets, layout, options } = request;
    let mut files = descriptors::sorted(files, &targets)?;
    files.iter().try_for_each(validate::file)?;
    let descriptors = descriptors::DescriptorSets::new(&files);
    features::keep_proto2_text(&mut files);
    let selection = selection::Selection::new(&files, &targets);
    files.iter().filter(|file| selection.contains(file)).try_for_each(validate::package)?;
    let mut services = service::Service::collect(&files, &selection, &options)?;
    let viewed = messages::packages_with_views(&selection, &services);
    let renames = renames::rename_reserved(&mut files, &viewed);
    services.iter_mut().for_each(|service| service.rename_messages(&renames));
    let packages = messages::generate(&files, &selection, &viewed, &options)?;
    let config = messages::config(&files, &selection);
    let sources = package::Sources {
        packages: &packages,
        files: package::PackageFiles::new(&files, &selection),
        context: &CodeGenContext::for_generate(&files, &selection.files, &config),
        selection: &selection,
        services: &services,
        descriptors: &descriptors,
        renames: &renames,
        options: &options,
    };
    let mut out = Vec::new();
    for package in &packages {
        out.push(GeneratedFile { name: tree::source_file(&package.name), contents: sources.render(package)? });
    }
    let header = header::header(selection.files.iter().map(String::as_str), &options);
    let trees = tree::Packages { trees: &selection.packages(), json: options.json };
    let mut add = |name: &str, text: String| {
        out.push(GeneratedFile { name: name.to_owned(), contents: format!("{header}\n{text}") });
    };
    match layout {
        Layout::Module => add(MODULE_FILE, tree::module(trees)),
        Layout::Macros => {
            add(CHECK_PACKAGE_FILE, tree::check_package(trees.trees));
            add(INCLUDE_PROTO_FILE, tree::include_proto(trees));
            add(INCLUDE_PROTOS_FILE, tree::include_protos(trees));
        }
    }
    Ok(out)
}
