//! gRPC's interop client: `interop-client --server_host=H --server_port=N --test_case=CASE`.
//!
//! With TLS `--use_tls=true`, and `--use_test_ca=true --ca_file=PEM` to trust that authority; `--server_host_override`
//! is whom the certificate has to be for. Exits with 0 if the case has passed.

use std::process::ExitCode;

use halloo_interop::{Caller, Flags, run};

#[tokio::main]
async fn main() -> ExitCode {
    match run_case().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("failed: {fault}");
            ExitCode::FAILURE
        }
    }
}

async fn run_case() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let flags = Flags::read(std::env::args().skip(1), &Caller::FLAGS)?;
    let case = flags.text("test_case").unwrap_or("large_unary");
    run(case, &Caller::new(&flags)?).await
}
