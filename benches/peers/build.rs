//! Compiles the measured services for both peers, from descriptors: nobody needs `protoc`.

use std::error::Error;
use std::path::PathBuf;

use prost::Message;

const FOLDER: &str = "../proto";
const FILE: &str = "greeter.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let descriptors = protox::compile([FILE], [FOLDER])?;
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?);
    let encoded = out_dir.join("descriptors.bin");
    std::fs::write(&encoded, descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    connectrpc_build::Config::new()
        .descriptor_set(&encoded)
        .files(&[FILE])
        .generate_json(false)
        .out_dir(out_dir.join("connectrpc"))
        .include_file("mod.rs")
        .compile()?;
    Ok(())
}
