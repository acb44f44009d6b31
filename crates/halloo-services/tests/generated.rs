//! The Rust and the descriptors under `generated/` are those of the `.proto` files.
//!
//! `HALLOO_WRITE=1 cargo test -p halloo-services --test generated` writes them anew.

use std::fs;
use std::path::{Path, PathBuf};

use halloo_build::Build;
use halloo_codegen::{FileDescriptorProto, Only, Request};
use halloo_protobuf::Message;

const HEALTH: &str = "grpc/health/v1/health.proto";
const REFLECTION: &str = "grpc/reflection/v1/reflection.proto";
const REFLECTION_ALPHA: &str = "grpc/reflection/v1alpha/reflection.proto";
const STATUS: &str = "google/rpc/status.proto";
const ERROR_DETAILS: &str = "google/rpc/error_details.proto";

#[test]
fn what_is_generated_is_up_to_date() {
    let files = descriptors();
    for (file, package) in
        [(HEALTH, "grpc.health.v1"), (REFLECTION, "grpc.reflection.v1"), (REFLECTION_ALPHA, "grpc.reflection.v1alpha")]
    {
        compare(&format!("{package}.bin"), &descriptor_set(&files, file));
    }
    // Both versions of reflection have the same messages, so one is enough; and services are registered by hand.
    for (name, text) in messages(files, &[HEALTH, REFLECTION, STATUS, ERROR_DETAILS]) {
        compare(&name, text.as_bytes());
    }
}

fn descriptors() -> Vec<FileDescriptorProto> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("halloo-services");
    fs::create_dir_all(&folder).expect("the target folder can be written");
    let set = folder.join("services.binpb");
    let protos = [HEALTH, REFLECTION, REFLECTION_ALPHA, STATUS, ERROR_DETAILS].map(|file| format!("proto/{file}"));
    let build = Build::new().protos(protos).include("proto").out_dir(folder.join("unused"));
    build.write_descriptor_set(&set).try_compile().expect("no faults");
    halloo_codegen::decode_descriptor_set(&fs::read(set).expect("it was written")).expect("our own descriptors")
}

/// The encoded `FileDescriptorSet` of one file, without its comments.
fn descriptor_set(files: &[FileDescriptorProto], name: &str) -> Vec<u8> {
    let file = files.iter().find(|file| file.name.as_deref() == Some(name)).expect("it was compiled");
    assert!(file.dependency.is_empty(), "the imports of {name} belong into the set");
    let mut file = file.clone();
    file.source_code_info = Default::default();
    let file = file.encode_to_vec();
    let length = u16::try_from(file.len()).expect("it is a small file");
    // Field 1, and a length as a varint of two bytes.
    let head = [0x0a, (length & 0x7f) as u8 | 0x80, (length >> 7) as u8];
    [&head[..], &file].concat()
}

/// The files of the packages, standing on our own crates: generated code is for users and names the facade.
fn messages(files: Vec<FileDescriptorProto>, targets: &[&str]) -> Vec<(String, String)> {
    let targets = targets.iter().map(|&target| target.to_owned()).collect();
    let bytes = ".grpc.reflection.v1.FileDescriptorResponse.file_descriptor_proto";
    let request = Request::new(files, targets).only(Only::Messages).shared_bytes(bytes);
    let generated = halloo_codegen::generate(request).expect("no faults");
    let packages =
        generated.into_iter().filter(|file| file.name.starts_with("grpc.") || file.name.starts_with("google.rpc"));
    let packages =
        packages.map(|file| (file.name, file.contents.replace("::halloo::protobuf::", "::halloo_protobuf::")));
    let packages: Vec<_> = packages.collect();
    assert_eq!(packages.len(), 3, "{packages:?}");
    assert!(packages.iter().all(|(_, text)| !text.contains("::halloo::")), "more of the facade is named: {packages:?}");
    packages
}

fn compare(name: &str, contents: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("generated").join(name);
    if std::env::var_os("HALLOO_WRITE").is_some_and(|value| value == "1") {
        fs::write(&path, contents).expect("the folder can be written");
        return;
    }
    let is_same = fs::read(&path).is_ok_and(|old| old == contents);
    assert!(is_same, "{name} is out of date; HALLOO_WRITE=1 cargo test -p halloo-services --test generated writes it");
}
