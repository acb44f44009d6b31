//! `axum-tonic ADDR [--runtime current|multi] [--threads N]`: the measured Greeter on tonic, within axum.

use std::error::Error;

use axum::routing::get;
use axum::serve::ListenerExt as _;
use halloo_bench_peers::options::Options;
use halloo_bench_peers::tonic::greeter_server::{Greeter, GreeterServer};
use halloo_bench_peers::tonic::{HelloReply, HelloRequest};
use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads"], &["inline"])?;
    options.runtime()?.block_on(async {
        let listener = TcpListener::bind(&options.address).await?;
        println!("listening on {}", listener.local_addr()?);
        let listener = listener.tap_io(|socket| drop(socket.set_nodelay(true)));
        let app =
            Routes::new(GreeterServer::new(MyGreeter)).into_axum_router().route("/health", get(async || "fine"));
        axum::serve(listener, app).await?;
        Ok(())
    })
}

struct MyGreeter;

#[tonic::async_trait]
impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        let message = format!("Hello, {}!", request.get_ref().name);
        Ok(Response::new(HelloReply { message }))
    }
}
