//! Compiles the service of connectconformance.

fn main() {
    // One method is called to see that it is not there.
    halloo_build::Build::new().proto("proto/conformance.proto").json(true).default_unimplemented(true).compile();
}
