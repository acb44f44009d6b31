//! Runs the server and the client as two programs.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

struct Server {
    process: Child,
    stdout: BufReader<ChildStdout>,
    port: u16,
}

impl Server {
    /// Starts the server on a port that the system chooses, and waits until it says which.
    fn start() -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_server"))
            .arg("127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line.trim_end().strip_prefix("🟢 Server started on port ").unwrap().parse().unwrap();
        Self { process, stdout, port }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Sends `signal` and returns what the server printed after its first line, once it has ended well.
    #[cfg(unix)]
    fn stop(mut self, signal: &str) -> String {
        let kill = format!("kill -{signal} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.process.wait().unwrap();
        let mut logs = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut logs).unwrap();
        assert!(status.success(), "{status}: {logs}");
        assert_eq!(logs, "");
        rest
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.process.kill();
    }
}

fn client(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_client")).args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
#[cfg(unix)]
fn the_client_prints_its_lines_and_sigterm_ends_the_server() {
    let server = Server::start();
    let output = client(&[&server.url()]);
    assert_eq!(
        text(&output.stdout),
        "📨 Sending request with name: gRPC Learner\n📬 Received response: Hello, gRPC Learner!\n"
    );
    assert!(output.status.success() && output.stderr.is_empty(), "{}", text(&output.stderr));
    let output = client(&[&server.url(), "Zoë 🌍"]);
    assert_eq!(text(&output.stdout), "📨 Sending request with name: Zoë 🌍\n📬 Received response: Hello, Zoë 🌍!\n");
    let port = server.port;
    assert_eq!(
        server.stop("TERM"),
        "📩 Received request for: gRPC Learner\n📤 Sending response: Hello, gRPC Learner!\n\
         📩 Received request for: Zoë 🌍\n📤 Sending response: Hello, Zoë 🌍!\n"
    );
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "the port is free");
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_the_server_though_a_client_stays_connected() {
    let server = Server::start();
    let mut idle = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    assert!(client(&[&server.url(), "x"]).status.success());
    assert!(server.stop("INT").contains("Hello, x!"));
    // The server has said goodbye and hung up.
    idle.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
#[cfg(target_os = "linux")]
fn a_client_without_a_server_says_what_to_do() {
    // Held on one address, the port is nobody's on another.
    let held = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let free = format!("127.3.2.1:{}", held.local_addr().unwrap().port());
    let output = client(&[&format!("http://{free}")]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), "");
    let stderr = text(&output.stderr);
    assert!(stderr.starts_with(&format!("Error: cannot reach {free}: connection refused (UNAVAILABLE)\n")), "{stderr}");
    assert!(stderr.contains("\n  hint     nothing listens there; start the server"), "{stderr}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_second_server_on_the_port_names_the_first() {
    let first = Server::start();
    let address = format!("127.0.0.1:{}", first.port);
    let second = Command::new(env!("CARGO_BIN_EXE_server")).arg(&address).output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    assert_eq!(text(&second.stdout), "");
    let expected = format!(
        "Error: port {} is already used by pid {} (server) (UNAVAILABLE)\n  hint     stop it, or choose another port",
        first.port,
        first.process.id()
    );
    let stderr = text(&second.stderr);
    assert!(stderr.starts_with(&expected), "{stderr}");
    first.stop("TERM");
}
