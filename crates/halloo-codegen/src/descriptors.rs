//! Descriptors as a set: their order, and the ones that a package carries at run time.
//!
//! Whichever compiler made them, the same files give the same text: they are sorted here, and what a
//! compiler may or may not add (source positions) is left out of the generated code.

use crate::error::Error;
use buffa::Message as _;
use buffa_descriptor::generated::descriptor::{FileDescriptorProto, FileDescriptorSet};
use proc_macro2::Ident;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

pub(crate) fn name(file: &FileDescriptorProto) -> &str {
    file.name.as_deref().unwrap_or_default()
}

pub(crate) fn package(file: &FileDescriptorProto) -> &str {
    file.package.as_deref().unwrap_or_default()
}

/// The targets and everything that they import, each file after its imports, otherwise by name.
pub(crate) fn sorted(files: Vec<FileDescriptorProto>, targets: &[String]) -> Result<Vec<FileDescriptorProto>, Error> {
    let mut by_name: BTreeMap<String, FileDescriptorProto> =
        files.into_iter().map(|file| (name(&file).to_owned(), file)).collect();
    let mut order = Vec::new();
    let mut seen = BTreeSet::new();
    let mut targets = targets.to_vec();
    targets.sort();
    for target in targets {
        if !by_name.contains_key(&target) {
            return Err(Error::UnknownFile { name: target, known: by_name.into_keys().collect() });
        }
        visit(target, &by_name, &mut seen, &mut order)?;
    }
    Ok(order.into_iter().filter_map(|name| by_name.remove(&name)).collect())
}

/// Adds `target` and its imports to `order`. Without recursion: a chain of imports has any length.
fn visit(
    target: String,
    files: &BTreeMap<String, FileDescriptorProto>,
    seen: &mut BTreeSet<String>,
    order: &mut Vec<String>,
) -> Result<(), Error> {
    if !seen.insert(target.clone()) {
        return Ok(());
    }
    let mut path = vec![(target, 0)];
    while let Some((current, next)) = path.last_mut() {
        let imports = files.get(current).map_or(&[][..], |file| &file.dependency);
        match imports.get(*next) {
            Some(import) if !files.contains_key(import) => {
                return Err(Error::MissingImport { file: current.clone(), import: import.clone() });
            }
            Some(import) => {
                *next += 1;
                if seen.insert(import.clone()) {
                    path.push((import.clone(), 0));
                }
            }
            None => order.extend(path.pop().map(|(name, _)| name)),
        }
    }
    Ok(())
}

/// The descriptors as they were given, without source positions, for embedding in generated code.
pub(crate) struct DescriptorSets {
    /// Each file as an encoded set of its own. Sets behind each other are one set with all files.
    encoded: Vec<Vec<u8>>,
    /// The indexes of each file's imports.
    imports: Vec<Vec<usize>>,
    /// The indexes of each package's files.
    packages: BTreeMap<String, Vec<usize>>,
}

impl DescriptorSets {
    /// `files` must be in the order of [`sorted`].
    pub(crate) fn new(files: &[FileDescriptorProto]) -> Self {
        let indexes: BTreeMap<&str, usize> =
            files.iter().enumerate().map(|(index, file)| (name(file), index)).collect();
        let index_of = |import: &String| indexes.get(import.as_str()).copied();
        let mut packages: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (index, file) in files.iter().enumerate() {
            packages.entry(package(file).to_owned()).or_default().push(index);
        }
        let encode = |file: &FileDescriptorProto| {
            let mut file = file.clone();
            file.source_code_info = Default::default();
            FileDescriptorSet { file: vec![file], ..Default::default() }.encode_to_vec()
        };
        Self {
            encoded: files.iter().map(encode).collect(),
            imports: files.iter().map(|file| file.dependency.iter().filter_map(index_of).collect()).collect(),
            packages,
        }
    }

    /// The constant `constant` with the encoded `FileDescriptorSet` of a package, as Rust text.
    pub(crate) fn constant(&self, package_name: &str, constant: &Ident) -> String {
        format!(
            "/// The encoded `google.protobuf.FileDescriptorSet` of this package's files and their imports.\n\
             pub static {constant}: &[u8] = {};\n",
            literal(&self.encode(package_name))
        )
    }

    /// The encoded `FileDescriptorSet` of a package's files and all their imports, imports first.
    fn encode(&self, package_name: &str) -> Vec<u8> {
        let mut queue = self.packages.get(package_name).cloned().unwrap_or_default();
        let mut wanted = BTreeSet::new();
        while let Some(index) = queue.pop() {
            if wanted.insert(index) {
                queue.extend(&self.imports[index]);
            }
        }
        wanted.into_iter().flat_map(|index| self.encoded[index].iter().copied()).collect()
    }
}

/// Columns after which a line of a literal ends.
const LITERAL_WIDTH: usize = 110;

/// Columns after which a line of a literal ends where a declaration may begin, so that a change in one
/// declaration does not move the line ends of all that follow.
const SHORT_LITERAL_WIDTH: usize = 70;

/// A byte string literal of many lines.
fn literal(bytes: &[u8]) -> String {
    let mut out = String::from("b\"\\\n    ");
    let mut width = 0;
    for &byte in bytes {
        if width >= LITERAL_WIDTH || (width >= SHORT_LITERAL_WIDTH && byte == b'\n') {
            out.push_str("\\\n    ");
            width = 0;
        }
        let before = out.len();
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            // The space after a line's end would be taken for indentation.
            b' ' if width > 0 => out.push(' '),
            b'!'..=b'~' => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\x{byte:02x}");
            }
        }
        width += out.len() - before;
    }
    out.push('"');
    out
}

#[cfg(test)]
#[path = "../tests/unit/descriptors.rs"]
mod tests;
