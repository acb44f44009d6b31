//! Our server of the matrix: `interop-python-server --listen ADDRESS [--tls FOLDER [--mutual]]`, where the address is
//! `127.0.0.1:0`, `[::1]:0` or `unix:/path`.
//!
//! Prints `listening on ADDRESS` once it can be called, and serves until it is killed.
#![expect(clippy::print_stdout, reason = "the line that the matrix waits for")]

use halloo::Server;
use halloo_interop_python::{InteropServer, InteropService, Options};

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let options = Options::read("--listen")?;
    let server = Server::bind(&options.address).await?;
    let server = options.server_tls()?.into_iter().fold(server, Server::tls);
    // For health probes: a name of which it says that.
    server.health().set_not_serving("interop.asleep");
    println!("listening on {}", server.address());
    server.serve(InteropServer::new(InteropService::default())).await
}
