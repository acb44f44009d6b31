//! `greeter-server ADDR [--runtime current|multi] [--threads N] [--inline] [--stats] [--spans]`: what is measured.
//!
//! It prints one line when it listens, and nothing a call. `--inline` fixes where the short methods run: under
//! valgrind a poll takes so long that the adaptive choice would be another one than in life. `--stats` counts what the
//! stats hook tells, `--spans` keeps a span a call in a registry that nobody reads.
#![expect(clippy::print_stdout, reason = "the line says that it listens")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use halloo::Server;
use halloo::server::Execution;
use halloo::stats::{StatsEvent, StatsHandler};
use halloo_bench::options::Options;
use halloo_bench::{BytesServer, GreeterServer, MyBytes, MyGreeter};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads"], &["inline", "stats", "spans"])?;
    options.runtime()?.block_on(async {
        let mut server = Server::bind(&options.address).await?;
        if options.has("inline") {
            for method in ["greeter.Greeter/SayHello", "greeter.Bytes/Echo"] {
                server = server.execution(method, Execution::Inline);
            }
        }
        if options.has("stats") {
            server = server.stats(Arc::new(EventCount::default()));
        }
        if options.has("spans") {
            tracing::subscriber::set_global_default(tracing_subscriber::registry())?;
            server = server.trace_calls();
        }
        println!("listening on {}", server.address());
        server.serve((GreeterServer::new(MyGreeter), BytesServer::new(MyBytes))).await?;
        Ok(())
    })
}

/// The least that a stats hook does: it counts what it is told.
#[derive(Default)]
struct EventCount(AtomicU64);

impl StatsHandler for EventCount {
    fn on_event(&self, _: &StatsEvent<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
