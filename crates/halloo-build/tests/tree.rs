//! Generated sources in the tree: what is written, what is left alone, and what is found to be out of date.

mod support;

use halloo_build::{Build, Only};
use std::path::{Path, PathBuf};
use support::{compare, output_folder, root};

fn greeter(folder: &Path) -> Build {
    Build::new().proto("tests/fixture/proto/greeter.proto").out_dir(folder).regenerate_with("cargo xtask generate")
}

fn read(path: PathBuf) -> String {
    std::fs::read_to_string(path).expect("the file was written")
}

/// What `check` says, with the test's folder left out.
fn complaint(folder: &Path, build: Build) -> String {
    let error = build.check().expect_err("something is out of date");
    error.to_string().replace(&format!("{}/", folder.display()), "")
}

#[test]
fn the_module_and_its_packages() {
    let folder = output_folder("tree-shop");
    let protos = ["tests/fixture/proto/shop/v1/shop.proto", "tests/fixture/proto/unnamed.proto"];
    let build = Build::new().protos(protos).include("tests/fixture/proto").out_dir(&folder);
    build.write().expect("the files have no faults");
    compare(Path::new("tests/golden/tree/mod.rs"), &read(folder.join("mod.rs")));
}

#[test]
fn a_package_has_the_same_text_as_from_a_build_script() {
    let folder = output_folder("tree-same");
    greeter(&folder).write().expect("the file has no faults");
    assert_eq!(read(folder.join("greeter.rs")), read(root().join("tests/golden/greeter/greeter.rs")));
}

#[test]
fn everything_that_is_out_of_date_is_named() {
    let folder = output_folder("tree-outdated");
    assert_eq!(
        complaint(&folder, greeter(&folder)),
        "2 generated files are out of date\n\
         greeter.rs does not exist\n\
         mod.rs does not exist\n \
         = help: generate anew with: cargo xtask generate"
    );
    greeter(&folder).write().expect("the file has no faults");
    greeter(&folder).check().expect("it was just written");

    let text = read(folder.join("greeter.rs")).replacen("pub name:", "pub nome:", 1);
    std::fs::write(folder.join("greeter.rs"), text).expect("the folder is ours");
    std::fs::write(folder.join("mod.rs"), read(folder.join("mod.rs")) + "// more\n").expect("the folder is ours");
    std::fs::write(folder.join("old.rs"), format!("{}\n", halloo_codegen::MARK)).expect("the folder is ours");
    std::fs::write(folder.join("mine.rs"), "").expect("the folder is ours");
    let text = complaint(&folder, greeter(&folder));
    let lines: Vec<&str> = text.lines().collect();
    let [_, greeter_at, is, expected, module_at, more, end, left_over, help] = lines[..] else {
        panic!("other lines were expected:\n{text}");
    };
    assert!(greeter_at.starts_with("greeter.rs:") && greeter_at.ends_with(" is the first line that differs"), "{text}");
    assert_eq!(is, "  it is:         pub nome: ::std::string::String,");
    assert_eq!(expected, "  should be:     pub name: ::std::string::String,");
    assert!(module_at.starts_with("mod.rs:"), "{text}");
    assert_eq!((more, end), ("  it is:     // more", "  should be: (the end of the file)"));
    assert_eq!(left_over, "old.rs is left over: nothing generates it any more");
    assert_eq!(help, " = help: generate anew with: cargo xtask generate");

    greeter(&folder).write().expect("what differs is replaced");
    greeter(&folder).check().expect("it was just written");
    assert!(!folder.join("old.rs").exists(), "what is left over is removed");
    assert!(folder.join("mine.rs").exists(), "what people wrote is not");
}

#[test]
fn other_options_are_out_of_date_too() {
    let folder = output_folder("tree-options");
    greeter(&folder).write().expect("the file has no faults");
    let text = complaint(&folder, greeter(&folder).only(Only::Clients));
    assert!(
        text.contains("greeter.rs:3 is the first line that differs\n  it is:     \n  should be: // with: only=clients"),
        "{text}"
    );
}

#[test]
fn line_ends_do_not_count() {
    let folder = output_folder("tree-line-ends");
    greeter(&folder).write().expect("the file has no faults");
    let text = read(folder.join("greeter.rs")).replace('\n', "\r\n");
    std::fs::write(folder.join("greeter.rs"), text).expect("the folder is ours");
    greeter(&folder).check().expect("version control may change line ends");
}

#[test]
fn files_that_were_not_generated_are_never_replaced() {
    let folder = output_folder("tree-foreign");
    std::fs::write(folder.join("mod.rs"), "//! Mine.\n").expect("the folder is ours");
    let error = greeter(&folder).write().expect_err("mod.rs is in the way");
    let expected =
        format!("{} is in the way: it was not generated\n = help: move it away", folder.join("mod.rs").display());
    assert!(error.to_string().starts_with(&expected), "{error}");
    assert_eq!(read(folder.join("mod.rs")), "//! Mine.\n");
    assert!(!folder.join("greeter.rs").exists(), "nothing was written");
}

#[test]
fn the_folder_has_to_be_named() {
    let build = || Build::new().proto("tests/fixture/proto/greeter.proto");
    for error in [build().write(), build().check()] {
        let error = error.expect_err("there is no folder");
        assert_eq!(error.to_string(), "the folder to write into was not named\n = help: add .out_dir(\"src/proto\")");
    }
}
