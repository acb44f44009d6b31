//! Compiles the contract that all implementations share.

fn main() {
    halloo_build::Build::new().default_unimplemented(true).proto("testing.proto").compile();
}
