//! Which file an `import` means, and under which name a file is known.

mod support;

use halloo_build::{Build, Error};
use std::path::{Path, PathBuf};
use support::output_folder;

/// Writes `files` (path and text) into a folder of their own, and builds those whose path is in `protos`.
fn build(
    name: &str,
    files: &[(&str, &str)],
    protos: &[&str],
    configure: impl FnOnce(Build) -> Build,
) -> Result<PathBuf, Error> {
    let sources = output_folder(&format!("{name}-sources"));
    for (path, text) in files {
        let path = sources.join(path);
        std::fs::create_dir_all(path.parent().expect("the path is in the folder")).expect("the folder is ours");
        std::fs::write(path, format!("syntax = \"proto3\"; {text}")).expect("the folder is ours");
    }
    let out = output_folder(name);
    let build = Build::new().protos(protos.iter().map(|proto| sources.join(proto))).out_dir(&out);
    configure(build.include(sources.join("shared"))).try_compile().map(|()| out)
}

fn packages(out: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(out).expect("the build wrote files").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut packages: Vec<String> = names
        .filter(|name| name.ends_with(".rs") && !name.contains("include_") && name != "check_package.rs")
        .collect();
    packages.sort();
    packages
}

const A: &str = "package a; import \"b.proto\"; message A { b.B b = 1; }";
const B: &str = "package b; message B {}";

#[test]
fn siblings_import_each_other_by_name_alone() {
    let files = [("api/a.proto", A), ("api/b.proto", B)];
    let only_a = build("siblings", &files, &["api/a.proto"], |build| build).expect("b is found");
    assert_eq!(packages(&only_a), ["a.rs", "b.rs"]);
    let both = build("siblings-both", &files, &["api/a.proto", "api/b.proto"], |build| build).expect("b is one file");
    assert_eq!(packages(&both), ["a.rs", "b.rs"]);
    let reversed =
        build("siblings-reversed", &files, &["api/b.proto", "api/a.proto"], |build| build).expect("b is one file");
    assert_eq!(packages(&reversed), ["a.rs", "b.rs"]);
}

#[test]
fn given_folders_come_first() {
    let files = [("api/a.proto", A), ("api/b.proto", "package wrong; message B {}"), ("shared/b.proto", B)];
    let out = build("given", &files, &["api/a.proto"], |build| build).expect("the shared b is meant");
    assert_eq!(packages(&out), ["a.rs", "b.rs"]);
}

#[test]
fn files_of_one_name_in_two_folders_are_two_files() {
    let files = [("one/x.proto", "package one; message X {}"), ("two/x.proto", "package two; message X {}")];
    let out = build("twins", &files, &["one/x.proto", "two/x.proto"], |build| build).expect("they are two files");
    assert_eq!(packages(&out), ["one.rs", "two.rs"]);
}

#[test]
fn one_file_under_two_names_is_an_error_that_names_both() {
    let files = [
        ("shared/a.proto", "package a; import \"b.proto\"; import \"c.proto\"; message A { b.B b = 1; }"),
        ("shared/lib/b.proto", B),
        ("shared/c.proto", "package c; import \"lib/b.proto\"; message C { b.B b = 1; }"),
    ];
    let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("halloo-build/two-names-sources/shared/lib");
    let error = build("two-names", &files, &["shared/a.proto"], |build| build.include(library))
        .expect_err("one name is enough");
    let text = error.to_string();
    assert!(text.contains("/lib/b.proto is imported as `lib/b.proto` and as `b.proto`"), "{text}");
}

#[test]
fn options_only_imports_are_not_generated() {
    let files = [
        ("shared/a.proto", "package a; import \"o.proto\"; message A { option (o.note) = \"x\"; }"),
        (
            "shared/o.proto",
            "package o; import \"google/protobuf/descriptor.proto\"; extend google.protobuf.MessageOptions { string note = 50001; }",
        ),
    ];
    let out = build("options-only", &files, &["shared/a.proto"], |build| build).expect("no faults");
    assert_eq!(packages(&out), ["a.rs"]);
}
