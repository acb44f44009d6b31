//! `tonic-server ADDR [--runtime current|multi] [--threads N]`: the measured services on tonic.

use std::error::Error;
use std::pin::Pin;

use halloo_bench_peers::options::Options;
use halloo_bench_peers::tonic::bytes_server::{Bytes, BytesServer};
use halloo_bench_peers::tonic::greeter_server::{Greeter, GreeterServer};
use halloo_bench_peers::tonic::{Block, DownloadRequest, HelloReply, HelloRequest, UploadReply};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads"], &["inline"])?;
    options.runtime()?.block_on(async {
        let listener = TcpListener::bind(&options.address).await?;
        println!("listening on {}", listener.local_addr()?);
        let incoming = TcpListenerStream::new(listener).map(|socket| {
            let socket = socket?;
            socket.set_nodelay(true)?;
            Ok::<_, std::io::Error>(socket)
        });
        tonic::transport::Server::builder()
            .add_service(GreeterServer::new(MyGreeter))
            .add_service(BytesServer::new(MyBytes))
            .serve_with_incoming(incoming)
            .await?;
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

struct MyBytes;

/// Messages that may wait for the connection.
const QUEUED_MESSAGES: usize = 16;

type Blocks = Pin<Box<dyn Stream<Item = Result<Block, Status>> + Send>>;

#[tonic::async_trait]
impl Bytes for MyBytes {
    type DownloadStream = Blocks;
    type ChatStream = Blocks;

    async fn echo(&self, request: Request<Block>) -> Result<Response<Block>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn download(&self, request: Request<DownloadRequest>) -> Result<Response<Blocks>, Status> {
        let DownloadRequest { blocks, block_bytes } = request.into_inner();
        let block = Block { data: vec![0; block_bytes as usize] };
        Ok(Response::new(Box::pin(tokio_stream::iter((0..blocks).map(move |_| Ok(block.clone()))))))
    }

    async fn upload(&self, request: Request<Streaming<Block>>) -> Result<Response<UploadReply>, Status> {
        let mut requests = request.into_inner();
        let mut bytes = 0;
        while let Some(block) = requests.message().await? {
            bytes += block.data.len() as u64;
        }
        Ok(Response::new(UploadReply { bytes }))
    }

    async fn chat(&self, request: Request<Streaming<Block>>) -> Result<Response<Blocks>, Status> {
        let mut requests = request.into_inner();
        let (sender, receiver) = mpsc::channel(QUEUED_MESSAGES);
        tokio::spawn(async move {
            while let Some(block) = requests.next().await {
                if sender.send(block).await.is_err() {
                    break;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}
