//! What h2spec tests: the server with its default limits, answering plain HTTP through the fallback.
//!
//! Prints `listening on ADDRESS` once it can be called, and serves until it is killed.
#![expect(clippy::print_stdout, reason = "the line that xtask waits for")]

use bytes::Bytes;
use halloo::Server;
use halloo::server::{HttpRequest, HttpResponder, Methods, Services};

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let server = Server::bind("127.0.0.1:0").await?.fallback(answer);
    println!("listening on {}", server.address());
    server.serve(NoServices).await
}

/// There is nothing but the fallback.
struct NoServices;

impl Services for NoServices {
    fn register_all(self, _methods: &mut Methods) {}
}

/// Reads the request to its end and answers with a body: its own if it had one, else a text.
async fn answer(_request: HttpRequest, mut responder: HttpResponder) {
    let mut body = Vec::new();
    loop {
        match responder.body().await {
            Ok(Some(chunks)) => body.extend(chunks.iter().flatten()),
            Ok(None) => break,
            // The client is gone.
            Err(_) => return,
        }
    }
    let body = if body.is_empty() { Bytes::from_static(b"Hello, h2spec!\n") } else { Bytes::from(body) };
    responder.text(200, body).await;
}
