//! `hpack`: see `src/hpack.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halloo_fuzz::hpack::run(data));
