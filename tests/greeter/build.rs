//! Compiles the services.

fn main() {
    halloo_build::Build::new().protos(["greeter.proto", "vault.proto"]).compile();
}
