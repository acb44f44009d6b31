//! The one error type of this crate: what in a descriptor cannot become Rust.

use std::fmt;

/// Why nothing was generated.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// A file to generate is not among the descriptors.
    UnknownFile {
        /// The file's name as in an `import` statement.
        name: String,
        /// The files that are there.
        known: Vec<String>,
    },
    /// A file imports another one that is not among the descriptors.
    MissingImport {
        /// The importing file.
        file: String,
        /// The file that is not there.
        import: String,
    },
    /// Views were asked for a method that no service has.
    UnknownMethod {
        /// The name that was asked for.
        name: String,
        /// The methods that exist, as full names.
        known: Vec<String>,
    },
    /// A descriptor lacks something that every compiler writes.
    Incomplete {
        /// What is missing and where.
        what: String,
    },
    /// A part of a package's name cannot be the name of a module.
    ReservedPackage {
        /// The file it is in.
        file: String,
        /// The package.
        package: String,
        /// The part of its name.
        part: String,
    },
    /// Something has a name that the protobuf language does not allow.
    InvalidName {
        /// The file it is in.
        file: String,
        /// The name.
        name: String,
    },
    /// The bytes are no `google.protobuf.FileDescriptorSet`.
    DescriptorSet(buffa::DecodeError),
    /// The message generator refused a descriptor.
    Messages(buffa_codegen::CodeGenError),
    /// The generated text is not Rust. This is a defect of this crate.
    Syntax {
        /// The package whose text is wrong.
        package: String,
        /// The parser's message.
        cause: syn::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownFile { name, known } => {
                write!(f, "no descriptor for the file `{name}`; the files are: ")?;
                f.write_str(&if known.is_empty() { "(none)".to_owned() } else { known.join(", ") })
            }
            Self::MissingImport { file, import } => {
                write!(f, "`{file}` imports `{import}`, which is not among the descriptors")
            }
            Self::UnknownMethod { name, known } => {
                write!(f, "views are asked for `{name}`, which is no method; the methods are: ")?;
                f.write_str(&if known.is_empty() { "(none)".to_owned() } else { known.join(", ") })
            }
            Self::Incomplete { what } => write!(f, "incomplete descriptor: {what}"),
            Self::InvalidName { file, name } => {
                write!(
                    f,
                    "invalid descriptor: {file} has the name {name:?}, which the protobuf language does not allow"
                )
            }
            Self::ReservedPackage { file, package, part } => {
                write!(f, "the package `{package}` of {file} cannot be generated: no module can have the name `{part}`")
            }
            Self::DescriptorSet(cause) => write!(f, "cannot read the descriptor set: {cause}"),
            Self::Messages(cause) => write!(f, "cannot express a message in Rust: {cause}"),
            Self::Syntax { package, cause } => write!(f, "generated text for package `{package}` is not Rust: {cause}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::DescriptorSet(cause) => Some(cause),
            Self::Messages(cause) => Some(cause),
            Self::Syntax { cause, .. } => Some(cause),
            _ => None,
        }
    }
}
