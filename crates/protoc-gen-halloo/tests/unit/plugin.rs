//! What the plugin answers to requests that no compiler would send: an error, never a panic.

use super::*;
use buffa_descriptor::generated::descriptor::{DescriptorProto, FileDescriptorProto};
use std::sync::OnceLock;

/// The request for every kind of declaration that the test files of `halloo-build` have.
fn request() -> CodeGeneratorRequest {
    static REQUEST: OnceLock<CodeGeneratorRequest> = OnceLock::new();
    REQUEST.get_or_init(compile).clone()
}

fn compile() -> CodeGeneratorRequest {
    let folder = std::env::temp_dir().join(format!("protoc-gen-halloo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("the folder for temporary files can be written");
    let set = folder.join("all.binpb");
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/../halloo-build/tests/fixture");
    let build = halloo_build::Build::new().root(fixture).write_descriptor_set(&set).out_dir(folder.join("out"));
    let protos = ["proto/everything.proto", "proto/kinds.proto", "proto/legacy.proto", "proto/names.proto"];
    build.protos(protos).write().expect("the files have no faults");
    let bytes = std::fs::read(&set).expect("it was written");
    std::fs::remove_dir_all(&folder).expect("the folder is ours");
    CodeGeneratorRequest {
        file_to_generate: vec!["everything.proto".to_owned(), "kinds.proto".to_owned(), "legacy.proto".to_owned()],
        parameter: Some("views=kinds.v1.Kinds/Both".to_owned()),
        proto_file: halloo_codegen::decode_descriptor_set(&bytes).expect("they are descriptors"),
        ..Default::default()
    }
}

fn respond_to(request: &CodeGeneratorRequest) -> CodeGeneratorResponse {
    let answer = respond(&request.encode_to_vec()).expect("it is a request");
    CodeGeneratorResponse::decode_from_slice(&answer).expect("it is a response")
}

/// The error for a file with one message of this name in this package.
fn error_for(package: &str, message: &str, parameter: &str) -> String {
    let message = DescriptorProto { name: Some(message.to_owned()), ..Default::default() };
    let file = FileDescriptorProto {
        name: Some("a.proto".to_owned()),
        package: Some(package.to_owned()),
        message_type: vec![message],
        ..Default::default()
    };
    let response = respond_to(&CodeGeneratorRequest {
        file_to_generate: vec!["a.proto".to_owned()],
        parameter: Some(parameter.to_owned()),
        proto_file: vec![file],
        ..Default::default()
    });
    assert!(response.file.is_empty(), "an error comes without files");
    response.error.expect("there is an error")
}

#[test]
fn an_answer_says_what_is_supported() {
    let response = respond_to(&request());
    assert_eq!(response.error, None);
    assert_eq!(response.supported_features, Some(3));
    assert_eq!((response.minimum_edition, response.maximum_edition), (Some(998), Some(1001)));
    let names: Vec<&str> = response.file.iter().filter_map(|file| file.name.as_deref()).collect();
    assert!(names.contains(&"mod.rs") && names.contains(&"everything.rs"), "{names:?}");
}

#[test]
fn nothing_to_generate_is_no_error() {
    let response = respond_to(&CodeGeneratorRequest::default());
    assert_eq!(response.error, None);
    let names: Vec<&str> = response.file.iter().filter_map(|file| file.name.as_deref()).collect();
    assert_eq!(names, ["mod.rs"]);
}

#[test]
fn faults_are_told_in_the_answer() {
    let error = error_for("a", "A", "view=a.B/C");
    assert!(error.starts_with("there is no option `view`\nThe options are:\n  default_unimplemented "), "{error}");
    let error = error_for("a", "A", "views=a.B/C");
    assert_eq!(error, "views are asked for `a.B/C`, which is no method; the methods are: (none)");
    let request = CodeGeneratorRequest { file_to_generate: vec!["b.proto".to_owned()], ..Default::default() };
    let error = respond_to(&request).error;
    assert_eq!(error.as_deref(), Some("no descriptor for the file `b.proto`; the files are: (none)"));
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for package in ["../../etc", "a/b", "a..b", "a.b\u{e4}", "a b", "mod { use evil; }"] {
        let error = error_for(package, "A", "");
        assert_eq!(
            error,
            format!("invalid descriptor: a.proto has the name {package:?}, which the protobuf language does not allow")
        );
    }
    for message in ["", "1A", "A;", "A\n"] {
        let error = error_for("a", message, "");
        assert_eq!(
            error,
            format!("invalid descriptor: a.proto has the name {message:?}, which the protobuf language does not allow")
        );
    }
}

#[test]
fn bytes_that_are_no_request_are_told_apart() {
    assert!(respond(b"syntax = \"proto3\";").is_err());
    assert!(respond(&[0xff; 40]).is_err());
}

/// Damaged requests: bytes that were changed, dropped or doubled, and descriptors that were exchanged.
#[test]
fn damaged_requests_get_an_answer() {
    let whole = request().encode_to_vec();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut defects = Vec::new();
    for _ in 0..ROUNDS {
        let mut damaged = whole.clone();
        for _ in 0..=random.below(3) {
            damage(&mut damaged, &mut random);
        }
        if let Ok(answer) = respond(&damaged) {
            let response = CodeGeneratorResponse::decode_from_slice(&answer).expect("it is a response");
            assert!(response.error.is_some() || !response.file.is_empty());
            defects.extend(response.error.filter(|error| error.contains("a defect of protoc-gen-halloo")));
        }
    }
    defects.sort();
    defects.dedup();
    assert!(defects.is_empty(), "{}", defects.join("\n"));
}

const ROUNDS: usize = 60;

fn damage(bytes: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(bytes.len());
    match random.below(4) {
        0 => bytes[at] = random.below(256) as u8,
        1 => bytes[at] ^= 1 << random.below(8),
        // The lengths before it stay right: what changes is a name, a number or a type.
        2 => {
            let other = random.below(bytes.len());
            bytes.swap(at, other);
        }
        _ => bytes.truncate(at.max(1)),
    }
}

/// The xorshift generator: the same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}
