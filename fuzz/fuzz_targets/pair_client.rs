//! `pair_client`: see `src/pair/mod.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| halloo_fuzz::pair::run_client(data));
