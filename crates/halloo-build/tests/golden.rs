//! The generated text for a few files, as checked in under `golden/`.
//!
//! `UPDATE_EXPECTED=1 cargo test -p halloo-build` writes them anew.

mod support;

use halloo_build::{Build, Only};
use std::path::Path;
use support::{compare, output_folder};

/// Builds, and compares the files named `files`.
fn check(name: &str, build: Build, files: &[&str]) {
    let folder = output_folder(name);
    build.out_dir(&folder).try_compile().expect("the files have no faults");
    for file in files {
        let text = std::fs::read_to_string(folder.join(file)).expect("the file was generated");
        compare(&Path::new("tests/golden").join(name).join(file), &text);
    }
}

#[test]
fn greeter() {
    let build = Build::new().proto("tests/fixture/proto/greeter.proto");
    check("greeter", build, &["greeter.rs", "check_package.rs", "include_proto.rs", "include_protos.rs"]);
}

#[test]
fn greeter_with_json() {
    check(
        "json",
        Build::new().proto("tests/fixture/proto/greeter.proto").json(true),
        &["greeter.rs", "include_proto.rs"],
    );
}

#[test]
fn all_kinds_of_methods_with_comments_views_and_default_bodies() {
    let build = Build::new().proto("tests/golden/kinds.proto").default_unimplemented(true).views("kinds.v1.Kinds/Both");
    check("kinds", build, &["kinds.v1.rs"]);
}

#[test]
fn all_kinds_of_fields() {
    check("fields", Build::new().proto("tests/golden/fields.proto"), &["fields.rs"]);
}

/// The descriptors are what protoc 35.1 made of the files beside them; `cargo xtask plugin` makes them again.
#[test]
fn features_of_editions() {
    let build = Build::new().descriptor_set("tests/golden/editions/editions.binpb");
    check("editions", build, &["features.rs", "newest.rs"]);
}

#[test]
fn parts_alone() {
    for (name, only) in [("messages", Only::Messages), ("clients", Only::Clients), ("servers", Only::Servers)] {
        let build = Build::new().proto("tests/golden/kinds.proto").only(only);
        let build = if only == Only::Servers { build.views("kinds.v1.Kinds/Both") } else { build };
        let folder = output_folder(name);
        build.out_dir(&folder).try_compile().expect("the files have no faults");
        let text = std::fs::read_to_string(folder.join("kinds.v1.rs")).expect("the file was generated");
        let has = |part: &str| text.contains(part);
        assert!(
            has(&format!("// with: only={name}")) && has("pub struct KindsRequest") || has("pub struct Note"),
            "{text}"
        );
        assert_eq!(has("pub trait Kinds"), only == Only::Servers);
        assert_eq!(has("pub struct KindsServer"), only == Only::Servers);
        assert_eq!(has("pub struct KindsClient"), only == Only::Clients);
        assert_eq!(has("pub static FILE_DESCRIPTOR_SET"), only != Only::Messages);
    }
}

#[test]
fn several_packages() {
    let build = Build::new().proto("tests/fixture/proto/shop/v1/shop.proto").include("tests/fixture/proto");
    check("shop", build, &["check_package.rs", "include_proto.rs", "include_protos.rs"]);
}

#[test]
fn a_descriptor_set_gives_the_same_text() {
    let set = Path::new(env!("CARGO_TARGET_TMPDIR")).join("greeter.binpb");
    let greeter = "tests/fixture/proto/greeter.proto";
    let first = output_folder("compiled");
    Build::new().proto(greeter).write_descriptor_set(&set).out_dir(&first).try_compile().expect("no faults");
    let second = output_folder("from-descriptors");
    Build::new().descriptor_set(&set).out_dir(&second).try_compile().expect("our own descriptors");
    for file in ["greeter.rs", "include_proto.rs"] {
        let read = |folder: &Path| std::fs::read(folder.join(file)).expect("the file was generated");
        assert!(read(&first) == read(&second), "{file} differs");
    }
}

#[test]
fn files_of_an_earlier_build_are_removed_and_others_left_alone() {
    let folder = output_folder("stale");
    std::fs::write(folder.join("gone.rs"), format!("{} from nothing\n", halloo_codegen::MARK)).expect("it is ours");
    std::fs::write(folder.join("main.rs"), "fn main() {}\n").expect("the folder is ours");
    Build::new().proto("tests/fixture/proto/greeter.proto").out_dir(&folder).try_compile().expect("no faults");
    assert!(!folder.join("gone.rs").exists());
    assert!(folder.join("main.rs").exists());
}
