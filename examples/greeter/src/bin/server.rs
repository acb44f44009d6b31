//! Serves the Greeter: `server [ADDRESS]`, by default on port 50051.

use greeter::{GreeterServer, MyGreeter};
use halloo::Server;

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let address = std::env::args().nth(1).unwrap_or("[::]:50051".into());
    let server = Server::bind(address).await?;
    println!("🟢 Server started on port {}", server.port());
    server.serve(GreeterServer::new(MyGreeter)).await
}
