//! The client as a device runs it.

use std::process::Command;

use device::{Greeter, GreeterServer, HelloReply, HelloRequest};
use halloo::{Request, Server};

struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        Ok(HelloReply::default().with_message(format!("Hello, {}!", request.name)).into())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_greets_and_ends() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}", server.port());
    tokio::spawn(server.serve(GreeterServer::new(MyGreeter)));
    let run = || Command::new(env!("CARGO_BIN_EXE_device")).arg(&url).output();
    let output = tokio::task::block_in_place(run).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "Hello, device!\n");
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
