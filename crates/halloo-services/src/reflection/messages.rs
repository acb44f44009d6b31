//! The messages of `proto/grpc/reflection/v1/reflection.proto`.
//!
//! Those of `v1alpha` have other names and the same bytes, so these stand for both.
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

include!("../../generated/grpc.reflection.v1.rs");
