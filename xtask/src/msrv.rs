//! The oldest compiler that we promise: `rust-version` of the workspace, installed by rustup if it is missing.

use std::process::Command;

use serde_json::Value;

use crate::Failure;
use crate::process::{cargo, output, root, run, target_dir};

/// Checks what users build (libraries with all features, the Greeter) with the oldest compiler.
pub(crate) fn check() -> Result<(), Failure> {
    let version = oldest()?;
    run(Command::new("rustup").args(["toolchain", "install", &version, "--profile=minimal", "--no-self-update"]))
        .map_err(|failure| {
            Failure::new(format!("{failure}\nrustup is needed to get Rust {version}: https://rustup.rs"))
        })?;
    let mut check = Command::new("rustup");
    check.args([
        "run",
        &version,
        "cargo",
        "check",
        "--locked",
        "--package=greeter",
        "--package=halloo",
        "--package=halloo-build",
    ]);
    check.args(["--all-features"]).current_dir(root()).env("CARGO_TARGET_DIR", target_dir().join("msrv"));
    // This program runs under a newer cargo, whose choices of tools are not to be inherited.
    for variable in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        check.env_remove(variable);
    }
    run(&mut check)
}

/// `rust-version` of the facade, with the patch number that rustup wants.
fn oldest() -> Result<String, Failure> {
    let text = output(&mut cargo(&["metadata", "--format-version=1", "--no-deps"]))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("cannot read cargo's metadata: {error}")))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let facade = packages.clone().find(|package| package["name"] == "halloo");
    let version = facade.and_then(|package| package["rust_version"].as_str());
    let version = version.ok_or_else(|| Failure::new("the package halloo declares no rust-version"))?;
    Ok(if version.matches('.').count() == 1 { format!("{version}.0") } else { version.to_owned() })
}
