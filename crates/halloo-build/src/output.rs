//! Writes the generated files and tells cargo about them.

use crate::error::Error;
use halloo_codegen::{GeneratedFile, OUTPUT_FOLDER_VARIABLE};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The folders that this build script has written. A second build into the same one would drop the first.
static WRITTEN: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Claims `folder` for one build.
pub(crate) fn claim(folder: &Path) -> Result<(), Error> {
    let mut written = WRITTEN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if written.insert(folder.to_owned()) {
        return Ok(());
    }
    Err(Error::usage(
        "build.rs compiles .proto files twice, and the second result would replace the first\n \
         = help: name all files in one build: halloo_build::Build::new().proto(\"a.proto\").proto(\"b.proto\").compile()",
    ))
}

/// Writes what changed, so that cargo need not compile again what did not, and removes what is gone.
pub(crate) fn write(folder: &Path, files: &[GeneratedFile]) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|cause| Error::io("create", folder, cause))?;
    for file in files {
        write_if_changed(&folder.join(&file.name), &file.contents)?;
    }
    let entries = std::fs::read_dir(folder).map_err(|cause| Error::io("read", folder, cause))?;
    for entry in entries.flatten() {
        if !files.iter().any(|file| entry.file_name().to_string_lossy() == file.name) {
            std::fs::remove_file(entry.path()).map_err(|cause| Error::io("remove", &entry.path(), cause))?;
        }
    }
    Ok(())
}

pub(crate) fn write_if_changed(path: &Path, contents: &[u8]) -> Result<(), Error> {
    if std::fs::read(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    std::fs::write(path, contents).map_err(|cause| Error::io("write", path, cause))
}

/// Asks cargo to run the build script again when one of `paths` changes.
pub(crate) fn watch<'a>(paths: impl IntoIterator<Item = &'a PathBuf>) {
    for path in paths {
        tell_cargo(&format!("cargo:rerun-if-changed={}", path.display()));
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
