//! Fails when the sources under `src/proto` are out of date.

#[test]
fn generated_sources_are_up_to_date() -> Result<(), halloo_build::Error> {
    halloo_build::Build::new().proto("proto/greeter.proto").out_dir("src/proto").check()
}
