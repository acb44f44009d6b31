//! `details`: see `src/details.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halloo_fuzz::details::run(data));
