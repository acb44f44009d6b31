//! Turns protobuf descriptors into Rust text: messages, service traits, servers and clients.
//!
//! Called by `halloo-build` (and by a protoc plugin); reads and writes no file. Messages are made by
//! `buffa-codegen`, then retargeted so that user crates depend on `halloo` alone; services, setters
//! and the macros behind `halloo::include_proto!` are made here. It parses no `.proto` text.

#![forbid(unsafe_code)]

mod docs;
mod error;
mod messages;
mod names;
mod package;
mod retarget;
mod selection;
mod service;
mod setters;
mod tree;

use buffa_descriptor::generated::descriptor::FileDescriptorSet;

pub use buffa_descriptor::generated::descriptor::FileDescriptorProto;
pub use error::Error;

/// The name of the generated file that checks the name given to `halloo::include_proto!`.
pub const CHECK_PACKAGE_FILE: &str = "check_package.rs";

/// The name of the generated file that `halloo::include_proto!` includes.
pub const INCLUDE_PROTO_FILE: &str = "include_proto.rs";

/// The name of the generated file that `halloo::include_protos!` includes.
pub const INCLUDE_PROTOS_FILE: &str = "include_protos.rs";

/// The environment variable that holds the folder of the generated files while a user crate is compiled.
pub const OUTPUT_FOLDER_VARIABLE: &str = "HALLOO_PROTO_DIR";

/// What to generate, from which descriptors and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    files: Vec<FileDescriptorProto>,
    targets: Vec<String>,
    options: Options,
}

/// Choices that change the generated text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) default_unimplemented: bool,
    /// Full method names (`greeter.Greeter/SayHello`) whose handlers take views.
    pub(crate) views: Vec<String>,
    /// Paths of `bytes` fields that hold `bytes::Bytes`.
    pub(crate) shared_bytes: Vec<String>,
}

/// One file to write into the output folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// File name without a folder, for example `greeter.rs`.
    pub name: String,
    /// Rust text, or descriptor bytes for names that end in `.bin`.
    pub contents: Vec<u8>,
}

impl GeneratedFile {
    fn text(name: impl Into<String>, text: String) -> Self {
        Self { name: name.into(), contents: text.into_bytes() }
    }
}

impl Request {
    /// Makes a request for the files named `targets`, which must be among `files`.
    ///
    /// `files` must hold every import, each before the files that import it. Imported files whose
    /// types are used are generated as well; the well-known types are taken from `halloo` instead.
    pub fn new(files: Vec<FileDescriptorProto>, targets: Vec<String>) -> Self {
        Self { files, targets, options: Options::default() }
    }

    /// Makes the `bytes` fields under `path` hold `bytes::Bytes` instead of `Vec<u8>`: large ones are then
    /// sent and received without a copy, but a field keeps the whole received message in memory.
    ///
    /// `path` is a field, message or package with a leading dot (`.photos.Photo.pixels`), or `.` for all.
    #[must_use]
    pub fn shared_bytes(mut self, path: impl Into<String>) -> Self {
        self.options.shared_bytes.push(path.into());
        self
    }

    /// Gives every service method a body that answers UNIMPLEMENTED. Default: methods are required.
    #[must_use]
    pub fn default_unimplemented(mut self, yes: bool) -> Self {
        self.options.default_unimplemented = yes;
        self
    }

    /// Hands the requests of `method` (`greeter.Greeter/SayHello`) to its handler as zero-copy views.
    #[must_use]
    pub fn views(mut self, method: impl Into<String>) -> Self {
        self.options.views.push(method.into());
        self
    }
}

/// Reads an encoded `google.protobuf.FileDescriptorSet`, as protobuf compilers write it.
///
/// # Errors
///
/// [`Error::DescriptorSet`] when the bytes are something else, or describe more than 1 GiB of descriptors.
pub fn decode_descriptor_set(bytes: &[u8]) -> Result<Vec<FileDescriptorProto>, Error> {
    let options = buffa::DecodeOptions::new().with_element_memory_limit(buffa_codegen::TOOLING_ELEMENT_MEMORY_LIMIT);
    let set: FileDescriptorSet = options.decode_from_slice(bytes).map_err(Error::DescriptorSet)?;
    Ok(set.file)
}

/// Generates one Rust file a package, its descriptor bytes where it has services, and the files
/// that the macros of `halloo` include.
///
/// # Errors
///
/// [`Error`] when a descriptor cannot be expressed in Rust or a view is asked for an unknown method.
pub fn generate(request: Request) -> Result<Vec<GeneratedFile>, Error> {
    let Request { mut files, targets, options } = request;
    let descriptors = selection::DescriptorSets::new(&files);
    let renames = names::rename_reserved_types(&mut files);
    let selection = selection::Selection::new(&files, &targets)?;
    let services = service::Service::collect(&files, &selection, &options)?;
    let packages = messages::generate(&files, &selection, &services, &options)?;
    let mut out = Vec::new();
    for package in &packages {
        let source = package::Source {
            package,
            files: &files,
            selection: &selection,
            services: &services,
            renames: &renames,
            options: &options,
        };
        out.push(GeneratedFile { name: tree::source_file(&package.name), contents: source.render()?.into_bytes() });
        if services.iter().any(|service| service.package == package.name) {
            out.push(GeneratedFile {
                name: tree::descriptor_file(&package.name),
                contents: descriptors.encode(&package.name),
            });
        }
    }
    let trees = selection.packages();
    out.push(GeneratedFile::text(CHECK_PACKAGE_FILE, tree::check_package(&trees)));
    out.push(GeneratedFile::text(INCLUDE_PROTO_FILE, tree::include_proto(&trees)));
    out.push(GeneratedFile::text(INCLUDE_PROTOS_FILE, tree::include_protos(&trees)));
    Ok(out)
}
