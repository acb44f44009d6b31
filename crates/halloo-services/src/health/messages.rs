//! The messages of `proto/grpc/health/v1/health.proto`.
#![allow(
    clippy::all,
    clippy::pedantic,
    clippy::restriction,
    elided_lifetimes_in_paths,
    missing_docs,
    unreachable_pub,
    unused,
    reason = "generated code"
)]

include!("../../generated/grpc.health.v1.rs");
