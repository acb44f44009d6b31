//! Where everything is declared: files by name, by symbol, by extension, and what each file needs.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use bytes::Bytes;
use halloo_core::ServiceDescriptor;
use tracing::warn;

use super::descriptor::{self, FileDescriptor};

/// A file's number in its index.
pub(crate) type FileId = usize;

/// The files of all services.
#[derive(Debug, Default)]
pub(crate) struct Index {
    files: Vec<File>,
    by_name: HashMap<&'static str, FileId>,
    by_symbol: HashMap<String, FileId>,
    by_extension: HashMap<&'static str, BTreeMap<i32, FileId>>,
}

#[derive(Debug)]
struct File {
    name: &'static str,
    bytes: &'static [u8],
    imports: Vec<FileId>,
}

impl Index {
    pub(crate) fn new(services: &[&'static ServiceDescriptor]) -> Self {
        let mut index = Self::default();
        let mut seen = HashSet::new();
        for service in services {
            let set = service.file_descriptor_set();
            // Services of one package share one set.
            if !seen.insert((set.as_ptr(), set.len())) {
                continue;
            }
            match descriptor::files(set) {
                Ok(files) => index.add_set(&files),
                Err(descriptor::Malformed) => {
                    warn!(service = service.name(), "reflection leaves a service out: its descriptors are malformed");
                }
            }
        }
        index
    }

    pub(crate) fn file(&self, name: &str) -> Option<FileId> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn file_of_symbol(&self, name: &str) -> Option<FileId> {
        self.by_symbol.get(name).copied()
    }

    pub(crate) fn file_of_extension(&self, extended: &str, number: i32) -> Option<FileId> {
        self.by_extension.get(extended)?.get(&number).copied()
    }

    /// The numbers of all extensions of a message, rising; `None` if there is no such message.
    pub(crate) fn extension_numbers(&self, extended: &str) -> Option<Vec<i32>> {
        match self.by_extension.get(extended) {
            Some(extensions) => Some(extensions.keys().copied().collect()),
            None => self.by_symbol.contains_key(extended).then(Vec::new),
        }
    }

    /// The bytes of `file`, and those of what it imports, directly or not, unless they are in `sent`, which then has
    /// all of them.
    pub(crate) fn with_imports(&self, file: FileId, sent: &mut HashSet<FileId>) -> Vec<Bytes> {
        sent.insert(file);
        let mut found = vec![file];
        let mut queue = VecDeque::from([file]);
        // What was sent before is walked as well: the client may have it without its imports.
        let mut seen = HashSet::from([file]);
        while let Some(next) = queue.pop_front() {
            for &import in &self.files[next].imports {
                if seen.insert(import) {
                    queue.push_back(import);
                    if sent.insert(import) {
                        found.push(import);
                    }
                }
            }
        }
        found.into_iter().map(|id| Bytes::from_static(self.files[id].bytes)).collect()
    }

    /// Imports are looked up in their own set first, where a name has one meaning.
    fn add_set(&mut self, files: &[FileDescriptor]) {
        let mut of_set = HashMap::new();
        let mut added = Vec::new();
        for file in files {
            let known = self.files.iter().position(|other| other.name == file.name && other.bytes == file.bytes);
            let id = known.unwrap_or_else(|| self.add_file(file));
            of_set.insert(file.name, id);
            if known.is_none() {
                added.push((id, &file.imports));
            }
        }
        for (id, imports) in added {
            self.files[id].imports = imports.iter().filter_map(|name| of_set.get(name).copied()).collect();
        }
    }

    fn add_file(&mut self, file: &FileDescriptor) -> FileId {
        let id = self.files.len();
        self.files.push(File { name: file.name, bytes: file.bytes, imports: Vec::new() });
        if *self.by_name.entry(file.name).or_insert(id) != id {
            warn!(file = file.name, "two different files have this name; tools that use reflection may mix them up");
        }
        for symbol in &file.symbols {
            self.by_symbol.entry(symbol.clone()).or_insert(id);
        }
        for &(extended, number) in &file.extensions {
            self.by_extension.entry(extended).or_default().entry(number).or_insert(id);
        }
        id
    }
}
