//! The messages of `proto/google/rpc/`.
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

include!("../../generated/google.rpc.rs");
