//! `greeter-client ADDR [--tasks N] [--requests N]`: the client that is measured.
//!
//! Tasks on one channel, each with one call at a time, on one thread. At its end it prints one line.
#![expect(clippy::print_stdout, reason = "the line says what the calls took")]

use std::error::Error;

use halloo::Status;
use halloo_bench::options::Options;
use halloo_bench::usage::Watch;
use halloo_bench::{GreeterClient, HelloRequest};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads", "tasks", "requests"], &[])?;
    let tasks = options.number("tasks", 100)?.max(1);
    let calls_each = options.number("requests", 100_000)? / tasks;
    options.runtime()?.block_on(async {
        let greeter = GreeterClient::connect(format!("http://{}", options.address)).await?;
        call(&greeter).await?;
        let watch = Watch::start()?;
        let running: Vec<_> = (0..tasks).map(|_| tokio::spawn(call_often(greeter.clone(), calls_each))).collect();
        for task in running {
            task.await??;
        }
        println!("{}", watch.stop(tasks * calls_each)?);
        Ok(())
    })
}

async fn call_often(greeter: GreeterClient, calls: u64) -> Result<(), Status> {
    for _ in 0..calls {
        call(&greeter).await?;
    }
    Ok(())
}

async fn call(greeter: &GreeterClient) -> Result<(), Status> {
    let reply = greeter.say_hello(HelloRequest::default().with_name("gRPC Learner")).await?;
    if reply.message != "Hello, gRPC Learner!" {
        return Err(Status::data_loss(format!("the reply is {:?}", reply.message)));
    }
    Ok(())
}
