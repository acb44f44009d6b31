//! Writes the generated files of a build script and tells cargo about them.

use crate::error::Error;
use halloo_codegen::{GeneratedFile, MARK, OUTPUT_FOLDER_VARIABLE};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The folders that this program has written, and from what. A build from something else would drop the first.
static WRITTEN: Mutex<BTreeMap<PathBuf, Vec<PathBuf>>> = Mutex::new(BTreeMap::new());

/// Claims `folder` for what is made of `sources`.
pub(crate) fn claim(folder: &Path, sources: &[PathBuf]) -> Result<(), Error> {
    let mut written = WRITTEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if written.entry(folder.to_owned()).or_insert_with(|| sources.to_vec()) == sources {
        return Ok(());
    }
    Err(Error::usage(
        "two builds write into one folder, and the second result would replace the first\n \
         = help: name all files in one build: halloo_build::Build::new().proto(\"a.proto\").proto(\"b.proto\")",
    ))
}

/// Writes what changed, so that cargo need not compile again what did not, and removes what is gone.
pub(crate) fn write(folder: &Path, files: &[GeneratedFile]) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|cause| Error::io("create", folder, cause))?;
    for file in files {
        write_if_changed(&folder.join(&file.name), file.contents.as_bytes())?;
    }
    for path in left_over(folder, files)? {
        std::fs::remove_file(&path).map_err(|cause| Error::io("remove", &path, cause))?;
    }
    Ok(())
}

/// The generated files in `folder` that are not among `files`. What people wrote is none of them.
pub(crate) fn left_over(folder: &Path, files: &[GeneratedFile]) -> Result<Vec<PathBuf>, Error> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(Error::io("read", folder, cause)),
    };
    let is_wanted = |path: &Path| path.file_name().is_some_and(|name| files.iter().any(|file| name == &*file.name));
    let others = entries.flatten().map(|entry| entry.path()).filter(|path| !is_wanted(path));
    let mut found: Vec<PathBuf> = others.filter(|path| is_generated(path)).collect();
    found.sort();
    Ok(found)
}

/// Whether the file at `path` is one of ours.
pub(crate) fn is_generated(path: &Path) -> bool {
    let mut start = vec![0; MARK.len()];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == MARK.as_bytes()
}

pub(crate) fn write_if_changed(path: &Path, contents: &[u8]) -> Result<(), Error> {
    if std::fs::read(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    std::fs::write(path, contents).map_err(|cause| Error::io("write", path, cause))
}

/// Asks cargo to run the build script again when one of `paths` or of the environment's `variables` changes.
pub(crate) fn watch<'a>(paths: impl IntoIterator<Item = &'a PathBuf>, variables: &[&str]) {
    for path in paths {
        tell_cargo(&format!("cargo:rerun-if-changed={}", path.display()));
    }
    for variable in variables {
        tell_cargo(&format!("cargo:rerun-if-env-changed={variable}"));
    }
}

/// Has cargo show `warnings`.
pub(crate) fn warn(warnings: &[String]) {
    for warning in warnings {
        tell_cargo(&format!("cargo:warning={warning}"));
    }
}

/// Lets the macros of `halloo` find the generated files.
pub(crate) fn publish(folder: &Path) {
    tell_cargo(&format!("cargo:rustc-env={OUTPUT_FOLDER_VARIABLE}={}", folder.display()));
}

#[expect(clippy::print_stdout, reason = "cargo reads the instructions of a build script from its stdout")]
fn tell_cargo(instruction: &str) {
    println!("{instruction}");
}
