//! What the tests of this crate share: their folders, and comparing with files that are checked in.

#[allow(dead_code, reason = "not every test builds a crate")]
pub(crate) mod user_crate;

use std::path::{Path, PathBuf};

/// The folder of this crate.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of a case of faults, relative to the crate.
#[allow(dead_code, reason = "not every test uses every function")]
pub(crate) fn case(name: &str) -> PathBuf {
    Path::new("tests/faults").join(name)
}

/// An empty folder for the output of one test.
pub(crate) fn output_folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("halloo-build").join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

/// Compares `text` with the file at `path`, or writes the file if `UPDATE_EXPECTED` is set.
#[allow(dead_code, reason = "not every test uses every function")]
pub(crate) fn compare(path: &Path, text: &str) {
    let path = root().join(path);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, text).expect("the expected file can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{} differs; the text is:\n{text}", path.display());
}
