//! Compiles `greeter.proto`.

fn main() {
    halloo_build::compile("greeter.proto");
}
