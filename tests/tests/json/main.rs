//! Calls whose messages are JSON (`application/grpc+json`), from end to end.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[allow(dead_code, reason = "attacks need all of it")]
#[path = "../attacks/raw.rs"]
mod raw;
#[path = "../support/mod.rs"]
mod support;

mod calls;
mod forms;
