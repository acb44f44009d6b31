//! `edition = "2023";` and what follows from it: the built-in compiler reads proto2 and proto3 only.
//!
//! The first statement is found here, and the file is read as if it were proto3 for what that gives: its imports and
//! the names of its types. What it means is for `protoc` to say.

use crate::diagnostic::Diagnostic;
use crate::source::Source;
use protox::file::File;
use std::ops::Range;
use std::rc::Rc;

/// The first statement of a file that has an edition.
#[derive(Clone, Debug)]
pub(crate) struct Edition {
    source: Rc<Source>,
    statement: Range<usize>,
}

impl Edition {
    /// The edition of a file, if it has one.
    pub(crate) fn of(source: &Rc<Source>) -> Option<Self> {
        let start = source.first_token();
        let statement = source.text[start..].strip_prefix("edition")?;
        let is_word = statement.starts_with(|char: char| char.is_whitespace() || char == '=');
        let end = start + "edition".len() + statement.find(';').map_or(0, |end| end + 1);
        is_word.then(|| Self { source: Rc::clone(source), statement: start..end })
    }

    /// The file as far as proto3 goes; `None` if it goes nowhere.
    pub(crate) fn as_proto3(&self) -> Option<File> {
        let mut text = self.source.text.clone();
        text.replace_range(self.statement.clone(), "syntax = \"proto3\";");
        File::from_source(&self.source.name, &text).ok()
    }

    /// A fault that is shown at the statement.
    pub(crate) fn fault(&self, message: &str) -> Diagnostic {
        Diagnostic::new(message).at(&self.source, self.statement.clone(), "")
    }

    /// The fault of a file for which there is no `protoc`, with all that can be done about it.
    pub(crate) fn without_protoc(&self, why: &str) -> Diagnostic {
        self.fault("editions need protoc 27 or later; the built-in compiler reads proto2 and proto3")
            .help(why)
            .help(self.remedies())
    }

    /// What can be done, one to a line.
    pub(crate) fn remedies(&self) -> String {
        let name = &self.source.name;
        let include = match self.source.path.strip_suffix(name.as_str()).map(|folder| folder.trim_end_matches('/')) {
            Some(folder) if !folder.is_empty() => format!("-I{folder} "),
            _ => String::new(),
        };
        let stem = name.rsplit('/').next().unwrap_or_default().trim_end_matches(".proto");
        format!(
            "one of these will do:\n\
             - install protoc: {INSTALL}\n\
             - if it is elsewhere: export PROTOC=/path/to/protoc\n\
             - make descriptors where protoc or buf is:\n  \
               protoc {include}--include_imports --include_source_info -o {stem}.binpb {name}\n  \
               and build from them: .descriptor_set(\"{stem}.binpb\")\n\
             - if the file uses no feature of editions, begin it with: syntax = \"proto3\";"
        )
    }
}

#[cfg(target_os = "macos")]
const INSTALL: &str = "brew install protobuf";
#[cfg(windows)]
const INSTALL: &str = "winget install Google.Protobuf";
#[cfg(all(not(target_os = "macos"), not(windows), target_arch = "aarch64"))]
const INSTALL: &str = "curl -LO https://github.com/protocolbuffers/protobuf/releases/download/v33.1/protoc-33.1-linux-aarch_64.zip && unzip protoc-33.1-linux-aarch_64.zip -d ~/.local";
#[cfg(all(not(target_os = "macos"), not(windows), not(target_arch = "aarch64")))]
const INSTALL: &str = "curl -LO https://github.com/protocolbuffers/protobuf/releases/download/v33.1/protoc-33.1-linux-x86_64.zip && unzip protoc-33.1-linux-x86_64.zip -d ~/.local";
