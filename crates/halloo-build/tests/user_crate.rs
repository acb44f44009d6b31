//! Builds `fixture/` and `checked_in/`, crates as users have them, with the cargo that runs this test.

mod support;

use halloo_build::Build;
use std::path::Path;
use support::user_crate::{cargo, copy_fixture, succeed, text};

/// The crate's tests pass, under strict lints; mistakes in using it are explained.
#[test]
fn a_user_crate_builds_and_its_mistakes_are_explained() {
    let folder = copy_fixture("fixture");
    succeed(&mut cargo(&folder, &["test", "--lib"]));
    succeed(&mut cargo(&folder, &["test", "--lib", "--features", "json,halloo-json"]));
    json_without_the_feature(&folder);
    wrong_package(&folder);
    not_implemented(&folder);
}

/// Sources in the tree are used without a build script, left alone by the formatter, and found to be outdated.
#[test]
fn checked_in_sources_build_and_are_kept_up_to_date() {
    let folder = copy_fixture("checked_in");
    let build = || Build::new().root(&folder).proto("proto/greeter.proto").out_dir("src/proto");
    build().write().expect("the files have no faults");
    let editions = Build::new().descriptor_set("tests/golden/editions/editions.binpb");
    editions.out_dir(folder.join("src/editions")).write().expect("protoc found no faults");
    succeed(&mut cargo(&folder, &["test"]));
    std::fs::write(folder.join("rustfmt.toml"), "max_width = 60\nhard_tabs = true\nuse_small_heuristics = \"Off\"\n")
        .expect("the folder is ours");
    succeed(&mut cargo(&folder, &["fmt"]));
    build().check().expect("the formatter changed nothing");

    let proto = folder.join("proto/greeter.proto");
    let changed =
        std::fs::read_to_string(&proto).expect("it was copied").replace("string name = 1;", "string name = 3;");
    std::fs::write(&proto, changed).expect("the folder is ours");
    let output = cargo(&folder, &["test", "--test", "generated"]).output().expect("cargo is there: it runs this test");
    assert!(!output.status.success(), "the sources are out of date");
    assert_contains(
        &text(&output.stdout),
        &[
            "Error: 1 generated file is out of date\nsrc/proto/greeter.rs:",
            " is the first line that differs\n  it is:         /// Field 1: `name`\n  should be:     /// Field 3: `name`\n",
            " = help: generate anew with: HALLOO_WRITE=1 cargo test -p checked-in\n",
        ],
    );
    succeed(cargo(&folder, &["test", "-p", "checked-in"]).env("HALLOO_WRITE", "1"));
    build().check().expect("the test has written");
    let module = folder.join("src/proto/mod.rs");
    let written = std::fs::read_to_string(&module).expect("it was written");
    let other = written.replace("_code!(2)", "_code!(1)");
    assert_ne!(other, written, "the kind of generated code is another; say it here, too");
    std::fs::write(&module, other).expect("the folder is ours");
    let output = cargo(&folder, &["build"]).output().expect("cargo is there: it runs this test");
    assert_contains(
        &text(&output.stderr),
        &["error: this code was generated for another version of halloo; generate it anew"],
    );
}

fn json_without_the_feature(folder: &Path) {
    let output = cargo(folder, &["build", "--features", "json"]).output().expect("cargo is there: it runs this test");
    assert!(!output.status.success(), "halloo is built without the feature");
    let expected = "error: this code was generated with a JSON form; add the feature `json` to halloo in Cargo.toml";
    assert_contains(&text(&output.stderr), &[expected]);
}

fn wrong_package(folder: &Path) {
    let stderr = failing_example(folder, "wrong_package");
    assert_contains(
        &stderr,
        &[
            "error: package `helloworld` is not in the generated code; found: `` (no package), `async.match`, `everything`, `google.protobuf`",
            "examples/wrong_package.rs:3:1",
            "halloo::include_proto!(\"helloworld\");",
        ],
    );
}

fn not_implemented(folder: &Path) {
    let stderr = failing_example(folder, "not_implemented");
    assert_contains(
        &stderr,
        &[
            "error[E0277]: `MyGreeter` does not implement the gRPC service `greeter.Greeter`",
            "add `impl Greeter for MyGreeter`",
            "implement it like this:",
            "impl Greeter for MyService {",
            "async fn say_hello(&self, request: halloo::Request<HelloRequest>) -> halloo::Result<HelloReply> {",
        ],
    );
}

fn failing_example(folder: &Path, name: &str) -> String {
    let output = cargo(folder, &["build", "--example", name]).output().expect("cargo is there: it runs this test");
    assert!(!output.status.success(), "the example {name} is wrong on purpose");
    text(&output.stderr)
}

fn assert_contains(stderr: &str, parts: &[&str]) {
    for part in parts {
        assert!(stderr.contains(part), "{part:?} is missing in:\n{stderr}");
    }
}
