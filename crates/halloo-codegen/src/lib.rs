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
mod package;
mod renames;
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

/// The name of the generated file that checks the name given to `halloo::include_proto!`.
pub const CHECK_PACKAGE_FILE: &str = "check_package.rs";

/// The name of the generated file that `halloo::include_proto!` includes.
pub const INCLUDE_PROTO_FILE: &str = "include_proto.rs";

/// The name of the generated file that `halloo::include_protos!` includes.
pub const INCLUDE_PROTOS_FILE: &str = "include_protos.rs";

/// The name of the generated file that users declare as a module (`mod proto;`) where there is no build script.
pub const MODULE_FILE: &str = "mod.rs";

/// The environment variable that holds the folder of the generated files while a user crate is compiled.
pub const OUTPUT_FOLDER_VARIABLE: &str = "HALLOO_PROTO_DIR";

/// What to generate, from which descriptors and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    files: Vec<FileDescriptorProto>,
    targets: Vec<String>,
    layout: Layout,
    options: Options,
}

/// How user crates take the packages in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// Through the macros of `halloo`, from the folder of a build script.
    #[default]
    Macros,
    /// As a module of their own, whose root is [`MODULE_FILE`]: for sources that are checked in.
    Module,
}

/// A part of what can be generated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Only {
    /// Messages and enums, no services.
    Messages,
    /// Messages, enums and clients.
    Clients,
    /// Messages, enums, service traits and servers.
    Servers,
}

/// Choices that change the generated text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    pub(crate) only: Option<Only>,
    pub(crate) default_unimplemented: bool,
    pub(crate) json: bool,
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
    /// Rust text. It begins with [`MARK`].
    pub contents: String,
}

impl Request {
    /// Makes a request for the files named `targets`, which must be among `files`.
    ///
    /// `files` must hold every import. Imported files whose types are used are generated as well; the
    /// well-known types are taken from `halloo` instead. The order of files and targets makes no difference.
    pub fn new(files: Vec<FileDescriptorProto>, targets: Vec<String>) -> Self {
        Self { files, targets, layout: Layout::default(), options: Options::default() }
    }

    /// Chooses how user crates take the packages in. Default: [`Layout::Macros`].
    #[must_use]
    pub fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Generates a part only. Default: messages, clients and servers.
    #[must_use]
    pub fn only(mut self, only: Only) -> Self {
        self.options.only = Some(only);
        self
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

    /// Gives messages a JSON form (ProtoJSON), and methods the codec `json` beside `proto`. The crate that takes the
    /// code in needs the feature `json` of `halloo`. Default: no JSON.
    #[must_use]
    pub fn json(mut self, yes: bool) -> Self {
        self.options.json = yes;
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
