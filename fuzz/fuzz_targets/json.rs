//! `json`: see `src/json.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halloo_fuzz::json::run(data));
