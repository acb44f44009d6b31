//! Compiles the messages that are read from JSON.

fn main() {
    halloo_build::Build::new().proto("../tests/forms.proto").json(true).compile();
}
