//! `binary`: see `src/binary.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halloo_fuzz::binary::run(data));
