//! Fuzz targets: for everything that reads what a peer sent, a function that takes any bytes and must return.
//!
//! Each module is a target; `fuzz_targets/` hands them to libFuzzer and `cargo xtask fuzz` runs them. Where there is a
//! second way to say what is right, it is written here in its simplest form, and both must agree.
//! `tests/seeds.rs` runs every committed input without a fuzzer.

pub mod binary;
mod config;
mod credit;
pub mod decompress;
pub mod details;
mod driver;
pub mod envelope;
mod fields;
mod frame_cutter;
pub mod frames;
pub mod hpack;
mod input;
pub mod json;
pub mod message;
pub mod metadata;
mod meter;
mod output;
pub mod pair;
pub mod timeout;
pub mod wire;

/// A function that takes any bytes.
pub type Target = fn(&[u8]);

/// Every target with its name, which is that of its file in `fuzz_targets/` and of its folder in `seeds/`.
pub const TARGETS: [(&str, Target); 13] = [
    ("binary", binary::run),
    ("decompress", decompress::run),
    ("details", details::run),
    ("envelope", envelope::run),
    ("frames", frames::run),
    ("hpack", hpack::run),
    ("json", json::run),
    ("message", message::run),
    ("metadata", metadata::run),
    ("pair_client", pair::run_client),
    ("pair_server", pair::run_server),
    ("timeout", timeout::run),
    ("wire", wire::run),
];
