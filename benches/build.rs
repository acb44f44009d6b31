//! Compiles the services that are measured.

fn main() {
    halloo_build::compile("proto/greeter.proto");
}
