//! What is asked of the generator: descriptors, and the choices that change the text.

use buffa_descriptor::generated::descriptor::FileDescriptorProto;

#[cfg(doc)]
use crate::output::MODULE_FILE;

/// What to generate, from which descriptors and how.
#[derive(Clone, Debug, Default)]
pub struct Request {
    pub(crate) files: Vec<FileDescriptorProto>,
    pub(crate) targets: Vec<String>,
    pub(crate) layout: Layout,
    pub(crate) options: Options,
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
