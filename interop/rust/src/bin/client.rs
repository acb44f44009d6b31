//! Our client of the matrix: `interop-python-client --target 127.0.0.1:PORT | [::1]:PORT | unix:/path CASE...`.
//!
//! Prints `pass CASE` or `fail CASE: why` for each case as it ends.
#![expect(clippy::print_stdout, reason = "the lines that the matrix reads")]

use std::process::ExitCode;

use halloo_interop_python::{InteropClient, run};

#[tokio::main]
async fn main() -> Result<ExitCode, halloo::Error> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [flag, target, cases @ ..] = &args[..] else { return Err(usage()) };
    if flag != "--target" {
        return Err(usage());
    }
    let target = if target.starts_with("unix:") { target.clone() } else { format!("http://{target}") };
    let client = InteropClient::connect(target).await?;
    let mut all_passed = true;
    for case in cases {
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

fn usage() -> halloo::Error {
    halloo::Status::invalid_argument("usage: interop-python-client --target ADDRESS CASE...")
}
