//! What `halloo` has at its root: few names, and none of them in a module as well.
//!
//! It reads lines as rustfmt leaves them: what begins in the first column is at the root, what is indented in a module.
//! Modules are not counted, and neither is what the documentation hides.

use std::collections::BTreeSet;
use std::fs;

use crate::Failure;
use crate::failure::While;
use crate::process::root;
use crate::tidy::sources::rust_files;

const FOLDER: &str = "crates/halloo/src";

/// The most types, traits, functions and macros that may be at the root.
const MAX_ROOT_NAMES: usize = 24;

/// Words before the name of an item.
const ITEMS: [&str; 9] = ["const", "enum", "fn", "macro_rules!", "static", "struct", "trait", "type", "union"];

/// Checks the sources of `halloo`.
pub(crate) fn check() -> Result<Vec<String>, Failure> {
    let mut exports = Vec::new();
    for path in rust_files(&root().join(FOLDER))? {
        let text = fs::read_to_string(&path).while_doing(|| format!("cannot read {}", path.display()))?;
        exports.extend(read(&text));
    }
    Ok(faults(&exports))
}

/// A public name.
#[derive(Debug)]
struct Export {
    name: String,
    is_at_root: bool,
}

fn faults(exports: &[Export]) -> Vec<String> {
    let names = |at_root: bool| -> BTreeSet<&str> {
        exports.iter().filter(|export| export.is_at_root == at_root).map(|export| export.name.as_str()).collect()
    };
    let (at_root, in_modules) = (names(true), names(false));
    let mut faults: Vec<String> = at_root
        .intersection(&in_modules)
        .map(|name| format!("{FOLDER}: `{name}` is at the root and in a module; one of the two is enough"))
        .collect();
    if at_root.contains("*") {
        faults.push(format!("{FOLDER}: `*` at the root: name what it brings in"));
    }
    if at_root.len() > MAX_ROOT_NAMES {
        faults.push(format!(
            "{FOLDER}: {} names are at the root, at most {MAX_ROOT_NAMES} may be: put a new one into the module in \
             `lib.rs` that it belongs to (`balance`, `client`, `codec`, `server`, ...); docs/DESIGN.md (`Few names at \
             the root`) says what may be at the root",
            at_root.len()
        ));
    }
    faults
}

/// The public names of one file, without modules and what is hidden.
fn read(text: &str) -> Vec<Export> {
    let mut exports = Vec::new();
    let mut attributes = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        if code.starts_with("#[") {
            attributes.push_str(code);
            continue;
        }
        if code.starts_with("//") {
            continue;
        }
        let is_hidden = attributes.contains("doc(hidden)");
        let is_exported_macro = attributes.contains("macro_export");
        attributes.clear();
        if is_hidden {
            continue;
        }
        let is_at_root = line.len() == code.len();
        let names = match code.strip_prefix("pub use ") {
            Some(begin) => {
                let mut tree = begin.to_owned();
                while !tree.contains(';') {
                    tree.extend(lines.next());
                }
                used(&tree)
            }
            None if is_at_root && (is_exported_macro || code.starts_with("pub ")) => item(code).into_iter().collect(),
            None => Vec::new(),
        };
        exports.extend(names.into_iter().map(|name| Export { name, is_at_root }));
    }
    exports
}

/// The names that `tree`, what a `use` has up to its semicolon, brings in. A crate under another name is a module.
fn used(tree: &str) -> Vec<String> {
    let tree = tree.split(';').next().unwrap_or_default();
    if !tree.contains("::") {
        return Vec::new();
    }
    let leaves = tree.split([',', '{', '}']).map(str::trim).filter(|leaf| !leaf.is_empty() && !leaf.ends_with("::"));
    let name = |leaf: &str| leaf.rsplit([' ', ':']).next().unwrap_or_default().to_owned();
    leaves.map(name).collect()
}

/// The name of the item that begins with the line `code`.
fn item(code: &str) -> Option<String> {
    let mut words =
        code.split_whitespace().skip_while(|word| !ITEMS.contains(word)).skip_while(|word| *word == "const");
    let first = words.next()?;
    let name = if ITEMS.contains(&first) { words.next()? } else { first };
    Some(name.split(|c: char| !c.is_alphanumeric() && c != '_').next()?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, at_root: &[&str], in_modules: &[&str]) {
        let names = |is_at_root| -> Vec<String> {
            let exports = read(text).into_iter();
            exports.filter(|export| export.is_at_root == is_at_root).map(|export| export.name).collect()
        };
        assert_eq!(names(true), at_root, "at the root");
        assert_eq!(names(false), in_modules, "in modules");
    }

    #[test]
    fn names_are_found_where_they_are() {
        check("pub use a::A;\npub use b::{\n    B, c::C,\n    D as E,\n};\n", &["A", "B", "C", "E"], &[]);
        check("pub mod m {\n    //! x\n\n    pub use a::{A, B};\n}\n", &[], &["A", "B"]);
        check(
            "pub fn f() {}\npub const C: u8 = 1;\npub const fn g() {}\npub struct S<T>(T);\n",
            &["f", "C", "g", "S"],
            &[],
        );
        check("use a::A;\nfn f() {}\nmod m;\npub mod n;\npub use a as b;\n", &[], &[]);
    }

    #[test]
    fn macros_count_and_what_is_hidden_does_not() {
        check("/// x\n#[macro_export]\nmacro_rules! m {\n    () => {};\n}\n", &["m"], &[]);
        check("#[doc(hidden)]\n#[macro_export]\nmacro_rules! m {\n}\n#[doc(hidden)]\npub use a::A;\n", &[], &[]);
        check("macro_rules! m {\n}\n", &[], &[]);
    }

    #[test]
    fn a_name_too_many_is_a_fault_that_says_where_it_belongs() {
        let root = |count: usize| (0..count).map(|number| format!("pub use a::A{number};\n")).collect::<String>();
        assert_eq!(faults(&read(&root(MAX_ROOT_NAMES))), Vec::<String>::new());
        let found = faults(&read(&root(MAX_ROOT_NAMES + 1)));
        assert!(found.len() == 1 && found[0].contains("25 names") && found[0].contains("`lib.rs`"), "{found:?}");
    }

    #[test]
    fn a_name_is_in_one_place() {
        let found = faults(&read("pub use a::A;\npub mod m {\n    pub use a::A;\n}\npub use b::*;\n"));
        assert!(found.len() == 2 && found[0].contains("`A` is at the root and in a module"), "{found:?}");
        assert!(found[1].contains("`*` at the root"), "{found:?}");
    }
}
