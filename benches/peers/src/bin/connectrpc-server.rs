//! `connectrpc-server ADDR [--runtime current|multi] [--threads N]`: the measured services on connectrpc.
#![expect(refining_impl_trait, reason = "the handlers name the types that they answer with")]

use std::error::Error;
use std::sync::Arc;

use connectrpc::{
    ConnectError, InboundStream, RequestContext, Response, Router, Server, ServiceRequest, ServiceResult, ServiceStream,
};
use futures::StreamExt;
use halloo_bench_peers::connectrpc::greeter::{
    Block, Bytes, BytesExt, DownloadRequest, Greeter, GreeterExt, HelloReply, HelloRequest, UploadReply,
};
use halloo_bench_peers::options::Options;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads"], &["inline"])?;
    options.runtime()?.block_on(async {
        let router = Arc::new(MyBytes).register(Arc::new(MyGreeter).register(Router::new()));
        let server = Server::bind(&*options.address).await.map_err(|error| error.to_string())?;
        println!("listening on {}", server.local_addr()?);
        server.serve(router).await.map_err(|error| error.to_string())?;
        Ok(())
    })
}

struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, HelloRequest>,
    ) -> ServiceResult<HelloReply> {
        Response::ok(HelloReply { message: format!("Hello, {}!", request.name), ..Default::default() })
    }
}

struct MyBytes;

impl Bytes for MyBytes {
    async fn echo(&self, _context: RequestContext, request: ServiceRequest<'_, Block>) -> ServiceResult<Block> {
        Response::ok(request.to_owned_message())
    }

    async fn download(
        &self,
        _context: RequestContext,
        request: ServiceRequest<'_, DownloadRequest>,
    ) -> ServiceResult<ServiceStream<Block>> {
        let block = Block { data: vec![0; request.block_bytes as usize], ..Default::default() };
        let blocks = (0..request.blocks).map(move |_| Ok::<_, ConnectError>(block.clone()));
        Response::stream_ok(futures::stream::iter(blocks))
    }

    async fn upload(&self, _context: RequestContext, mut requests: InboundStream<Block>) -> ServiceResult<UploadReply> {
        let mut bytes = 0;
        while let Some(block) = requests.next().await {
            bytes += block?.view().data.len() as u64;
        }
        Response::ok(UploadReply { bytes, ..Default::default() })
    }

    async fn chat(
        &self,
        _context: RequestContext,
        requests: InboundStream<Block>,
    ) -> ServiceResult<ServiceStream<Block>> {
        Response::stream_ok(requests.map(|block| Ok(block?.to_owned_message())))
    }
}
