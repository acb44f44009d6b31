//! Files of editions: `protoc` is found or not, succeeds or not. The programs here are scripts that say what a test
//! wants; `cargo xtask plugin` does the same with a real one.

use super::*;
use crate::error::Error;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

const DESCRIPTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/editions/editions.binpb");

/// Makes a folder with an executable `protoc` that runs `body`.
fn fake(name: &str, body: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("halloo-build-test-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    let program = folder.join("protoc");
    std::fs::write(&program, format!("#!/bin/sh\n{body}\n")).expect("the folder is ours");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("the file is ours");
    folder
}

/// A script that writes `set` where it is told to.
fn succeeding(set: &str) -> String {
    format!("for word in \"$@\"; do case $word in --descriptor_set_out=*) cp '{set}' \"${{word#*=}}\";; esac; done")
}

fn compile_in(folder: &str, proto: &str, environment: &Environment) -> Result<Compiled, Vec<Diagnostic>> {
    let protos = [PathBuf::from(folder).join(proto)];
    let folders = Folders::new(Path::new(env!("CARGO_MANIFEST_DIR")), &[], &protos);
    compile(&folders, &protos, environment)
}

fn in_path(folder: &Path) -> Environment {
    Environment { protoc: None, path: Some(OsString::from(format!("/nowhere:{}", folder.display()))) }
}

fn report(result: Result<Compiled, Vec<Diagnostic>>) -> String {
    Error::faults(result.expect_err("there are faults")).to_string()
}

#[test]
fn a_protoc_in_path_compiles_and_is_watched() {
    let folder = fake("path", &succeeding(DESCRIPTORS));
    let compiled = compile_in("tests/golden/editions", "features.proto", &in_path(&folder)).expect("it is found");
    assert_eq!(compiled.descriptor_set, std::fs::read(DESCRIPTORS).expect("it is checked in"));
    assert_eq!(compiled.targets, ["tests/golden/editions/features.proto"]);
    assert_eq!(compiled.variables, ["PROTOC"]);
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/editions");
    let expected = [folder.join("protoc"), here.join("features.proto"), here.join("newest.proto")];
    assert_eq!(compiled.paths, BTreeSet::from(expected));
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

#[test]
fn the_variable_goes_before_path() {
    let right = fake("variable", &succeeding(DESCRIPTORS));
    let wrong = fake("not-this", "exit 1");
    let environment = Environment { protoc: Some(right.join("protoc").into()), ..in_path(&wrong) };
    compile_in("tests/golden/editions", "features.proto", &environment).expect("the variable names the right one");
    let environment = Environment { protoc: Some("/nowhere/protoc".into()), ..in_path(&right) };
    let text = report(compile_in("tests/golden/editions", "features.proto", &environment));
    assert!(text.contains(" = help: PROTOC is `/nowhere/protoc`, which is no program\n"), "{text}");
    for folder in [right, wrong] {
        std::fs::remove_dir_all(folder).expect("the folder is ours");
    }
}

#[test]
fn without_protoc_there_is_one_fault_with_a_way_out() {
    let text = report(compile_in("tests/faults/edition", "greeter.proto", &Environment::default()));
    let install = text.lines().find_map(|line| line.split_once("- install protoc: ")).map(|(_, command)| command);
    let install = install.expect("it says how to install it");
    assert!(install.contains("protobuf"), "{text}");
    let expected = include_str!("../../tests/faults/edition/expected.txt");
    assert_eq!(text.replace(install, "<command>") + "\n", expected);
}

#[test]
fn faults_of_other_files_are_not_hidden() {
    let text = report(compile_in("tests/faults/edition", "both.proto", &Environment::default()));
    assert!(text.contains("the imported file `nowhere.proto` does not exist"), "{text}");
    assert!(text.contains("editions need protoc 27 or later"), "{text}");
    assert!(text.ends_with("2 faults in .proto files, nothing was generated"), "{text}");
}

#[test]
fn complaints_of_protoc_look_like_ours() {
    let body = "cat >&2 <<END\n\
        tests/faults/edition_faults/greeter.proto:6:3: warning: this is none.\n\
        {FOLDER}/greeter.proto:13:12: \"Mod\" is not defined.\n\
        tests/faults/edition_faults/greeter.proto:9:22: \"HelloReqest\" is not defined.\n\
        And something without a place.\n\
        END\n\
        exit 1";
    // Some versions name the file as it is imported, some as it lies on the disk.
    let on_disk = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/edition_faults");
    let folder = fake("complaining", &body.replace("{FOLDER}", on_disk));
    let text = report(compile_in("tests/faults/edition_faults", "greeter.proto", &in_path(&folder)));
    assert_eq!(text + "\n", include_str!("../../tests/faults/edition_faults/expected.txt"));
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

#[test]
fn a_protoc_that_is_too_old_is_named() {
    let folder =
        fake("old", "[ \"$1\" = --version ] && echo libprotoc 3.21.12 && exit\necho 'Expected ;.' >&2; exit 1");
    let text = report(compile_in("tests/faults/edition", "greeter.proto", &in_path(&folder)));
    assert!(text.starts_with("error: protoc 3.21.12 reads no editions; 27.0 and later do\n"), "{text}");
    assert!(text.contains(&format!(" = help: it is {}/protoc\n", folder.display())), "{text}");
    assert!(text.contains("- install protoc: "), "{text}");
    std::fs::remove_dir_all(folder).expect("the folder is ours");
}

#[test]
fn a_protoc_that_says_nothing_is_named() {
    let silent = fake("silent", "exit 3");
    let text = report(compile_in("tests/faults/edition", "greeter.proto", &in_path(&silent)));
    assert!(text.contains(&format!("protoc ({}/protoc) failed: exit status: 3", silent.display())), "{text}");
    let idle = fake("idle", "exit 0");
    let text = report(compile_in("tests/faults/edition", "greeter.proto", &in_path(&idle)));
    assert!(text.contains("succeeded without writing descriptors"), "{text}");
    for folder in [silent, idle] {
        std::fs::remove_dir_all(folder).expect("the folder is ours");
    }
}
