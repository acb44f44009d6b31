//! Calls as users make them, over every transport.

#[path = "../support/mod.rs"]
mod support;

mod cancellation;
mod deadlines;
mod interceptors;
mod kinds;
mod many;
mod reconnection;
mod texts;
