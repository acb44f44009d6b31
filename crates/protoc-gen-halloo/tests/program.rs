//! The program as `protoc` starts it: bytes on stdin, bytes on stdout.

use buffa::Message as _;
use buffa_descriptor::generated::compiler::{CodeGeneratorRequest, CodeGeneratorResponse};
use halloo_build::{Build, Only};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

fn run(arguments: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_protoc-gen-halloo"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("cargo has built the program");
    // It does not read its input when it has an argument.
    let _ = child.stdin.take().expect("stdin is piped").write_all(input);
    child.wait_with_output().expect("the program ends")
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).expect("the folder is ours");
    }
    std::fs::create_dir_all(&folder).expect("the target folder can be written");
    folder
}

#[test]
fn it_answers_with_the_files_that_a_build_writes() {
    let folder = folder("same");
    let set = folder.join("shop.binpb");
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../halloo-build/tests/fixture");
    let targets = ["shop/v1/shop.proto", "kinds.proto"];
    let build = Build::new().root(fixture).include("proto").protos(targets.map(|target| format!("proto/{target}")));
    let build = build.only(Only::Servers).views("kinds.v1.Kinds/Both").shared_bytes(".");
    let written = folder.join("written");
    build.write_descriptor_set(&set).out_dir(&written).write().expect("the files have no faults");

    let descriptors = std::fs::read(&set).expect("it was written");
    let mut files = halloo_codegen::decode_descriptor_set(&descriptors).expect("they are descriptors");
    // Other compilers have other orders.
    files.reverse();
    let request = CodeGeneratorRequest {
        file_to_generate: targets.map(str::to_owned).to_vec(),
        parameter: Some("views=kinds.v1.Kinds/Both,only=servers,shared_bytes=.".to_owned()),
        proto_file: files,
        ..Default::default()
    };
    let output = run(&[], &request.encode_to_vec());
    assert!(output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    let response = CodeGeneratorResponse::decode_from_slice(&output.stdout).expect("it is a response");
    assert_eq!(response.error, None);
    assert_eq!(response.file.len(), std::fs::read_dir(&written).expect("it was written").count());
    for file in response.file {
        let name = file.name.expect("files have names");
        let expected = std::fs::read_to_string(written.join(&name)).expect("the build has written it, too");
        assert!(file.content.as_deref() == Some(&expected), "{name} differs");
    }
}

#[test]
fn bytes_that_are_no_request_end_it_with_a_word() {
    for input in [&b"syntax = \"proto3\";\n"[..], &[0xff, 0xfe, 0x00], &[0x0a, 0x80]] {
        let output = run(&[], input);
        assert_eq!(output.status.code(), Some(1));
        assert!(output.stdout.is_empty());
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.starts_with("protoc-gen-halloo: what came on stdin is no CodeGeneratorRequest: "), "{text}");
    }
}

#[test]
fn people_who_start_it_are_told_how() {
    let output = run(&["--help"], b"");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("protoc --halloo_out=src/proto"), "{text}");
    let output = run(&["--version"], b"");
    assert_eq!(output.stdout, concat!("protoc-gen-halloo ", env!("CARGO_PKG_VERSION"), "\n").as_bytes());
    let output = run(&["greeter.proto"], b"");
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.starts_with("there is no argument `greeter.proto`\n\n"), "{text}");
}
