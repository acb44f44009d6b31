//! Services: what the descriptors say about them, their Rust names, and the text of their three parts.
//!
//! `model` reads descriptors, `idents` chooses names, `handler` writes the trait that users implement,
//! `server` and `client` the two types that speak for it on either side of a call.

mod client;
mod handler;
mod idents;
mod model;
mod render;
mod server;

pub(crate) use idents::Namespace;
pub(crate) use model::Service;
pub(crate) use render::{Settings, Types, render};
