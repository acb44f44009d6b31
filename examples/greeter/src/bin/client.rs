//! Calls the Greeter: `client [URL [NAME]]`.

use greeter::{GreeterClient, HelloRequest};

#[tokio::main]
async fn main() -> Result<(), halloo::Error> {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or("http://localhost:50051".into());
    let name = args.next().unwrap_or("gRPC Learner".into());
    let greeter = GreeterClient::connect(url).await?;
    println!("📨 Sending request with name: {name}");
    let reply = greeter.say_hello(HelloRequest::default().with_name(name)).await?;
    println!("📬 Received response: {}", reply.message);
    Ok(())
}
