//! `tonic-client ADDR [--tasks N] [--requests N]`: tasks on one channel, each with one call at a time.

use std::error::Error;

use halloo_bench_peers::options::Options;
use halloo_bench_peers::tonic::HelloRequest;
use halloo_bench_peers::tonic::greeter_client::GreeterClient;
use halloo_bench_peers::usage::Watch;
use tonic::Status;
use tonic::transport::Channel;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads", "tasks", "requests"], &[])?;
    let tasks = options.number("tasks", 100)?.max(1);
    let calls_each = options.number("requests", 100_000)? / tasks;
    options.runtime()?.block_on(async {
        let mut greeter = GreeterClient::connect(format!("http://{}", options.address)).await?;
        call(&mut greeter).await?;
        let watch = Watch::start()?;
        let running: Vec<_> = (0..tasks).map(|_| tokio::spawn(call_often(greeter.clone(), calls_each))).collect();
        for task in running {
            task.await??;
        }
        println!("{}", watch.stop(tasks * calls_each)?);
        Ok(())
    })
}

async fn call_often(mut greeter: GreeterClient<Channel>, calls: u64) -> Result<(), Status> {
    for _ in 0..calls {
        call(&mut greeter).await?;
    }
    Ok(())
}

async fn call(greeter: &mut GreeterClient<Channel>) -> Result<(), Status> {
    let reply = greeter.say_hello(HelloRequest { name: "gRPC Learner".to_owned() }).await?.into_inner();
    if reply.message != "Hello, gRPC Learner!" {
        return Err(Status::data_loss(format!("the reply is {:?}", reply.message)));
    }
    Ok(())
}
