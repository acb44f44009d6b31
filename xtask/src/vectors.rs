//! Other people's test vectors: HPACK stories and HTTP/2 frames, which are kept outside of the repository.
//!
//! Unpacks the archives of a folder under `target/vectors` and runs the program of `interop/vectors` on them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{cargo, run as run_command, target_dir};

/// MIT both; each has its licence inside.
const ARCHIVES: [&str; 2] = ["hpack-test-case.tar.xz", "http2-frame-test-case.tar.xz"];

const HOW_TO_INSTALL: &str = "tar and xz are needed: apt-get install tar xz-utils";

/// Runs everything that is in the archives of the folder which `args` names.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let [folder] = args else {
        return Err(Failure::new(format!(
            "name the folder with {}: cargo xtask vectors FOLDER",
            ARCHIVES.join(" and ")
        )));
    };
    let unpacked = target_dir().join("vectors");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked).while_doing(|| format!("cannot empty {}", unpacked.display()))?;
    }
    for archive in ARCHIVES {
        unpack(&Path::new(folder).join(archive), &unpacked)?;
    }
    run_command(cargo(&["run", "--quiet", "--package=halloo-vectors", "--"]).arg(&unpacked))
}

fn unpack(archive: &Path, folder: &Path) -> Result<(), Failure> {
    if !archive.exists() {
        return Err(Failure::new(format!("{} is missing", archive.display())));
    }
    fs::create_dir_all(folder).while_doing(|| format!("cannot create {}", folder.display()))?;
    let mut tar = Command::new("tar");
    tar.arg("-xJf").arg(archive).arg("-C").arg(folder);
    run_command(&mut tar).map_err(|failure| Failure::new(format!("{failure}\n{HOW_TO_INSTALL}")))
}
