//! Our client of the matrix: `interop-python-client --target ADDRESS [--tls FOLDER [--mutual]] [--json] CASE...`, where
//! the address is `127.0.0.1:PORT`, `[::1]:PORT` or `unix:/path`.
//!
//! Prints `pass CASE` or `fail CASE: why` for each case as it ends.
#![expect(clippy::print_stdout, reason = "the lines that the matrix reads")]

use std::process::ExitCode;

use halloo::Channel;
use halloo_interop_python::{InteropClient, Options, run};

#[tokio::main]
async fn main() -> Result<ExitCode, halloo::Error> {
    let options = Options::read("--target")?;
    let address = &options.address;
    let channel = match &options.tls {
        Some(folder) => Channel::builder(format!("https://{address}")).tls(options.client_tls(folder)?),
        None if address.starts_with("unix:") => Channel::builder(address),
        None => Channel::builder(format!("http://{address}")),
    };
    let channel = if options.json { channel.json() } else { channel };
    let client = InteropClient::new(channel.build()?);
    let mut all_passed = true;
    for case in &options.cases {
        match run(case, &client).await {
            Ok(()) => println!("pass {case}"),
            Err(fault) => {
                all_passed = false;
                println!("fail {case}: {}", fault.to_string().replace('\n', " "));
            }
        }
    }
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
