//! The Greeter for callers who prove who they are: by a certificate, and by a token.

use halloo::Request;
use halloo::jwt::Authenticated;

halloo::include_proto!("greeter");

mod keys;

pub use keys::{AUDIENCE, ISSUER, Keys};

/// Greets callers by the name that they ask for, and tells them what it knows of them.
#[derive(Debug)]
pub struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        let subject = request.caller()?.subject().unwrap_or("somebody");
        let certificates = request.peer().and_then(|peer| peer.certificates.as_deref());
        let machine = certificates.and_then(|chain| chain.dns_names().first()).map_or("unknown", String::as_str);
        println!("📩 Received request for: {} (from {subject}, on {machine})", request.name);
        let message = format!("Hello, {}! You are {subject}, on {machine}.", request.name);
        println!("📤 Sending response: {message}");
        Ok(HelloReply::default().with_message(message).into())
    }
}
