//! Other programs: run one to its end, or start one and read its lines as they come.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::Failure;
use crate::failure::While;

/// A `cargo` command in the root of the repository.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    command
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Where cargo puts what it builds, and where we put what we make.
pub(crate) fn target_dir() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Where the stderr of a program may go, under what cargo builds.
pub(crate) fn log_file(name: &str) -> Result<PathBuf, Failure> {
    let folder = target_dir().join("logs");
    std::fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
    Ok(folder.join(format!("{name}.log")))
}

/// Shows and runs `command`; its output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let line = command_line(command);
    println!("    $ {line}");
    let status = command.status().while_doing(|| format!("cannot start `{line}`"))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("`{line}` failed: {status}"))) }
}

/// Runs `command` and gives back what it wrote on stdout.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let line = command_line(command);
    let output = command.stderr(Stdio::inherit()).output().while_doing(|| format!("cannot start `{line}`"))?;
    if !output.status.success() {
        return Err(Failure::new(format!("`{line}` failed: {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| Failure::new(format!("`{line}` wrote something that is not UTF-8")))
}

fn command_line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name).chain(command.get_args()).map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// A program that is running. It is killed when this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    name: String,
    log: PathBuf,
}

impl Running {
    /// Starts `command`; its stderr goes to the file `log`.
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Result<Self, Failure> {
        let name = command_line(command);
        let stderr = File::create(&log).while_doing(|| format!("cannot create {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut child = command.spawn().while_doing(|| format!("cannot start `{name}`"))?;
        let (sender, lines) = channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        Ok(Self { child, lines, name, log })
    }

    /// The next line on stdout; `None` if the program has closed it.
    pub(crate) fn next_line(&mut self, limit: Duration) -> Result<Option<String>, Failure> {
        match self.lines.recv_timeout(limit) {
            Ok(line) => Ok(Some(line)),
            Err(RecvTimeoutError::Disconnected) => Ok(None),
            Err(RecvTimeoutError::Timeout) => {
                Err(Failure::new(format!("`{}` said nothing for {} s{}", self.name, limit.as_secs(), self.stderr())))
            }
        }
    }

    /// The first line on stdout, without `prefix`.
    pub(crate) fn wait_for(&mut self, prefix: &str, limit: Duration) -> Result<String, Failure> {
        let Some(line) = self.next_line(limit)? else {
            return Err(Failure::new(format!("`{}` ended without a word{}", self.name, self.stderr())));
        };
        match line.strip_prefix(prefix) {
            Some(rest) => Ok(rest.trim().to_owned()),
            None => Err(Failure::new(format!("`{}` should begin with {prefix:?} and said {line:?}", self.name))),
        }
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Asks the program to end, and waits until it has.
    pub(crate) fn terminate(&mut self) -> Result<ExitStatus, Failure> {
        output(Command::new("kill").args(["-TERM", &self.id().to_string()]))?;
        self.wait()
    }

    /// Asks the program to end as Ctrl-C does.
    pub(crate) fn interrupt(&self) -> Result<(), Failure> {
        output(Command::new("kill").args(["-INT", &self.id().to_string()])).map(drop)
    }

    /// Waits for the end of a program that has closed its stdout.
    pub(crate) fn wait(&mut self) -> Result<ExitStatus, Failure> {
        self.child.wait().while_doing(|| format!("cannot wait for `{}`", self.name))
    }

    /// What the program wrote on stderr, as the end of a sentence; empty if nothing.
    pub(crate) fn stderr(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let text = text.trim();
        if text.is_empty() { String::new() } else { format!("; on stderr:\n{}", indent(text)) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a program that has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("      | {line}")).collect::<Vec<_>>().join("\n")
}
