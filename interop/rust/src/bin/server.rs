//! Our server of the matrix: `interop-python-server --listen 127.0.0.1:0 | [::1]:0 | unix:/path`.
//!
//! Prints `listening on ADDRESS` once it can be called, and serves until it is killed.
#![expect(clippy::print_stdout, reason = "the line that the matrix waits for")]

use halloo::Server;
use halloo_interop_python::{InteropServer, InteropService};

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [flag, address] = &args[..] else { return Err(usage()) };
    if flag != "--listen" {
        return Err(usage());
    }
    let server = Server::bind(address).await?;
    // For health probes: a name of which it says that.
    server.health().set_not_serving("interop.asleep");
    println!("listening on {}", server.address());
    server.serve(InteropServer::new(InteropService::default())).await
}

fn usage() -> halloo::Error {
    halloo::Status::invalid_argument("usage: interop-python-server --listen ADDRESS")
}
