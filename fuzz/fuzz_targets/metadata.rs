//! `metadata`: see `src/metadata.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halloo_fuzz::metadata::run(data));
