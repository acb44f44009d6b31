//! Compiles the service of the matrix.

fn main() {
    halloo_build::Build::new().proto("../proto/interop.proto").json(true).compile();
}
