//! The Greeter: the service that `greeter.proto` describes.

use halloo::Request;

halloo::include_proto!("greeter");

/// Greets everybody the same way.
#[derive(Debug)]
pub struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        println!("📩 Received request for: {}", request.name);
        let message = format!("Hello, {}!", request.name);
        println!("📤 Sending response: {message}");
        Ok(HelloReply::default().with_message(message).into())
    }
}
