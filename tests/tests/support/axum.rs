//! The post office within an axum server.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::middleware::map_request;
use halloo::tower::Routes;
use halloo::{Peer, Router};

/// Serves `router` within an axum server, for as long as the runtime lives, and returns what a client connects to.
pub async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback_service(Routes::from(router)).layer(map_request(tell_peer));
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    target
}

async fn tell_peer(ConnectInfo(address): ConnectInfo<SocketAddr>, mut request: Request) -> Request {
    request.extensions_mut().insert(Peer::tcp(address));
    request
}
