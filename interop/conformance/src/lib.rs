//! Halloo under connectconformance: the service that its clients call, and the calls that it wants of a client.
//!
//! The programs are in `bin/`; both speak to the tool in messages on stdin and stdout. `interop/README.md` says how it is run.

mod caller;
mod fields;
mod frames;
mod server;
mod service;

pub use caller::Caller;
pub use frames::{read_frame, write_frame};
pub use server::serve;
pub use service::Conformance;

halloo::include_proto!("connectrpc.conformance.v1");

/// A case says that a message shall come late.
async fn delay(millis: u32) {
    // tidy: allow(sleep): the tool prescribes it, and nothing waits for it
    tokio::time::sleep(std::time::Duration::from_millis(millis.into())).await;
}
