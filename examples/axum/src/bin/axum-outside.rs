//! An axum server with the Greeter in it: `axum-outside [ADDRESS]`, by default on port 50051.
//!
//! hyper carries the RPCs like everything else, and axum's layers see them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use greeter_pages::{GreeterServer, MyGreeter, pages};
use halloo::Peer;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or("[::]:50051".into());
    let greeter = Arc::new(MyGreeter);
    let listener = TcpListener::bind(address).await?;
    println!("🟢 Server started on port {}", listener.local_addr()?.port());
    let app = pages(Arc::clone(&greeter))
        .fallback_service(halloo::tower::routes(GreeterServer::new(greeter)))
        .layer(map_request(tell_peer));
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(async {
            // Without a signal to wait for it stops at once, rather than never.
            let _ = tokio::signal::ctrl_c().await;
        })
        .await
}

/// Lets handlers know who calls: axum knows it, and Halloo finds it among the request's extensions.
async fn tell_peer(ConnectInfo(address): ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(Peer::tcp(address));
    request
}
