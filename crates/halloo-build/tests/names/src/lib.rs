//! The code that `tests/names.rs` generates.
#![deny(warnings, missing_debug_implementations, missing_docs, rust_2018_idioms, unreachable_pub)]

/// Every name at every position, with JSON and views.
pub mod positions;

/// Packages that have a name, with default options.
pub mod packages;

/// Single packages at one place.
pub mod single {
    halloo::include_proto!("alike.v1");
    /// A module of its own: two packages have things of one name.
    pub mod beside {
        halloo::include_proto!("alike_v1");
    }
    /// A package that is called as our own modules are.
    pub mod ours {
        halloo::include_proto!("__halloo_");
    }
}
