//! Finds and reads `.proto` files: those that were named, and everything that they import.
//!
//! Import folders are searched in order: the ones that were given, `proto/`, the folder of each named
//! file, the crate's root. The well-known files are built in and need no folder.

use crate::diagnostic::Diagnostic;
use crate::edition::Edition;
use crate::known_names::FileTypes;
use crate::source::Source;
use crate::suggest::nearest;
use crate::syntax;
use protox::file::{File, FileResolver as _, GoogleFileResolver};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::rc::Rc;

/// How often a file is repaired and parsed again to find more faults.
const MAX_ROUNDS: usize = 20;

/// Where files are looked for.
#[derive(Debug)]
pub(crate) struct Folders {
    /// The crate's folder, to which all paths are relative.
    root: PathBuf,
    search: Vec<PathBuf>,
    /// How many of the first of them are folders of imports: those that were given, and `proto/`.
    import_roots: usize,
}

impl Folders {
    pub(crate) fn new(root: &Path, includes: &[PathBuf], protos: &[PathBuf]) -> Self {
        let root = normalize(root);
        let mut search: Vec<PathBuf> = includes.iter().map(|include| normalize(&root.join(include))).collect();
        search.extend(Some(root.join("proto")).filter(|folder| folder.is_dir()));
        let import_roots = search.iter().collect::<BTreeSet<_>>().len();
        search.extend(protos.iter().filter_map(|proto| Some(normalize(&root.join(proto)).parent()?.to_owned())));
        search.push(root.clone());
        let mut seen = BTreeSet::new();
        search.retain(|folder| seen.insert(folder.clone()));
        Self { root, search, import_roots }
    }

    /// The path of a named file.
    fn path(&self, proto: &Path) -> PathBuf {
        normalize(&self.root.join(proto))
    }

    /// The name by which `import` statements know a file: its path within the first folder where that name
    /// leads back to it. Folders of imports go first, then the root, and only then the folders of the named
    /// files, so that names stay distinct.
    fn import_name(&self, path: &Path) -> String {
        let (import_roots, own) = self.search.split_at(self.import_roots);
        let mut names = import_roots
            .iter()
            .chain(Some(&self.root))
            .chain(own)
            .filter_map(|folder| Some(slashes(path.strip_prefix(folder).ok()?)));
        names.find(|name| self.find(name).as_deref() == Some(path)).unwrap_or_else(|| slashes(path))
    }

    /// The folders to look in that are there.
    pub(crate) fn existing(&self) -> impl Iterator<Item = &PathBuf> {
        self.search.iter().filter(|folder| folder.is_dir())
    }

    pub(crate) fn find(&self, import: &str) -> Option<PathBuf> {
        self.search.iter().map(|folder| normalize(&folder.join(import))).find(|path| path.is_file())
    }

    /// A path as people would write it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let shown = path.strip_prefix(&self.root).unwrap_or(path);
        if shown.as_os_str().is_empty() { ".".to_owned() } else { shown.to_string_lossy().replace('\\', "/") }
    }

    /// The text of a file that was compiled.
    pub(crate) fn source(&self, import: &str) -> Option<Source> {
        let path = self.find(import)?;
        let text = std::fs::read_to_string(&path).ok()?;
        Some(Source { name: import.to_owned(), path: self.shown(&path), text })
    }

    fn looked_in(&self) -> String {
        let folders: Vec<String> = self.search.iter().map(|folder| format!("`{}`", self.shown(folder))).collect();
        format!("looked in {}", folders.join(", "))
    }

    /// A folder above the named files in which `import` would be found.
    fn missing_include(&self, import: &str, path: &Path) -> Option<PathBuf> {
        let inside = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
        inside.map(Path::to_owned).find(|folder| folder.join(import).is_file())
    }
}

/// A path as `import` statements write it.
fn slashes(path: &Path) -> String {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(part) => Some(part.to_string_lossy()),
        _ => None,
    });
    parts.collect::<Vec<_>>().join("/")
}

/// Resolves `.` and `..` in a path without asking the file system.
pub(crate) fn normalize(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// A file that was read and parsed.
#[derive(Debug)]
pub(crate) struct Parsed {
    /// None for the built-in files.
    pub(crate) source: Option<Rc<Source>>,
    pub(crate) imports: Vec<String>,
    pub(crate) types: FileTypes,
}

/// Everything that was read, by import name.
#[derive(Debug, Default)]
pub(crate) struct Files {
    pub(crate) parsed: BTreeMap<String, Parsed>,
    /// The import names of the files that were named, in their order.
    pub(crate) targets: Vec<String>,
    /// Files that cannot be used, because they have faults or import such a file.
    pub(crate) broken: BTreeSet<String>,
    /// The texts of files that could be parsed in part only, without the rest.
    pub(crate) repaired: BTreeMap<String, String>,
    /// Files that have an edition.
    pub(crate) editions: BTreeMap<String, Edition>,
    /// Paths to watch for changes.
    pub(crate) paths: BTreeSet<PathBuf>,
}

impl Files {
    /// The text of a file by its import name.
    pub(crate) fn source(&self, name: &str) -> Option<&Rc<Source>> {
        self.parsed.get(name)?.source.as_ref()
    }

    /// Whether something was left out between the braces around a fault because it could not be parsed.
    pub(crate) fn left_out_around(&self, fault: &Diagnostic) -> bool {
        let around = || {
            let source = fault.source.as_ref()?;
            let (text, repaired) = (source.text.as_bytes(), self.repaired.get(&source.name)?.as_bytes());
            let at = fault.primary()?.span.start;
            let start = text.get(..at)?.iter().rposition(|&byte| byte == b'{').unwrap_or(0);
            let end = text.iter().skip(at).position(|&byte| byte == b'}').map_or(text.len(), |end| at + end);
            Some(text.get(start..end)? != repaired.get(start..end)?)
        };
        around().unwrap_or(false)
    }

    /// Whether a file has an edition or imports, directly or not, one that has.
    pub(crate) fn needs_protoc(&self, name: &str) -> bool {
        let mut seen = BTreeSet::from([name]);
        let mut queue = vec![name];
        while let Some(next) = queue.pop() {
            if self.editions.contains_key(next) {
                return true;
            }
            let imports = self.parsed.get(next).map_or(&[][..], |parsed| &parsed.imports);
            queue.extend(imports.iter().map(String::as_str).filter(|import| seen.insert(import)));
        }
        false
    }
}

/// Reads the named files and all their imports, and collects what is wrong with them.
pub(crate) fn load(folders: &Folders, protos: &[PathBuf]) -> (Files, Vec<Diagnostic>) {
    let mut names = BTreeMap::new();
    // A named file may turn out to be imported under another name; then that is its name.
    loop {
        let mut loader = Loader { folders, names: names.clone(), files: Files::default(), faults: Vec::new() };
        match loader.run(protos) {
            Ok(()) => return (loader.files, loader.faults),
            Err((path, name)) => {
                if let Some(other) = names.insert(path.clone(), name.clone()) {
                    let fault = format!("{} is imported as `{other}` and as `{name}`", folders.shown(&path));
                    return (loader.files, vec![Diagnostic::new(fault).help("import it under one name everywhere")]);
                }
            }
        }
    }
}

struct Loader<'a> {
    folders: &'a Folders,
    /// The import names of files by path.
    names: BTreeMap<PathBuf, String>,
    files: Files,
    faults: Vec<Diagnostic>,
}

/// A file that needs another import name.
type Renamed = (PathBuf, String);

impl Loader<'_> {
    fn run(&mut self, protos: &[PathBuf]) -> Result<(), Renamed> {
        let mut named = Vec::new();
        for proto in protos {
            let path = self.folders.path(proto);
            let name = self.names.entry(path.clone()).or_insert_with(|| self.folders.import_name(&path)).clone();
            if !self.files.targets.contains(&name) {
                self.files.targets.push(name.clone());
                named.push((name, path));
            }
        }
        for (name, path) in named {
            self.read(&name, &path)?;
        }
        self.spread_breakage();
        Ok(())
    }

    fn read(&mut self, name: &str, path: &Path) -> Result<(), Renamed> {
        if self.files.parsed.contains_key(name) || self.files.broken.contains(name) {
            return Ok(());
        }
        self.files.paths.insert(path.to_owned());
        let shown = self.folders.shown(path);
        let text = match std::fs::read(path).map(String::from_utf8) {
            Ok(Ok(text)) => text,
            Ok(Err(_)) => return self.refuse(name, Diagnostic::new(format!("{shown} is not UTF-8 text"))),
            Err(cause) => return self.refuse(name, self.unreadable(path, &cause)),
        };
        let source = Rc::new(Source { name: name.to_owned(), path: shown, text });
        let edition = Edition::of(&source);
        let file = match &edition {
            Some(edition) => edition.as_proto3(),
            None => match self.parse(&source) {
                Some(file) => Some(file),
                None => {
                    self.files.broken.insert(name.to_owned());
                    return Ok(());
                }
            },
        };
        self.files.editions.extend(edition.map(|edition| (name.to_owned(), edition)));
        let imports = file.as_ref().map(imports).unwrap_or_default();
        let types = file.as_ref().map(FileTypes::new).unwrap_or_default();
        let parsed = Parsed { source: Some(Rc::clone(&source)), imports: imports.clone(), types };
        self.files.parsed.insert(name.to_owned(), parsed);
        imports.iter().try_for_each(|import| self.import(import, &source, path))
    }

    /// Parses a file. What cannot be parsed is reported and left out, as long as that makes sense.
    fn parse(&mut self, source: &Rc<Source>) -> Option<File> {
        let mut text = source.text.clone();
        let mut reported = Vec::new();
        let mut file = None;
        for _ in 0..MAX_ROUNDS {
            let error = match File::from_source(&source.name, &text) {
                Ok(parsed) => {
                    file = Some(parsed);
                    break;
                }
                Err(error) => error,
            };
            let found: Vec<Diagnostic> =
                Diagnostic::from_compiler(&error, source).into_iter().map(syntax::explain).collect();
            let repaired = syntax::repair(&text, &found);
            // By position: there may be two in a line, and what was left out has no consequences here.
            let place = |fault: &Diagnostic| fault.primary().map(|label| label.span.start);
            let is_new = |fault: &Diagnostic| reported.iter().all(|other| place(other) != place(fault));
            let new: Vec<Diagnostic> = found.into_iter().filter(is_new).collect();
            reported.extend(new);
            match repaired {
                Some(repaired) => text = repaired,
                None => break,
            }
        }
        if file.is_some() && !reported.is_empty() {
            self.files.repaired.insert(source.name.clone(), text);
        }
        self.faults.append(&mut reported);
        file
    }

    fn import(&mut self, import: &str, source: &Rc<Source>, importer: &Path) -> Result<(), Renamed> {
        if let Some(path) = self.folders.find(import) {
            return match self.names.get(&path) {
                Some(name) if name != import => Err((path, import.to_owned())),
                _ => {
                    self.names.insert(path.clone(), import.to_owned());
                    self.read(import, &path)
                }
            };
        }
        if let Ok(file) = GoogleFileResolver::new().open_file(import) {
            let parsed = Parsed { source: None, imports: imports(&file), types: FileTypes::new(&file) };
            for inner in parsed.imports.clone() {
                self.import(&inner, source, importer)?;
            }
            self.files.parsed.insert(import.to_owned(), parsed);
            return Ok(());
        }
        let mut fault = Diagnostic::new(format!("the imported file `{import}` does not exist"));
        fault = match source.text.find(&format!("\"{import}\"")).or_else(|| source.text.find(&format!("'{import}'"))) {
            Some(at) => fault.at(source, at..at + import.len() + 2, ""),
            None => Diagnostic { source: Some(Rc::clone(source)), ..fault },
        };
        fault = fault.help(self.folders.looked_in());
        if let Some(folder) = self.folders.missing_include(import, importer) {
            let folder = self.folders.shown(&folder);
            fault = fault.help(format!("it is in `{folder}`; in build.rs, add `.include(\"{folder}\")`"));
        }
        self.faults.push(fault);
        self.files.broken.insert(source.name.clone());
        Ok(())
    }

    fn refuse(&mut self, name: &str, fault: Diagnostic) -> Result<(), Renamed> {
        self.faults.push(fault);
        self.files.broken.insert(name.to_owned());
        Ok(())
    }

    fn unreadable(&self, path: &Path, cause: &std::io::Error) -> Diagnostic {
        let shown = self.folders.shown(path);
        if cause.kind() != std::io::ErrorKind::NotFound {
            return Diagnostic::new(format!("cannot read {shown}: {cause}"));
        }
        let fault = Diagnostic::new(format!("the file `{shown}` does not exist"))
            .help(format!("paths in build.rs are relative to {}", self.folders.root.display()));
        let siblings = protos_near(path, &self.folders.root);
        let wanted = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let found = siblings.iter().map(|path| self.folders.shown(path)).collect::<Vec<_>>();
        let file_name = |shown: &str| shown.rsplit('/').next().unwrap_or_default().to_owned();
        let same_name = found.iter().find(|shown| file_name(shown) == wanted);
        let similar = || nearest(&shown, found.iter().map(String::as_str)).map(str::to_owned);
        match same_name.cloned().or_else(similar) {
            Some(other) => fault.help(format!("did you mean `{other}`?")),
            None if found.is_empty() => fault,
            None => fault.help(format!("there are: {}", found.join(", "))),
        }
    }

    /// Marks every file broken that imports a broken one: its faults would only be consequences.
    fn spread_breakage(&mut self) {
        loop {
            let broken = &self.files.broken;
            let consequences: Vec<String> = self
                .files
                .parsed
                .iter()
                .filter(|(name, parsed)| {
                    !broken.contains(*name) && parsed.imports.iter().any(|import| broken.contains(import))
                })
                .map(|(name, _)| name.clone())
                .collect();
            if consequences.is_empty() {
                return;
            }
            self.files.broken.extend(consequences);
        }
    }
}

fn imports(file: &File) -> Vec<String> {
    file.file_descriptor_proto().dependency.clone()
}

/// The `.proto` files beside a missing one, in the crate's root and in `proto/`; a few at most.
fn protos_near(path: &Path, root: &Path) -> Vec<PathBuf> {
    let folders = BTreeSet::from([path.parent().unwrap_or(root).to_owned(), root.to_owned(), root.join("proto")]);
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten().flatten();
    let mut protos: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "proto"))
        .collect();
    protos.sort();
    protos.truncate(8);
    protos
}
