//! gRPC's interop programs on Halloo: the server and the client that every implementation has, with the same flags and
//! the same cases, so that each can be run against each.
//!
//! `testing.proto` is the contract, `interop/README.md` lists the cases. The client also does gRPC's negative HTTP/2
//! cases, for which `interop/python/http2_server.py` misbehaves.

mod cases;
mod check;
mod compressed;
mod flags;
mod large;
mod payload;
mod server;
mod service;

pub use cases::{CASES, Caller, run};
pub use flags::Flags;
pub use server::{SERVER_FLAGS, bind};
pub use service::TestServer;

halloo::include_proto!("grpc.testing");
