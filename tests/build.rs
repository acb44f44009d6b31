//! Compiles the service that the tests call.

fn main() {
    halloo_build::compile("post.proto");
}
