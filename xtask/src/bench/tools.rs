//! The foreign tools: what is missing is installed, or the failure says which command does it.

use std::process::{Command, Stdio};

use crate::Failure;
use crate::process::run;

/// A tool and the Debian package that has it.
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(crate) const VALGRIND: Tool = Tool { program: "valgrind", package: "valgrind" };
pub(crate) const TASKSET: Tool = Tool { program: "taskset", package: "util-linux" };
pub(crate) const PERF: Tool = Tool { program: "perf", package: "linux-perf" };

/// Makes sure that the tools are there.
pub(crate) fn require(tools: &[Tool]) -> Result<(), Failure> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !is_there(tool.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().map(|tool| tool.package).collect();
    if install(&packages).is_err() || missing.iter().any(|tool| !is_there(tool.program)) {
        let programs: Vec<&str> = missing.iter().map(|tool| tool.program).collect();
        return Err(Failure::new(format!(
            "{} is missing and could not be installed: apt-get install {}",
            programs.join(", "),
            packages.join(" ")
        )));
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    let mut version = Command::new(program);
    version.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// As root directly, and through `sudo` otherwise.
fn install(packages: &[&str]) -> Result<(), Failure> {
    let apt_get = |args: &[&str]| {
        let is_root = std::env::var_os("USER").is_some_and(|user| user == "root") || !is_there("sudo");
        let mut command = Command::new(if is_root { "apt-get" } else { "sudo" });
        if !is_root {
            command.arg("apt-get");
        }
        run(command.args(args).env("DEBIAN_FRONTEND", "noninteractive"))
    };
    apt_get(&["update", "-qq"])?;
    apt_get(&[&["install", "-y", "-qq", "--no-install-recommends"], packages].concat())
}
