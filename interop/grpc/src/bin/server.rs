//! gRPC's interop server: `interop-server --port=N [--use_tls=true --tls_cert_file=PEM --tls_key_file=PEM]`.
//!
//! `--use_mcs=true` allows two calls a connection. Port 0 is any that is free. Prints `listening on ADDRESS` once it
//! can be called, and serves until it is killed.
#![expect(clippy::print_stdout, reason = "the line that whoever starts it waits for")]

use halloo_interop::{Flags, SERVER_FLAGS, TestServer, bind};

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let server = bind(&Flags::read(std::env::args().skip(1), &SERVER_FLAGS)?).await?;
    println!("listening on {}", server.address());
    server.serve(TestServer::services()).await
}
