//! The error of a build: everything that is wrong, ready to print.

use crate::diagnostic::Diagnostic;
use crate::files::normalize;
use crate::tree::Outdated;
use std::fmt;
use std::path::{Path, PathBuf};

/// Says why no code was generated. Its text names every fault; `Debug` prints the same text, so that a `main`
/// that returns it reads well.
pub struct Error {
    kind: Kind,
}

pub(crate) enum Kind {
    /// Faults in `.proto` files, or files that are missing.
    Faults(Vec<Diagnostic>),
    /// What was asked for cannot be done.
    Usage(String),
    Codegen(halloo_codegen::Error),
    /// Checked-in sources that are not what would be generated.
    Outdated {
        root: PathBuf,
        files: Vec<Outdated>,
        remedy: String,
    },
    Io {
        doing: &'static str,
        path: PathBuf,
        cause: std::io::Error,
    },
}

impl Error {
    pub(crate) fn faults(faults: Vec<Diagnostic>) -> Self {
        Self { kind: Kind::Faults(faults) }
    }

    pub(crate) fn usage(text: impl Into<String>) -> Self {
        Self { kind: Kind::Usage(text.into()) }
    }

    pub(crate) fn outdated(root: &Path, files: Vec<Outdated>, remedy: String) -> Self {
        Self { kind: Kind::Outdated { root: normalize(root), files, remedy } }
    }

    /// The text for stderr, which begins with "error" as every compiler's does.
    pub(crate) fn report(&self) -> String {
        match &self.kind {
            Kind::Faults(_) => self.to_string(),
            _ => format!("error: {self}"),
        }
    }

    pub(crate) fn io(doing: &'static str, path: &Path, cause: std::io::Error) -> Self {
        Self { kind: Kind::Io { doing, path: path.to_owned(), cause } }
    }
}

impl From<halloo_codegen::Error> for Error {
    fn from(cause: halloo_codegen::Error) -> Self {
        Self { kind: Kind::Codegen(cause) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Faults(faults) => {
                for fault in faults {
                    writeln!(f, "{fault}")?;
                }
                let ending = if faults.len() == 1 { "fault" } else { "faults" };
                write!(f, "{} {ending} in .proto files, nothing was generated", faults.len())
            }
            Kind::Usage(text) => f.write_str(text),
            Kind::Codegen(cause) => cause.fmt(f),
            Kind::Outdated { root, files, remedy } => {
                let verb = if files.len() == 1 { "file is" } else { "files are" };
                writeln!(f, "{} generated {verb} out of date", files.len())?;
                files.iter().try_for_each(|file| file.describe(root, f))?;
                write!(f, " = help: generate anew with: {remedy}")
            }
            Kind::Io { doing, path, cause } => write!(f, "cannot {doing} {}: {cause}", path.display()),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Codegen(cause) => Some(cause),
            Kind::Io { cause, .. } => Some(cause),
            Kind::Faults(_) | Kind::Usage(_) | Kind::Outdated { .. } => None,
        }
    }
}
