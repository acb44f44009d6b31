//! Compiles the service of the matrix.

fn main() {
    halloo_build::compile("../proto/interop.proto");
}
