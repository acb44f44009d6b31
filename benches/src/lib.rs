//! The services of the measured server: a Greeter, and bytes in every kind of call.
//!
//! What a user would write, and nothing else: default limits, `async` handlers, owned messages.

use halloo::{MessageReceiver, MessageSender, Request, Status};

pub mod options;
pub mod usage;
pub mod wire;

halloo::include_proto!("greeter");

/// Greets everybody the same way.
#[derive(Clone, Copy, Debug)]
pub struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        Ok(HelloReply::default().with_message(format!("Hello, {}!", request.name)).into())
    }
}

/// Takes and gives bytes.
#[derive(Clone, Copy, Debug)]
pub struct MyBytes;

impl Bytes for MyBytes {
    async fn echo(&self, request: Request<Block>) -> halloo::Result<Block> {
        Ok(request.into_message().into())
    }

    async fn download(
        &self,
        request: Request<DownloadRequest>,
        replies: &mut MessageSender<Block>,
    ) -> Result<(), Status> {
        let block = Block::default().with_data(vec![0; request.block_bytes as usize]);
        for _ in 0..request.blocks {
            replies.send(block.clone()).await?;
        }
        Ok(())
    }

    async fn upload(&self, mut requests: MessageReceiver<Block>) -> halloo::Result<UploadReply> {
        let mut bytes = 0;
        while let Some(block) = requests.next().await? {
            bytes += block.data.len() as u64;
        }
        Ok(UploadReply::default().with_bytes(bytes).into())
    }

    async fn chat(
        &self,
        mut requests: MessageReceiver<Block>,
        replies: &mut MessageSender<Block>,
    ) -> Result<(), Status> {
        while let Some(block) = requests.next().await? {
            replies.send(block).await?;
        }
        Ok(())
    }
}
