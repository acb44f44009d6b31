//! h2spec against our server, and h2specd against our client: every case, strict ones too, has to pass.
//!
//! The tools are Go's and pinned in `interop/h2spec/go.mod`; the programs under test are in `interop/h2spec`. No case
//! is excepted: where one has to be, it gets a name in `docs/DESIGN.md` and a list here that has to hold exactly.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Failure;
use crate::failure::While;
use crate::process::{Running, cargo, root, run as run_command, target_dir};

const HOW_TO_INSTALL: &str = "Go 1.24 or newer is needed: apt-get install golang-go, or https://go.dev/dl";

/// A server that is not up by then never will be.
const START_LIMIT: Duration = Duration::from_secs(60);

/// Cases that each tool has at least; a later build of h2spec has more.
const SERVER_CASES: usize = 146;
const CLIENT_CASES: usize = 57;

/// Runs both tools: those that are in the folder which `args` names, else the pinned ones.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let tools = match args {
        [] => install()?,
        [folder] => std::path::absolute(folder).while_doing(|| format!("cannot find {folder}"))?,
        _ => return Err(Failure::new("h2spec takes one folder at most")),
    };
    run_command(&mut cargo(&["build", "--package=halloo-interop-h2spec"]))?;
    let server = test_server(&tools);
    let client = test_client(&tools);
    server.and(client)
}

/// Builds the pinned tools and returns their folder.
fn install() -> Result<PathBuf, Failure> {
    let folder = log_folder()?.join("bin");
    let mut go = Command::new("go");
    go.args(["install", "tool"]).current_dir(root().join("interop/h2spec")).env("GOBIN", &folder);
    run_command(&mut go).map_err(|failure| Failure::new(format!("{failure}\n{HOW_TO_INSTALL}")))?;
    Ok(folder)
}

fn log_folder() -> Result<PathBuf, Failure> {
    let folder = target_dir().join("h2spec");
    fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
    Ok(folder)
}

fn programs() -> PathBuf {
    target_dir().join("debug")
}

fn test_server(tools: &Path) -> Result<(), Failure> {
    let mut server =
        Running::start(&mut Command::new(programs().join("h2spec-server")), log_folder()?.join("server.log"))?;
    let address = server.wait_for("listening on ", START_LIMIT)?;
    let port = address.rsplit(':').next().unwrap_or_default();
    let mut tool = Command::new(tools.join("h2spec"));
    tool.args(["--strict", "--timeout=5", "--port", port]);
    judge("h2spec", &mut tool, SERVER_CASES)
}

fn test_client(tools: &Path) -> Result<(), Failure> {
    let mut tool = Command::new(tools.join("h2specd"));
    // It splits the command at spaces, so the path must have none.
    tool.current_dir(programs()).args(["--strict", "--exec=./h2specd-client", "--from-port"]);
    tool.arg(free_ports(CLIENT_CASES)?.to_string());
    judge("h2specd", &mut tool, CLIENT_CASES)
}

/// The first of `count` ports in a row that nobody listens on: h2specd has a port for each case.
fn free_ports(count: usize) -> Result<u16, Failure> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    for _ in 0..100 {
        let address = bind(0).and_then(|listener| listener.local_addr());
        let first = address.while_doing(|| "cannot listen on 127.0.0.1".to_owned())?.port();
        let Some(last) = u16::try_from(count).ok().and_then(|count| first.checked_add(count)) else { continue };
        if (first..last).all(|port| bind(port).is_ok()) {
            return Ok(first);
        }
    }
    Err(Failure::new(format!("there are no {count} free ports in a row")))
}

/// Runs a tool and holds its own summary against "all passed"; h2specd's exit code says nothing.
fn judge(name: &str, tool: &mut Command, least_cases: usize) -> Result<(), Failure> {
    let output = tool.output().while_doing(|| format!("cannot start {name}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let summary = text.lines().rev().find_map(Summary::read);
    match summary {
        Some(summary) if summary.all_passed(least_cases) => {
            println!("    {name}: {summary}");
            Ok(())
        }
        Some(summary) => {
            Err(Failure::new(format!("{text}\n{name}: {summary}; wanted is at least {least_cases}, all passed")))
        }
        None => Err(Failure::new(format!("{text}{}\n{name} said no summary", String::from_utf8_lossy(&output.stderr)))),
    }
}

/// A tool's last line: `147 tests, 147 passed, 0 skipped, 0 failed`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Summary {
    tests: usize,
    passed: usize,
    skipped: usize,
    failed: usize,
}

impl Summary {
    fn read(line: &str) -> Option<Self> {
        let mut counts = line.split(", ").zip([" tests", " passed", " skipped", " failed"]);
        let mut next = || {
            let (count, word) = counts.next()?;
            count.strip_suffix(word)?.parse().ok()
        };
        Some(Self { tests: next()?, passed: next()?, skipped: next()?, failed: next()? })
    }

    fn all_passed(self, least_cases: usize) -> bool {
        self.passed == self.tests && self.skipped == 0 && self.failed == 0 && self.tests >= least_cases
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tests, passed, skipped, failed } = self;
        write!(f, "{tests} tests, {passed} passed, {skipped} skipped, {failed} failed")
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn only_a_full_score_passes() {
        let all = Summary::read("146 tests, 146 passed, 0 skipped, 0 failed").unwrap();
        assert!(all.all_passed(146) && !all.all_passed(147));
        for line in ["146 tests, 145 passed, 1 skipped, 0 failed", "146 tests, 145 passed, 0 skipped, 1 failed"] {
            assert!(!Summary::read(line).unwrap().all_passed(146), "{line}");
        }
        assert_eq!(Summary::read("Finished in 0.1 seconds"), None);
    }
}
