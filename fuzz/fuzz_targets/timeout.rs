//! `timeout`: see `src/timeout.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halloo_fuzz::timeout::run(data));
