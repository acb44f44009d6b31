//! A Halloo server with axum's pages in it: `axum-inside [ADDRESS]`, by default on port 50051.
//!
//! RPCs take Halloo's own HTTP/2 and are as fast as without the pages; those come over HTTP/1.1 or HTTP/2.

use std::sync::Arc;

use greeter_pages::{GreeterServer, MyGreeter, pages};
use halloo::Server;
use halloo::tower::ServerExt as _;

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let address = std::env::args().nth(1).unwrap_or("[::]:50051".into());
    let greeter = Arc::new(MyGreeter);
    let server = Server::bind(address).await?.http(pages(Arc::clone(&greeter)));
    println!("🟢 Server started on port {}", server.port());
    server.serve(GreeterServer::new(greeter)).await
}
