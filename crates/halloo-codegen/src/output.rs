//! What the generator answers: the files, and the names of those that are no package's.

#[cfg(doc)]
use crate::header::MARK;

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

/// One file to write into the output folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedFile {
    /// File name without a folder, for example `greeter.rs`.
    pub name: String,
    /// Rust text. It begins with [`MARK`].
    pub contents: String,
}
