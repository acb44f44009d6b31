//! Python's virtual environments with pinned packages, made anew when the pins change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::run;

const HOW_TO_INSTALL: &str = "python3 with its venv module is needed: apt-get install python3 python3-venv";

/// Makes the environment `folder` with what the file `requirements` pins, and returns its folder of programs.
pub(crate) fn prepare(folder: &Path, requirements: &Path) -> Result<PathBuf, Failure> {
    let wanted = fs::read_to_string(requirements).while_doing(|| format!("cannot read {}", requirements.display()))?;
    let programs = folder.join("bin");
    let stamp = folder.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(programs);
    }
    let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder));
    made.map_err(|failure| Failure::new(format!("{failure}\n{HOW_TO_INSTALL}")))?;
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    run(&mut pip)?;
    fs::write(&stamp, wanted).while_doing(|| format!("cannot write {}", stamp.display()))?;
    Ok(programs)
}
