//! What the examples in Halloo's documentation call: the Greeter, a Crowd with the kinds of call that stream, and a Vault
//! with options.
//!
//! The crates have it as `greeter` among their dev-dependencies, by path and without a version, so that publishing
//! leaves it out. It is no example to copy; those are in `examples/`.

use halloo::{MessageReceiver, MessageSender, Request, Status};

halloo::include_proto!("greeter");

/// Greets.
#[derive(Debug)]
pub struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        if request.name.is_empty() {
            return Err(Status::invalid_argument("`name` is empty; say whom to greet"));
        }
        Ok(hello(&request.name).into())
    }
}

/// Greets many.
#[derive(Debug)]
pub struct MyCrowd;

impl Crowd for MyCrowd {
    async fn cheer(
        &self,
        request: Request<HelloRequest>,
        replies: &mut MessageSender<HelloReply>,
    ) -> Result<(), Status> {
        for _ in 0..3 {
            replies.send(hello(&request.name)).await?;
        }
        Ok(())
    }

    async fn gather(&self, mut requests: MessageReceiver<HelloRequest>) -> halloo::Result<HelloReply> {
        let mut names = Vec::new();
        while let Some(request) = requests.next().await? {
            names.push(request.name);
        }
        Ok(hello(&names.join(" and ")).into())
    }

    async fn meet(
        &self,
        mut requests: MessageReceiver<HelloRequest>,
        replies: &mut MessageSender<HelloReply>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.next().await? {
            replies.send(hello(&request.name)).await?;
        }
        Ok(())
    }
}

/// Greets through a door.
#[derive(Debug)]
pub struct MyVault;

impl Vault for MyVault {
    async fn knock(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        Ok(hello(&request.name).into())
    }

    async fn open(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        Ok(hello(&request.name).into())
    }
}

fn hello(name: &str) -> HelloReply {
    HelloReply::default().with_message(format!("Hello, {name}!"))
}
