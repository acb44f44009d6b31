//! Runs the server and the client as two programs, with what they need to prove who they are and without.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// A folder for the keys of one test.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    // It is there if the system has given a process the same number before.
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

struct Server {
    process: Child,
    stdout: BufReader<ChildStdout>,
    port: u16,
    folder: PathBuf,
}

impl Server {
    /// Starts the server on a port that the system chooses, and waits until it says which.
    fn start(folder: &Path) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_secure-server"))
            .args([Path::new("[::]:0"), folder])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let port = line.trim_end().strip_prefix("🟢 Server started on port ").unwrap().parse().unwrap();
        Self { process, stdout, port, folder: folder.to_owned() }
    }

    fn client(&self, options: &[&str], scheme: &str) -> Output {
        let url = format!("{scheme}://localhost:{}", self.port);
        Command::new(env!("CARGO_BIN_EXE_secure-client")).args(options).arg(url).arg(&self.folder).output().unwrap()
    }

    /// What a client says that fails.
    fn refusal(&self, options: &[&str]) -> String {
        let output = self.client(options, "https");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(text(&output.stdout), "📨 Sending request with name: gRPC Learner\n");
        text(&output.stderr).to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_caller_with_certificate_and_token_is_greeted_and_known() {
    let keys = folder("greeted");
    let mut server = Server::start(&keys);
    let output = server.client(&[], "https");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(
        text(&output.stdout),
        "📨 Sending request with name: gRPC Learner\n\
         📬 Received response: Hello, gRPC Learner! You are ada, on laptop.example.\n"
    );
    let mut line = String::new();
    server.stdout.read_line(&mut line).unwrap();
    assert_eq!(line, "📩 Received request for: gRPC Learner (from ada, on laptop.example)\n");

    let authority = std::fs::read(keys.join("ca.pem")).unwrap();
    drop(server);
    let server = Server::start(&keys);
    assert!(server.client(&[], "https").status.success());
    assert_eq!(std::fs::read(keys.join("ca.pem")).unwrap(), authority, "what is there stays");
}

#[test]
fn whoever_lacks_something_is_told_what() {
    let server = Server::start(&folder("refused"));
    assert_eq!(
        server.refusal(&["--without-token"]),
        "Error: this method needs a token: send the metadata `authorization: Bearer <token>` (UNAUTHENTICATED)\n  \
         calling  greeter.Greeter/SayHello\n"
    );
    let refusal = server.refusal(&["--without-certificate"]);
    assert!(refusal.starts_with("Error: ") && refusal.contains("certificate"), "{refusal}");
    assert!(refusal.contains("(UNAVAILABLE)"), "{refusal}");

    std::fs::write(server.folder.join("token"), "made.up.token").unwrap();
    assert_eq!(
        server.refusal(&[]),
        "Error: the token is no JWT that this server can read (UNAUTHENTICATED)\n  \
         calling  greeter.Greeter/SayHello\n"
    );

    let output = server.client(&[], "http");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("http://"), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), "", "it did not even begin");
}

#[test]
#[cfg(unix)]
fn nobody_else_can_read_the_keys() {
    use std::os::unix::fs::PermissionsExt;

    let keys = folder("private");
    drop(Server::start(&keys));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&keys), 0o700);
    let files: Vec<_> = std::fs::read_dir(&keys).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 8);
    assert!(files.iter().all(|file| mode(file) == 0o600));
}
