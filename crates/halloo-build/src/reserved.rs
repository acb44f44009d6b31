//! Packages whose names cannot become modules: valid `.proto` files, of which no Rust can be made.

use crate::diagnostic::Diagnostic;
use crate::files::Folders;
use std::rc::Rc;

/// The fault of `package`, declared in `file`, whose name has a `part` that no module can have.
pub(crate) fn package(folders: &Folders, file: &str, package: &str, part: &str) -> Option<Diagnostic> {
    let source = Rc::new(folders.source(file)?);
    // The name may be written with spaces within; the statement is there in any case.
    let found = source.find_word(package).map(|at| at..at + package.len());
    let span = found.or_else(|| source.find_word("package").map(|at| at..at + "package".len()))?;
    let why = match part {
        "__buffa" => "generated code has a module of that name already",
        _ => "Rust allows no module of that name",
    };
    let message = format!("`{part}` cannot be a part of a package's name: {why}");
    let help = "give the package another name";
    Some(Diagnostic::new(message).at(&source, span, "").help(help))
}
