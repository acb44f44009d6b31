//! Runs each server as a program and asks it for pages and RPCs, as a browser and a client would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use greeter_pages::{GreeterClient, HelloRequest};
use halloo::Code;

struct Server {
    process: Child,
    port: u16,
}

impl Server {
    /// Starts a server on a port that the system chooses, and waits until it says which.
    fn start(program: &str) -> Self {
        let mut process = Command::new(program).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim_end().strip_prefix("🟢 Server started on port ").unwrap().parse().unwrap();
        Self { process, port }
    }

    /// What `curl` would print of a page, after the status.
    fn page(&self, path: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(socket, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// Sends Ctrl-C and waits for an end that is well.
    #[cfg(unix)]
    fn stop(mut self) {
        let kill = format!("kill -INT {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended, unless the test failed.
        let _ = self.process.kill();
    }
}

#[cfg(unix)]
async fn pages_and_rpcs(program: &str) {
    let server = Server::start(program);
    assert_eq!(server.page("/health"), (200, "fine\n".into()));
    assert_eq!(server.page("/hello/Ada"), (200, r#"{"message":"Hello, Ada!"}"#.into()));
    assert_eq!(server.page("/hello/%20"), (400, "a name is needed (INVALID_ARGUMENT)\n".into()));
    assert_eq!(server.page("/nowhere").0, 404);

    let client = GreeterClient::connect(format!("http://127.0.0.1:{}", server.port)).await.unwrap();
    assert_eq!(client.say_hello(HelloRequest::default().with_name("Ada")).await.unwrap().message, "Hello, Ada!");
    let status = client.say_hello(HelloRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "a name is needed"));
    // Closing its connection is the runtime's work, so another thread waits for the server.
    drop(client);
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
}

#[tokio::test]
#[cfg(unix)]
async fn axum_inside_serves_pages_and_rpcs() {
    pages_and_rpcs(env!("CARGO_BIN_EXE_axum-inside")).await;
}

#[tokio::test]
#[cfg(unix)]
async fn axum_outside_serves_pages_and_rpcs() {
    pages_and_rpcs(env!("CARGO_BIN_EXE_axum-outside")).await;
}
