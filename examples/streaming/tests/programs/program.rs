//! A program that runs: what it prints can be waited for, and lines can be typed into it.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

pub(crate) struct Program {
    process: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    pub(crate) fn start(path: &str, args: &[&str]) -> Self {
        let mut process = Command::new(path)
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = process.stdin.take();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Self { process, stdin, stdout }
    }

    /// Starts a server and waits until it says its port.
    pub(crate) fn serve(path: &str, args: &[&str]) -> (Self, u16) {
        let mut server = Self::start(path, args);
        let line = server.line();
        let port = line.strip_prefix("🟢 Server started on port ").unwrap_or_else(|| panic!("it said {line:?}"));
        let port = port.parse().unwrap();
        (server, port)
    }

    /// The next line on stdout; at its end, what stderr has to say fails the test.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        if line.is_empty() {
            let mut logs = String::new();
            self.process.stderr.take().unwrap().read_to_string(&mut logs).unwrap();
            panic!("it has ended: {logs}");
        }
        line.trim_end().to_owned()
    }

    /// Reads until a line contains `part`, and returns it.
    pub(crate) fn line_with(&mut self, part: &str) -> String {
        self.lines_until(part).pop().unwrap()
    }

    /// Reads until a line contains `part`, and returns all of them.
    pub(crate) fn lines_until(&mut self, part: &str) -> Vec<String> {
        let mut lines = vec![self.line()];
        while !lines.last().unwrap().contains(part) {
            lines.push(self.line());
        }
        lines
    }

    pub(crate) fn type_line(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Ctrl-D.
    pub(crate) fn end_input(&mut self) {
        self.stdin = None;
    }

    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end, and returns whether it went well and what it printed since the last line read.
    pub(crate) fn end(mut self) -> Ended {
        let (mut stdout, mut stderr) = (String::new(), String::new());
        self.stdout.read_to_string(&mut stdout).unwrap();
        if let Some(mut logs) = self.process.stderr.take() {
            logs.read_to_string(&mut stderr).unwrap();
        }
        Ended { success: self.process.wait().unwrap().success(), stdout, stderr }
    }

    /// As [`end`](Self::end), of a program that has nothing to complain of.
    #[track_caller]
    pub(crate) fn end_well(self) -> String {
        let Ended { success, stdout, stderr } = self.end();
        assert!(success && stderr.is_empty(), "{stderr}");
        stdout
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.process.kill();
    }
}

pub(crate) struct Ended {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}
