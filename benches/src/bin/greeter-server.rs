//! `greeter-server ADDR [--runtime current|multi] [--threads N] [--inline]`: the server that is measured.
//!
//! It prints one line when it listens, and nothing a call. `--inline` fixes where the short methods run: under
//! valgrind a poll takes so long that the adaptive choice would be another one than in life.
#![expect(clippy::print_stdout, reason = "the line says that it listens")]

use std::error::Error;

use halloo::{Execution, Server};
use halloo_bench::options::Options;
use halloo_bench::{BytesServer, GreeterServer, MyBytes, MyGreeter};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::from_command_line(&["runtime", "threads"], &["inline"])?;
    options.runtime()?.block_on(async {
        let mut server = Server::bind(&options.address).await?;
        if options.has("inline") {
            for method in ["greeter.Greeter/SayHello", "greeter.Bytes/Echo"] {
                server = server.execution(method, Execution::Inline);
            }
        }
        println!("listening on {}", server.address());
        server.serve((GreeterServer::new(MyGreeter), BytesServer::new(MyBytes))).await?;
        Ok(())
    })
}
