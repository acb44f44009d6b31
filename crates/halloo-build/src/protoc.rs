//! `protoc`, for the files that the built-in compiler does not read: finds it, runs it, takes over its complaints.
//!
//! Called by `check` when a file has an edition. Nothing else needs `protoc`.

use crate::diagnostic::Diagnostic;
use crate::edition::Edition;
use crate::files::{Files, Folders, normalize};
use crate::known_names::explain;
use crate::source::Source;
use protox::file::{FileResolver as _, GoogleFileResolver};
use protox::prost_reflect::prost_types::FileDescriptorProto;
use protox::prost_reflect::prost_types::FileDescriptorSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The variable that names the program.
pub(crate) const VARIABLE: &str = "PROTOC";

/// The first version that reads editions. (Before 21 there were 3.20 and so on.)
const FIRST_VERSION: u32 = 27;

/// Where the environment says that programs are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// The value of `PROTOC`.
    pub(crate) protoc: Option<OsString>,
    /// The value of `PATH`.
    pub(crate) path: Option<OsString>,
}

impl Environment {
    pub(crate) fn of_process() -> Self {
        Self { protoc: std::env::var_os(VARIABLE).filter(|value| !value.is_empty()), path: std::env::var_os("PATH") }
    }
}

/// A `protoc` that was found.
#[derive(Debug)]
pub(crate) struct Protoc {
    pub(crate) program: PathBuf,
}

impl Protoc {
    /// Takes the program that `PROTOC` names, else the first one in `PATH`; or says why there is none.
    pub(crate) fn find(environment: &Environment) -> Result<Self, String> {
        if let Some(value) = &environment.protoc {
            let program = PathBuf::from(value);
            let found = if program.components().count() > 1 { executable(program.clone()) } else { None };
            let found = found.or_else(|| in_path(&program, environment)).map(|program| Self { program });
            return found.ok_or_else(|| format!("{VARIABLE} is `{}`, which is no program", program.display()));
        }
        let found = in_path(Path::new("protoc"), environment).map(|program| Self { program });
        found.ok_or_else(|| format!("{VARIABLE} is not set, and there is no protoc in PATH"))
    }

    /// Compiles the targets of `files` to an encoded descriptor set, or returns their faults.
    pub(crate) fn compile(
        &self,
        folders: &Folders,
        files: &Files,
        edition: &Edition,
    ) -> Result<Vec<u8>, Vec<Diagnostic>> {
        let scratch = Scratch::new().map_err(|cause| vec![Diagnostic::new(format!("cannot write: {cause}"))])?;
        let output = self.run(folders, files, &scratch);
        let output = output.map_err(|cause| {
            let program = self.program.display();
            vec![edition.fault(&format!("cannot start protoc ({program}): {cause}"))]
        })?;
        if !output.status.success() {
            return Err(self.faults(&output, folders, files, edition));
        }
        std::fs::read(scratch.descriptor_set()).map_err(|cause| {
            let program = self.program.display();
            vec![edition.fault(&format!("protoc ({program}) succeeded without writing descriptors: {cause}"))]
        })
    }

    fn run(&self, folders: &Folders, files: &Files, scratch: &Scratch) -> std::io::Result<Output> {
        let well_known = scratch.0.join("well_known.binpb");
        std::fs::write(&well_known, well_known_files())?;
        let mut command = Command::new(&self.program);
        for folder in folders.existing() {
            let mut include = OsString::from("-I");
            include.push(folder);
            command.arg(include);
        }
        // Taken where the folders lack a file, as with a protoc that was installed without its own.
        command.arg(format!("--descriptor_set_in={}", well_known.display()));
        command.args(["--include_imports", "--include_source_info"]);
        command.arg(format!("--descriptor_set_out={}", scratch.descriptor_set().display()));
        command.args(&files.targets).output()
    }

    /// What protoc complained about, as faults of ours.
    fn faults(&self, output: &Output, folders: &Folders, files: &Files, edition: &Edition) -> Vec<Diagnostic> {
        let version = self.version();
        if let Some(major) = version.as_deref().and_then(major)
            && major < FIRST_VERSION
        {
            let (program, version) = (self.program.display(), version.unwrap_or_default());
            let fault = format!("protoc {version} reads no editions; {FIRST_VERSION}.0 and later do");
            return vec![edition.fault(&fault).help(format!("it is {program}")).help(edition.remedies())];
        }
        let text = String::from_utf8_lossy(&output.stderr);
        let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.contains(": warning: "));
        let mut faults: Vec<Diagnostic> = lines.map(|line| fault(line, folders, files)).collect();
        if faults.is_empty() {
            faults.push(edition.fault(&format!("protoc ({}) failed: {}", self.program.display(), output.status)));
        }
        if faults.iter().any(|fault| fault.message.to_lowercase().contains("edition")) {
            let version = version.unwrap_or_else(|| "of an unknown version".to_owned());
            let help = format!("this is protoc {version}, {}; a later one may read more", self.program.display());
            if let Some(last) = faults.last_mut() {
                last.help.push(help);
            }
        }
        faults
    }

    /// The version as the program tells it: `libprotoc 35.1`.
    fn version(&self) -> Option<String> {
        let output = Command::new(&self.program).arg("--version").output().ok()?;
        Some(String::from_utf8(output.stdout).ok()?.trim().strip_prefix("libprotoc ")?.to_owned())
    }
}

fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

fn in_path(program: &Path, environment: &Environment) -> Option<PathBuf> {
    let folders = environment.path.as_ref()?;
    std::env::split_paths(folders).find_map(|folder| executable(folder.join(program)))
}

/// The path itself or, where programs have an ending, with it.
fn executable(path: PathBuf) -> Option<PathBuf> {
    let with_ending = path.with_extension(std::env::consts::EXE_EXTENSION);
    [path, with_ending].into_iter().find(|path| is_executable(path))
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.is_file()
}

/// A line of protoc's, `file:line:column: what` or just words.
fn fault(line: &str, folders: &Folders, files: &Files) -> Diagnostic {
    let Some((source, row, column, message)) = place(line, folders, files) else {
        return Diagnostic::new(line);
    };
    let start = offset(&source, row, column);
    let length = word_length(&source.text[start..]);
    let name = source.name.clone();
    explain(Diagnostic::new(worded(message)).at(&source, start..start + length, ""), &name, files)
}

/// Splits a line from the right of its file name, which may have colons.
fn place<'a>(line: &'a str, folders: &Folders, files: &Files) -> Option<(Rc<Source>, usize, usize, &'a str)> {
    let end = line.find(".proto:")? + ".proto".len();
    let (file, rest) = (&line[..end], &line[end + 1..]);
    let mut parts = rest.splitn(3, ':');
    let row: usize = parts.next()?.parse().ok()?;
    let column: usize = parts.next()?.parse().ok()?;
    let source = files.source(file).or_else(|| {
        // Some versions name the file on the disk.
        let path = folders.shown(&normalize(Path::new(file)));
        files.parsed.values().filter_map(|parsed| parsed.source.as_ref()).find(|source| source.path == path)
    })?;
    Some((Rc::clone(source), row.checked_sub(1)?, column.checked_sub(1)?, parts.next()?.trim()))
}

/// The byte at a column of protoc's, which counts bytes, and a tab up to the next multiple of eight.
fn offset(source: &Source, row: usize, column: usize) -> usize {
    let mut at = 0;
    let line = source.line(row);
    let mut start = line.len();
    for (index, char) in line.char_indices() {
        if at >= column {
            start = index;
            break;
        }
        at = if char == '\t' { (at / 8 + 1) * 8 } else { at + char.len_utf8() };
    }
    (source.line_start(row) + start).min(source.text.len())
}

/// The length of the word, the text in quotes or the sign that stands here.
fn word_length(text: &str) -> usize {
    let is_part = |char: char| char.is_alphanumeric() || char == '_' || char == '.';
    let quoted = text.strip_prefix('"').and_then(|rest| Some(rest.find(['"', '\n'])? + 2));
    let word = text.find(|char| !is_part(char)).unwrap_or(text.len());
    let sign = text.chars().next().map_or(0, char::len_utf8);
    quoted.unwrap_or(if word > 0 { word } else { sign })
}

/// The message in the words of the built-in compiler: names in backquotes, no full stop.
fn worded(message: &str) -> String {
    let message = message.strip_suffix('.').unwrap_or(message);
    let mut out = String::with_capacity(message.len());
    for (index, part) in message.split('"').enumerate() {
        if index > 0 {
            out.push('`');
        }
        out.push_str(part);
    }
    match out.strip_prefix('`').and_then(|rest| rest.strip_suffix("` is not defined")) {
        Some(name) if !name.contains('`') => format!("name `{name}` is not defined"),
        _ => out,
    }
}

/// The descriptors of the files that come with protobuf.
fn well_known_files() -> Vec<u8> {
    use protox::prost_reflect::prost::Message as _;
    let names = ["any", "source_context", "type", "api", "descriptor", "duration", "empty", "field_mask", "struct"];
    let names = names.iter().chain(&["timestamp", "wrappers"]);
    let resolver = GoogleFileResolver::new();
    let files = names.filter_map(|name| resolver.open_file(&format!("google/protobuf/{name}.proto")).ok());
    let file: Vec<FileDescriptorProto> = files.map(|file| file.file_descriptor_proto().clone()).collect();
    FileDescriptorSet { file }.encode_to_vec()
}

/// A folder for one run, removed at its end.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("halloo-build-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }

    fn descriptor_set(&self) -> PathBuf {
        self.0.join("out.binpb")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the folder for temporary files harms nobody.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
