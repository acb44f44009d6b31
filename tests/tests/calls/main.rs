//! Calls as users make them, over every transport.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "../support/mod.rs"]
mod support;

mod addresses;
mod cancellation;
mod deadlines;
mod fields;
mod interceptors;
mod kinds;
mod many;
mod options;
mod reconnection;
mod streaming;
mod texts;
