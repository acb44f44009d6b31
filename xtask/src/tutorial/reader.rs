//! Somebody who follows a page: a new folder beside a checkout, and the terminals that are open.

use std::collections::HashMap;
use std::fs;
use std::net::{Ipv6Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::page::{Block, Typed, is_like};
use crate::Failure;
use crate::failure::While;
use crate::process::{Running, root, target_dir};

/// The port on the page.
const PORT: &str = "50051";

/// A command may have to build everything first.
const START_LIMIT: Duration = Duration::from_secs(900);

/// What is shown by a program that runs is shown soon.
const LINE_LIMIT: Duration = Duration::from_secs(30);

/// The reader; the folder is removed when this is dropped.
pub(super) struct Reader {
    /// Holds `halloo`, the checkout, and whatever the page makes beside it.
    desk: PathBuf,
    /// Where the reader stands.
    folder: PathBuf,
    port: String,
    terminals: HashMap<String, Running>,
}

impl Reader {
    pub(super) fn new() -> Result<Self, Failure> {
        let desk = std::env::temp_dir().join(format!("halloo-tutorial-{}", std::process::id()));
        fs::create_dir_all(&desk).while_doing(|| format!("cannot create {}", desk.display()))?;
        #[cfg(unix)]
        std::os::unix::fs::symlink(root(), desk.join("halloo")).while_doing(|| "cannot link the checkout".into())?;
        let port = free_port()?;
        Ok(Self { folder: desk.clone(), desk, port, terminals: HashMap::new() })
    }

    pub(super) fn follow(&mut self, block: Block) -> Result<(), Failure> {
        match block {
            Block::File { path, text } => self.write(&path, &text),
            Block::Excerpt { path, text } => self.find(&path, &text),
            Block::Shows { terminal, lines } => self.look(&terminal, &lines),
            Block::Console { terminal: None, commands } => commands.iter().try_for_each(|typed| self.type_in(typed)),
            Block::Console { terminal: Some(terminal), commands } => self.type_in_terminal(&terminal, &commands),
        }
    }

    /// Every terminal has to have been closed, by the page.
    pub(super) fn finish(self) -> Result<(), Failure> {
        match self.terminals.keys().next() {
            Some(open) => Err(Failure::new(format!("at the end of the page the {open} still runs"))),
            None => Ok(()),
        }
    }

    fn write(&self, path: &str, text: &str) -> Result<(), Failure> {
        let file = self.folder.join(path);
        let failed = || format!("cannot write {}", file.display());
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).while_doing(failed)?;
        }
        fs::write(&file, self.with_port(text)).while_doing(failed)
    }

    fn find(&self, path: &str, text: &str) -> Result<(), Failure> {
        let own = self.folder.join(path);
        let (file, wanted) =
            if own.exists() { (own, self.with_port(text)) } else { (root().join(path), text.to_owned()) };
        let whole = fs::read_to_string(&file).while_doing(|| format!("cannot read {path}"))?;
        if without_indent(&whole).contains(&without_indent(&wanted)) {
            return Ok(());
        }
        Err(Failure::new(format!("the excerpt is not in {path}")))
    }

    fn look(&mut self, terminal: &str, lines: &[String]) -> Result<(), Failure> {
        let lines: Vec<String> = lines.iter().map(|line| self.with_port(line)).collect();
        let Some(running) = self.terminals.get_mut(terminal) else {
            return Err(Failure::new(format!("there is no {terminal} that runs")));
        };
        read_lines(running, &lines, LINE_LIMIT)
    }

    /// Runs a command to its end. Its output, stderr with it, is what the page shows, or anything if it shows none.
    fn type_in(&mut self, typed: &Typed) -> Result<(), Failure> {
        if let Some(folder) = typed.command.strip_prefix("cd ") {
            self.folder = self.folder.join(folder);
            return if self.folder.is_dir() {
                Ok(())
            } else {
                Err(Failure::new(format!("there is no folder {folder}")))
            };
        }
        let ran = self
            .shell(&format!("{} 2>&1", typed.command))
            .stderr(Stdio::inherit())
            .output()
            .while_doing(|| format!("cannot run `{}`", typed.command))?;
        let printed = String::from_utf8_lossy(&ran.stdout);
        let shown: Vec<String> = typed.output.iter().map(|line| self.with_port(line)).collect();
        let is_error_shown = shown.iter().any(|line| line.starts_with("Error: "));
        let is_same = shown.is_empty() || all_like(printed.lines(), &shown);
        if is_same && ran.status.success() != is_error_shown {
            return self.lend_lock_file();
        }
        Err(Failure::new(format!("`{}` ended with {} and printed\n{printed}", typed.command, ran.status)))
    }

    /// The same versions as in the repository, so that nothing but the page's text is tried.
    fn lend_lock_file(&self) -> Result<(), Failure> {
        let lock = self.folder.join("Cargo.lock");
        if !self.folder.join("Cargo.toml").exists()
            || lock.exists()
            || self.folder.starts_with(self.desk.join("halloo"))
        {
            return Ok(());
        }
        fs::copy(root().join("Cargo.lock"), &lock).while_doing(|| format!("cannot write {}", lock.display()))?;
        Ok(())
    }

    /// Runs what stays, or ends what has stayed with `^C`.
    fn type_in_terminal(&mut self, terminal: &str, commands: &[Typed]) -> Result<(), Failure> {
        for typed in commands {
            let shown: Vec<String> = typed.output.iter().map(|line| self.with_port(line)).collect();
            if typed.command == "^C" {
                let Some(mut running) = self.terminals.remove(terminal) else {
                    return Err(Failure::new(format!("there is no {terminal} that runs")));
                };
                running.interrupt()?;
                read_lines(&mut running, &shown, LINE_LIMIT)?;
                if let Some(line) = running.next_line(LINE_LIMIT)? {
                    return Err(Failure::new(format!("the {terminal} also said {line:?}")));
                }
                let status = running.wait()?;
                if !status.success() {
                    return Err(Failure::new(format!("the {terminal} ended with {status}{}", running.stderr())));
                }
                continue;
            }
            let log = self.desk.join(format!("{terminal}.log"));
            let mut running = Running::start(&mut self.shell(&format!("exec {}", typed.command)), log)?;
            read_lines(&mut running, &shown, START_LIMIT)?;
            self.terminals.insert(terminal.to_owned(), running);
        }
        Ok(())
    }

    fn shell(&self, command: &str) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", &self.with_port(command)]).current_dir(&self.folder).stdin(Stdio::null());
        // Colours are for eyes.
        shell.env("CARGO_TARGET_DIR", target_dir().join("tutorial")).env("NO_COLOR", "1");
        shell
    }

    fn with_port(&self, text: &str) -> String {
        text.replace(PORT, &self.port)
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // A folder that stays behind in the place for temporary files harms nobody. The link goes, not the checkout.
        let _ = fs::remove_file(self.desk.join("halloo"));
        let _ = fs::remove_dir_all(&self.desk);
    }
}

fn free_port() -> Result<String, Failure> {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).while_doing(|| "cannot find a free port".into())?;
    let address = listener.local_addr().while_doing(|| "cannot find a free port".into())?;
    Ok(address.port().to_string())
}

fn without_indent(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Whether the lines printed are those shown; a line `…` alone stands for any number of them.
fn all_like<'a>(printed: impl Iterator<Item = &'a str> + Clone, shown: &[String]) -> bool {
    let Some((first, rest)) = shown.split_first() else { return printed.count() == 0 };
    let mut tail = printed.clone();
    if first == "…" {
        return all_like(tail.clone(), rest) || (tail.next().is_some() && all_like(tail, shown));
    }
    tail.next().is_some_and(|line| is_like(line, first)) && all_like(tail, rest)
}

fn read_lines(running: &mut Running, shown: &[String], limit: Duration) -> Result<(), Failure> {
    for expected in shown {
        let line = running.next_line(limit)?;
        if !line.as_deref().is_some_and(|line| is_like(line, expected)) {
            return Err(Failure::new(format!("instead of {expected:?} came {line:?}{}", running.stderr())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{all_like, without_indent};

    #[test]
    fn a_line_of_dots_stands_for_lines() {
        let shown = ["a".to_owned(), "…".to_owned(), "z".to_owned()];
        assert!(all_like("a\nb\nc\nz".lines(), &shown));
        assert!(all_like("a\nz".lines(), &shown));
        assert!(!all_like("a\nz\nb".lines(), &shown));
        assert!(!all_like("".lines(), &shown));
    }

    #[test]
    fn indentation_does_not_count_in_excerpts() {
        assert_eq!(without_indent("  a\n\n    b\n"), "a\nb");
    }
}
