//! Compiles `.proto` files to Rust from `build.rs`. It needs nothing but cargo: no `protoc`.
//!
//! ```no_run
//! // build.rs
//! halloo_build::compile("greeter.proto");
//! ```
//!
//! The crate takes the result in with `halloo::include_proto!("greeter")`. Mistakes in a `.proto` file are
//! shown with the line they are on. The Rust text itself is made by `halloo-codegen`.
//!
//! Sources that are checked in need no `build.rs`: [`Build::write`] makes them, [`Build::check`] fails when they
//! are out of date.

#![forbid(unsafe_code)]

mod build;
mod check;
mod descriptor_set;
mod diagnostic;
mod edition;
mod error;
mod files;
mod known_names;
mod output;
mod picture;
mod protoc;
mod repair;
mod reserved;
mod source;
mod suggest;
mod syntax;
mod tree;

pub use build::{Build, compile};
pub use error::Error;
pub use halloo_codegen::Only;
