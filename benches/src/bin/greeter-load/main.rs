//! `greeter-load ADDR [--connections C] [--streams S] [--requests N] [--vary] [--plain] [--hold]`: the load.
//!
//! It writes frames of its own, so that it costs a fraction of any server: C connections with S calls at a time each,
//! N calls in all, on one thread. `--vary` gives each call values that no other call has; `--plain` sends those
//! without adding them to the compression table; `--hold` keeps the connections open when the calls are done.
//! Every reply is checked. At its end it prints one line.
#![expect(clippy::print_stdout, reason = "the line says what the calls took")]

mod connection;

use std::error::Error;

use halloo_bench::options::Options;
use halloo_bench::usage::Watch;
use halloo_bench::wire::{Indexing, Requests};

use connection::Connection;

fn main() -> Result<(), Box<dyn Error>> {
    let valued = ["runtime", "threads", "connections", "streams", "requests"];
    let options = Options::from_command_line(&valued, &["vary", "plain", "hold"])?;
    let connections = options.number("connections", 1)?.max(1);
    let streams = options.number("streams", 1)?.max(1);
    let calls_each = options.number("requests", 1)?.div_ceil(connections);
    options.runtime()?.block_on(async {
        let watch = Watch::start()?;
        let mut running = Vec::new();
        for number in 0..connections {
            let indexing = if options.has("plain") { Indexing::NamesOnly } else { Indexing::Everything };
            let requests = Requests::new(&options.address, options.has("vary"), indexing, number);
            let connection = Connection::open(&options.address, requests, streams).await?;
            running.push(tokio::spawn(connection.call(calls_each)));
        }
        let mut held = Vec::new();
        for task in running {
            held.push(task.await??);
        }
        println!("{}", watch.stop(connections * calls_each)?);
        if options.has("hold") {
            std::future::pending::<()>().await;
        }
        Ok(())
    })
}
