//! Halloo and other HTTP: services within axum, pages within a Halloo server, layers around it.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "../support/mod.rs"]
mod support;

mod foreign;
mod http1;
mod layers;
mod pages;
mod routes;
