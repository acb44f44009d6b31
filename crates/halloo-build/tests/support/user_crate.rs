//! A user's crate, copied out of this workspace and built with the cargo that runs the test.

use super::{output_folder, root};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Copies the fixture out of this workspace, with absolute paths to the crates that it uses and the
/// workspace's choice of versions.
pub(crate) fn copy_fixture(name: &str) -> PathBuf {
    let folder = output_folder(&format!("user-crate-{name}"));
    copy(&root().join("tests").join(name), &folder);
    let crates = root().parent().expect("this crate is one of several").to_owned();
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).expect("the fixture has a manifest");
    let path = |name: &str| crates.join(name).display().to_string();
    let manifest = manifest.replace("../../../halloo", &path("halloo")).replace("../..", &path("halloo-build"));
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("the folder is ours");
    let lock = crates.join("../Cargo.lock");
    if lock.exists() {
        std::fs::copy(lock, folder.join("Cargo.lock")).expect("the folder is ours");
    }
    folder
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("the target folder can be written");
    for entry in std::fs::read_dir(from).expect("the fixture is there") {
        let entry = entry.expect("the fixture can be read");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).expect("the target folder can be written");
        }
    }
}

/// A call of cargo in `folder` with the target folder of this test, so that built crates are shared.
pub(crate) fn cargo(folder: &Path, arguments: &[&str]) -> Command {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the folder is inside the target folder");
    let mut command = Command::new(env!("CARGO"));
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", target).env("CARGO_TERM_COLOR", "never");
    // Set by the cargo that runs this test, for this crate.
    for variable in ["CARGO_MANIFEST_DIR", "OUT_DIR", "RUSTFLAGS"] {
        command.env_remove(variable);
    }
    command
}

/// Runs `command`, which has to succeed.
pub(crate) fn succeed(command: &mut Command) {
    let output = command.output().expect("cargo is there: it runs this test");
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
}

/// What a command has printed.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
