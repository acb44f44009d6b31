//! Compiles the services that the tests call.

fn main() {
    halloo_build::Build::new()
        .protos(["post.proto", "forms.proto", "rules.proto"])
        .json(true)
        .views("forms.Forms/Glance")
        .compile();
}
