//! Compiles files to descriptors, or finds as many of their faults as one run can.

use crate::diagnostic::Diagnostic;
use crate::edition::Edition;
use crate::files::{Files, Folders, load};
use crate::known_names::{explain, undefined_name};
use crate::protoc::{self, Environment, Protoc};
use crate::repair::{is_consequence, is_of_enum, repair};
use crate::source::Source;
use protox::Compiler;
use protox::file::{File, FileResolver, GoogleFileResolver};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

/// How often a file is repaired and compiled again to find more faults.
const MAX_ROUNDS: usize = 20;

/// The result of a compilation without faults.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// An encoded `FileDescriptorSet` with all imports and source positions.
    pub(crate) descriptor_set: Vec<u8>,
    /// The import names of the files that were asked for.
    pub(crate) targets: Vec<String>,
    /// The files that were read, to watch them for changes.
    pub(crate) paths: BTreeSet<PathBuf>,
    /// The environment variables that were looked at, to watch them as well.
    pub(crate) variables: &'static [&'static str],
    /// What people should know although it is no fault.
    pub(crate) warnings: Vec<String>,
}

/// Compiles `protos`, or returns their faults.
pub(crate) fn compile(
    folders: &Folders,
    protos: &[PathBuf],
    environment: &Environment,
) -> Result<Compiled, Vec<Diagnostic>> {
    let (mut files, mut faults) = load(folders, protos);
    let paths = std::mem::take(&mut files.paths);
    let protoc = match files.editions.values().next().cloned() {
        Some(edition) => match Protoc::find(environment) {
            Ok(protoc) => Some((protoc, edition)),
            Err(why) => {
                faults.push(edition.without_protoc(&why));
                None
            }
        },
        None => None,
    };
    let files = Rc::new(files);
    let texts = Texts { repaired: Rc::new(RefCell::new(files.repaired.clone())), files: Rc::clone(&files) };
    let readable = |target: &&String| !files.broken.contains(*target) && !files.needs_protoc(target);
    for target in files.targets.iter().filter(readable) {
        check_target(target, &texts, &mut faults);
    }
    if !faults.is_empty() {
        sort(&mut faults, &files);
        return Err(faults);
    }
    match protoc {
        Some((protoc, edition)) => compile_with(&protoc, folders, &files, &edition, paths),
        None => compile_built_in(&texts, paths),
    }
}

fn compile_built_in(texts: &Texts, paths: BTreeSet<PathBuf>) -> Result<Compiled, Vec<Diagnostic>> {
    let mut compiler = compiler(texts);
    for target in &texts.files.targets {
        compiler.open_file(target).map_err(|error| faults_of(&error, &texts.files))?;
    }
    let descriptor_set = compiler.encode_file_descriptor_set();
    Ok(Compiled { descriptor_set, targets: texts.files.targets.clone(), paths, variables: &[], warnings: Vec::new() })
}

fn compile_with(
    protoc: &Protoc,
    folders: &Folders,
    files: &Files,
    edition: &Edition,
    mut paths: BTreeSet<PathBuf>,
) -> Result<Compiled, Vec<Diagnostic>> {
    let descriptor_set = protoc.compile(folders, files, edition).map_err(|mut faults| {
        sort(&mut faults, files);
        faults
    })?;
    // A file that is not proto3 in any way has imports that only protoc has seen.
    let descriptors = halloo_codegen::decode_descriptor_set(&descriptor_set);
    let names = descriptors.iter().flatten().filter_map(|file| file.name.as_deref());
    paths.extend(names.filter_map(|name| folders.find(name)));
    paths.insert(protoc.program.clone());
    Ok(Compiled {
        descriptor_set,
        targets: files.targets.clone(),
        paths,
        variables: &[protoc::VARIABLE],
        warnings: Vec::new(),
    })
}

/// Compiles one file, repairs what is wrong, and goes on until nothing else comes up.
fn check_target(target: &str, texts: &Texts, faults: &mut Vec<Diagnostic>) {
    for round in 0..MAX_ROUNDS {
        let Err(error) = compiler(texts).open_file(target).map(drop) else { return };
        let found = faults_of(&error, &texts.files);
        let name = error.file().unwrap_or_default().to_owned();
        let reported = faults.clone();
        let left_out = |fault: &Diagnostic| is_of_enum(fault) && texts.files.left_out_around(fault);
        let consequence = |fault: &Diagnostic| (round > 0 && is_consequence(fault)) || left_out(fault);
        let new = |fault: &&Diagnostic| fault.is_new(&reported) && !consequence(fault);
        faults.extend(found.iter().filter(new).cloned());
        let Some(text) = texts.text(&name) else { return };
        match repair(&text, &found) {
            Some(repaired) => {
                texts.repaired.borrow_mut().insert(name, repaired);
            }
            None => return,
        }
    }
}

fn faults_of(error: &protox::Error, files: &Files) -> Vec<Diagnostic> {
    let name = error.file().unwrap_or_default();
    let source = files.parsed.get(name).and_then(|file| file.source.as_ref());
    let Some(source) = source else { return vec![Diagnostic::new(error.to_string())] };
    let mut faults = Diagnostic::from_compiler(error, source);
    drop_doubles(&mut faults);
    faults.into_iter().map(|fault| explain(locate(fault, source), name, files)).collect()
}

/// A name that is defined twice is so in JSON and camel case as well.
fn drop_doubles(faults: &mut Vec<Diagnostic>) {
    let twice: Vec<_> = faults
        .iter()
        .filter(|fault| fault.message.ends_with("is defined twice"))
        .map(|fault| fault.labels.clone())
        .collect();
    faults.retain(|fault| fault.message.ends_with("is defined twice") || !twice.contains(&fault.labels));
}

/// Finds the place of what the compiler reports without one: undefined names in maps, and import cycles.
fn locate(fault: Diagnostic, source: &Rc<Source>) -> Diagnostic {
    if !fault.labels.is_empty() {
        return fault;
    }
    let undefined = undefined_name(&fault.message).and_then(|name| Some((source.find_word(name)?, name.len())));
    let cycle = fault.message.strip_prefix("import cycle detected: ").and_then(|names| {
        let import = format!("\"{}\"", names.split(" -> ").nth(1)?);
        Some((source.text.find(&import)?, import.len()))
    });
    match undefined.or(cycle) {
        Some((start, length)) => fault.at(source, start..start + length, ""),
        None => fault,
    }
}

/// Sorts by file, in the order of the request, and by position.
fn sort(faults: &mut [Diagnostic], files: &Files) {
    let rank = |name: &str| files.targets.iter().position(|target| target == name).unwrap_or(usize::MAX);
    faults.sort_by_key(|fault| {
        let name = fault.source.as_ref().map_or("", |source| &source.name);
        (rank(name), name.to_owned(), fault.primary().map_or(0, |label| label.span.start))
    });
}

fn compiler(texts: &Texts) -> Compiler {
    let mut compiler = Compiler::with_file_resolver(texts.clone());
    compiler.include_imports(true).include_source_info(true);
    compiler
}

/// Serves the compiler with what was read, repaired where it was faulty.
#[derive(Clone)]
struct Texts {
    files: Rc<Files>,
    repaired: Rc<RefCell<BTreeMap<String, String>>>,
}

impl Texts {
    fn text(&self, name: &str) -> Option<String> {
        let repaired = self.repaired.borrow().get(name).cloned();
        repaired.or_else(|| Some(self.files.parsed.get(name)?.source.as_ref()?.text.clone()))
    }
}

impl FileResolver for Texts {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.text(name) {
            Some(text) => File::from_source(name, &text),
            None => GoogleFileResolver::new().open_file(name),
        }
    }
}

#[cfg(all(test, unix))]
mod tests;
