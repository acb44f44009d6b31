//! `axum-greeter ADDR [--runtime current|multi] [--threads N]`: the measured Greeter within axum.
#![expect(clippy::print_stdout, reason = "the line says that it listens")]

use std::error::Error;

use axum::routing::get;
use axum::serve::ListenerExt as _;
use halloo_bench::options::Options;
use halloo_bench::{BytesServer, GreeterServer, MyBytes, MyGreeter};
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads"], &["inline"])?;
    options.runtime()?.block_on(async {
        let listener = TcpListener::bind(&options.address).await?;
        println!("listening on {}", listener.local_addr()?);
        // A socket that cannot be told is found out by its first read.
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        let app = axum::Router::new()
            .route("/health", get(async || "fine"))
            .fallback_service(halloo::tower::routes((GreeterServer::new(MyGreeter), BytesServer::new(MyBytes))));
        axum::serve(listener, app).await?;
        Ok(())
    })
}
