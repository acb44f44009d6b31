//! Every test beside four spinning processes: a test that fails on a busy machine is a fault of the test or of Halloo.
//!
//! The test binaries are built once. Those that have to do with time, memory or sockets run [`TIMED_ROUNDS`] times, and
//! side by side with them all others [`ROUNDS`] times. No failure is excused, and the rest of the rounds runs on after one.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Failure;
use crate::failure::While;
use crate::process::{Running, cargo, log_file, output};

const ROUNDS: usize = 3;
const TIMED_ROUNDS: usize = 20;
const SPINNERS: usize = 4;

/// A test that says nothing for so long hangs. Those that build packages are slow beside spinning processes.
const SILENCE: Duration = Duration::from_secs(900);

/// Lines of a failed binary that are shown.
const SHOWN_LINES: usize = 60;

/// The binaries whose tests look at the clock, wait on sockets or count memory: package and target.
const TIMED: &[(&str, &str)] = &[
    ("halloo-client", "balancing"),
    ("halloo-client", "credentials"),
    ("halloo-client", "halloo_client"),
    ("halloo-client", "in_process"),
    ("halloo-client", "keepalive"),
    ("halloo-client", "sockets"),
    ("halloo-client", "within"),
    ("halloo-jwt", "authenticator"),
    ("halloo-server", "calls"),
    ("halloo-server", "life"),
    ("halloo-server", "placement"),
    ("halloo-server", "robustness"),
    ("halloo-server", "time_limits"),
    ("halloo-tests", "calls"),
    ("halloo-tests", "closing"),
    ("halloo-tests", "leaks"),
    ("halloo-tests", "observation"),
    ("halloo-tests", "services"),
    ("halloo-tests", "tls"),
    ("halloo-tests", "web"),
    ("halloo-tower", "time"),
    ("halloo-transport", "halloo_transport"),
    ("halloo-transport", "opening"),
    ("streaming", "guide"),
];

/// One program of tests.
#[derive(Clone, Debug, PartialEq, Eq)]
struct TestBinary {
    package: String,
    target: String,
    executable: PathBuf,
    /// The folder of its package, in which cargo runs it.
    folder: PathBuf,
}

pub(crate) fn run() -> Result<(), Failure> {
    let binaries = build()?;
    if let Some((package, target)) = TIMED.iter().find(|timed| !binaries.iter().any(|binary| binary.is(timed))) {
        return Err(Failure::new(format!("TIMED in xtask/src/stress.rs names {package} {target}, which has no tests")));
    }
    let (timed, others): (Vec<_>, Vec<_>) =
        binaries.into_iter().partition(|binary| TIMED.iter().any(|timed| binary.is(timed)));
    let spinners = (0..SPINNERS).map(|_| Spinner::start()).collect::<Result<Vec<_>, _>>()?;
    let started = Instant::now();
    // Side by side: tests that build packages take most of the time, and are one more load for the timed ones.
    let mut failures = Vec::new();
    std::thread::scope(|scope| {
        let timed = scope.spawn(|| run_rounds(&timed, TIMED_ROUNDS, started));
        failures.extend(run_rounds(&others, ROUNDS, started));
        failures.extend(timed.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
    });
    drop(spinners);
    let runs = timed.len() * TIMED_ROUNDS + others.len() * ROUNDS;
    println!("    {runs} runs in {} s beside {SPINNERS} spinning processes", started.elapsed().as_secs());
    if failures.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("{} of {runs} runs failed:\n  {}", failures.len(), failures.join("\n  "))))
}

/// Runs all `binaries` again and again, and names the runs that failed.
fn run_rounds(binaries: &[TestBinary], rounds: usize, started: Instant) -> Vec<String> {
    let mut failures = Vec::new();
    for round in 1..=rounds {
        for binary in binaries {
            let name = format!("{} {}", binary.package, binary.target);
            let begun = Instant::now();
            let verdict = binary.run();
            let (took, since) = (begun.elapsed().as_secs_f64(), started.elapsed().as_secs());
            let word = if verdict.is_ok() { "ok    " } else { "FAILED" };
            println!("    {word} round {round:>2}/{rounds:<2} {took:>6.1} s  {since:>5} s in all  {name}");
            if let Err(failure) = verdict {
                println!("{failure}");
                failures.push(format!("round {round}: {name}"));
            }
        }
    }
    failures
}

/// Builds all test binaries, as `cargo test --workspace` would.
fn build() -> Result<Vec<TestBinary>, Failure> {
    println!("    $ cargo test --workspace --no-run");
    let messages = output(&mut cargo(&["test", "--workspace", "--no-run", "--quiet", "--message-format=json"]))?;
    let mut binaries: Vec<_> = messages.lines().filter_map(read_message).collect();
    binaries.sort_by(|a, b| (&a.package, &a.target).cmp(&(&b.package, &b.target)));
    Ok(binaries)
}

/// The test binary that one of cargo's messages speaks of, if it does.
fn read_message(line: &str) -> Option<TestBinary> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    if message["profile"]["test"] != true {
        return None;
    }
    let folder = PathBuf::from(message["manifest_path"].as_str()?).parent()?.to_path_buf();
    // path+file:///folder/of/halloo-core#0.1.0, or ...#name@0.1.0 where the folder has another name.
    let (place, version) = message["package_id"].as_str()?.split_once('#')?;
    let package = match version.split_once('@') {
        Some((name, _)) => name,
        None => place.rsplit('/').next()?,
    };
    Some(TestBinary {
        package: package.to_owned(),
        target: message["target"]["name"].as_str()?.to_owned(),
        executable: message["executable"].as_str()?.into(),
        folder,
    })
}

impl TestBinary {
    fn is(&self, (package, target): &(&str, &str)) -> bool {
        self.package == *package && self.target == *target
    }

    fn run(&self) -> Result<(), Failure> {
        let mut command = Command::new(&self.executable);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder).env("CARGO_PKG_NAME", &self.package);
        // What failed, not from where: the last lines are shown.
        command.env("CARGO", cargo(&[]).get_program()).env("RUST_BACKTRACE", "0");
        let mut running = Running::start(&mut command, log_file(&format!("stress-{}-{}", self.package, self.target))?)?;
        let mut lines = Vec::new();
        while let Some(line) = running.next_line(SILENCE)? {
            lines.push(line);
        }
        let status = running.wait()?;
        if status.success() {
            return Ok(());
        }
        let shown = &lines[lines.len().saturating_sub(SHOWN_LINES)..];
        Err(Failure::new(format!("{status}\n{}{}", shown.join("\n"), running.stderr())))
    }
}

/// A process that keeps a processor busy until this one is gone, however it ends.
struct Spinner(Child);

impl Spinner {
    fn start() -> Result<Self, Failure> {
        let program = std::env::current_exe().while_doing(|| "cannot find this program".into())?;
        let child = Command::new(program).arg(SPIN).stdin(Stdio::piped()).spawn();
        Ok(Self(child.while_doing(|| "cannot start a process that spins".into())?))
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        // Both fail only for one that has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The command of a spinning process, which is no chore.
pub(crate) const SPIN: &str = "spin";

/// Spins until stdin is closed, which it is at the latest when the parent has ended.
pub(crate) fn spin() {
    std::thread::spawn(|| {
        loop {
            std::hint::spin_loop();
        }
    });
    // Either way there is nothing more to wait for.
    let _ = std::io::stdin().read(&mut [0]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_binaries_are_found_among_the_messages_of_cargo() {
        let message = |id: &str, test: bool, executable: &str| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"{id}","manifest_path":"/r/crates/a/Cargo.toml",
                    "target":{{"name":"wire"}},"profile":{{"test":{test}}},"executable":{executable}}}"#
            )
            .replace('\n', " ")
        };
        for (line, expected) in [
            (message("path+file:///r/crates/a#0.1.0", true, "\"/t/wire\""), Some("a")),
            (message("path+file:///r/interop/x#halloo-x@0.1.0", true, "\"/t/wire\""), Some("halloo-x")),
            (message("path+file:///r/crates/a#0.1.0", false, "\"/t/wire\""), None),
            (message("path+file:///r/crates/a#0.1.0", true, "null"), None),
            (r#"{"reason":"build-finished","success":true}"#.to_owned(), None),
            ("no json".to_owned(), None),
        ] {
            let found = read_message(&line);
            assert_eq!(found.as_ref().map(|binary| binary.package.as_str()), expected, "{line}");
            if let Some(binary) = found {
                assert_eq!((binary.target.as_str(), binary.folder.to_str()), ("wire", Some("/r/crates/a")));
            }
        }
    }
}
