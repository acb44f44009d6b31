//! What `docs/streaming.md` shows, run; and whether it shows what is run.

mod calls;
mod halves;
mod pace;
mod page;
mod sharing;

use halloo::Server;
use streaming::numbers::{Calculator, NumbersClient, NumbersServer};

/// A client of a calculator on a port of its own.
async fn calculator() -> NumbersClient {
    let server = Server::bind("127.0.0.1:0").await.unwrap().shutdown_on(std::future::pending());
    let url = format!("http://127.0.0.1:{}", server.port());
    tokio::spawn(server.serve(NumbersServer::new(Calculator)));
    NumbersClient::connect(url).await.unwrap()
}
