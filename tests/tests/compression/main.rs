//! Compression from end to end: every algorithm both ways over every transport, what is negotiated, and its limits.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[allow(dead_code, reason = "attacks need all of it")]
#[path = "../attacks/raw.rs"]
mod raw;
#[path = "../support/mod.rs"]
mod support;

mod calls;
mod negotiation;
mod service;
mod turns;
