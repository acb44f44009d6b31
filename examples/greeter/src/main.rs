//! The Greeter's server and client in one process.

use greeter::{GreeterClient, GreeterServer, HelloRequest, MyGreeter};
use halloo::Server;

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let server = Server::bind("[::]:50051").await?;
    println!("🟢 Server started on port {}", server.port());
    let handle = server.handle();
    let serving = tokio::spawn(server.serve(GreeterServer::new(MyGreeter)));

    let greeter = GreeterClient::connect("http://localhost:50051").await?;
    let name = "gRPC Learner";
    println!("📨 Sending request with name: {name}");
    let reply = greeter.say_hello(HelloRequest::default().with_name(name)).await?;
    println!("📬 Received response: {}", reply.message);

    handle.shutdown();
    serving.await.expect("the server does not panic")
}
