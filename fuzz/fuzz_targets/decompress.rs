//! `decompress`: see `src/decompress.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halloo_fuzz::decompress::run(data));
