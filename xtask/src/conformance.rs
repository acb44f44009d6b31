//! connectconformance against our server and our client: gRPC over HTTP/2, every case of every feature that
//! `interop/conformance/config.yaml` lists.
//!
//! The tool is Go's and pinned in `interop/conformance/go.mod`; the programs under test are in `interop/conformance`. The
//! tool's own clients and servers, connect-go's and grpc-go's, are at the other end. No case may fail, be skipped or be
//! known to fail, and none may get lost: the least number of cases is written down here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{cargo, root, run as run_command, target_dir};

const HOW_TO_INSTALL: &str = "Go 1.24 or newer is needed: apt-get install golang-go, or https://go.dev/dl";

/// What the tool makes of the configuration.
const SERVER_CASES: usize = 1532;
const CLIENT_CASES: usize = 1868;

/// Cases wait for deadlines most of the time, so many run at once.
const CASES_AT_ONCE: &str = "32";

/// Runs the tool for both sides: all cases, or those whose names match the patterns in `args`.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let tool = install()?;
    run_command(&mut cargo(&["build", "--package=halloo-interop-conformance"]))?;
    let server = judge("server", SERVER_CASES, args, command(&tool, "server").args(["--parallel", CASES_AT_ONCE]));
    let client = judge("client", CLIENT_CASES, args, &mut command(&tool, "client"));
    server.and(client)
}

/// Builds the pinned tool.
fn install() -> Result<PathBuf, Failure> {
    let folder = target_dir().join("conformance");
    fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
    let mut go = Command::new("go");
    go.args(["install", "tool"]).current_dir(root().join("interop/conformance")).env("GOBIN", &folder);
    run_command(&mut go).map_err(|failure| Failure::new(format!("{failure}\n{HOW_TO_INSTALL}")))?;
    Ok(folder.join("connectconformance"))
}

fn command(tool: &Path, mode: &str) -> Command {
    let mut command = Command::new(tool);
    command.args(["--verbose", "--mode", mode, "--conf"]);
    command.arg(root().join("interop/conformance/config.yaml"));
    command
}

/// Runs the tool against our program of `mode` and holds its summary against "all passed".
fn judge(mode: &str, least_cases: usize, patterns: &[String], tool: &mut Command) -> Result<(), Failure> {
    if !patterns.is_empty() {
        // Whoever runs a few wants to see what went over the wire where one fails.
        tool.arg("--trace").args(patterns.iter().flat_map(|pattern| ["--run", pattern]));
    }
    tool.arg("--").arg(target_dir().join("debug").join(format!("conformance-{mode}")));
    let output = tool.output().while_doing(|| "cannot start connectconformance".to_owned())?;
    let text = String::from_utf8_lossy(&output.stdout);
    let least_cases = if patterns.is_empty() { least_cases } else { 1 };
    match Summary::read(&text) {
        Some(summary) if output.status.success() && summary.all_passed(least_cases) => {
            println!("    conformance of the {mode}: {summary}");
            Ok(())
        }
        summary => {
            let summary = summary.map_or("no summary".to_owned(), |summary| summary.to_string());
            let errors = String::from_utf8_lossy(&output.stderr);
            let wanted = format!("wanted is at least {least_cases}, all passed");
            Err(Failure::new(format!("{text}{errors}\nconformance of the {mode}: {summary}; {wanted}")))
        }
    }
}

/// The tool's last lines: `Total cases: 920` and `920 passed, 0 failed`, and more of them if there was anything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Summary {
    cases: usize,
    passed: usize,
    failed: usize,
    /// Nothing was left out or excused.
    is_clean: bool,
}

impl Summary {
    fn read(text: &str) -> Option<Self> {
        let (_, summary) = text.rsplit_once("Total cases: ")?;
        let mut lines = summary.lines();
        let cases = lines.next()?.parse().ok()?;
        let (passed, failed) = lines.next()?.split_once(" passed, ")?;
        let failed = failed.strip_suffix(" failed")?.parse().ok()?;
        let is_clean = lines.all(|line| line.trim().is_empty());
        Some(Self { cases, passed: passed.parse().ok()?, failed, is_clean })
    }

    fn all_passed(self, least_cases: usize) -> bool {
        self.passed == self.cases && self.failed == 0 && self.is_clean && self.cases >= least_cases
    }
}

impl std::fmt::Display for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { cases, passed, failed, is_clean } = self;
        write!(f, "{cases} cases, {passed} passed, {failed} failed")?;
        if *is_clean { Ok(()) } else { f.write_str(", others left out or excused") }
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn only_a_full_score_passes() {
        let all = Summary::read("Loaded 32 test suite(s).\nTotal cases: 920\n920 passed, 0 failed\n").unwrap();
        assert!(all.all_passed(920) && !all.all_passed(921));
        for text in [
            "Total cases: 920\n919 passed, 1 failed\n",
            "Total cases: 920\n919 passed, 0 failed\n(Another 1 failed as expected due to being known failures/flakes.)\n",
            "Total cases: 920\n920 passed, 0 failed\nAnother 4 could not be run due to client timing out.\n",
        ] {
            assert!(!Summary::read(text).unwrap().all_passed(920), "{text}");
        }
        assert_eq!(Summary::read("Total cases: many"), None);
    }
}
