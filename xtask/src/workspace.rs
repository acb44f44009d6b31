//! What `cargo metadata` says of the workspace, as far as the checks need it.

use std::path::PathBuf;

use serde_json::Value;

use crate::Failure;
use crate::process::{cargo, output};

/// A package of the workspace or one that it depends on.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) licence: Option<String>,
    pub(crate) manifest: PathBuf,
    /// Normal and build dependencies; what only tests use is not among them.
    pub(crate) dependencies: Vec<String>,
    pub(crate) binaries: Vec<String>,
    pub(crate) features: Vec<String>,
}

/// The members of the workspace.
pub(crate) fn members() -> Result<Vec<Package>, Failure> {
    packages(&["metadata", "--format-version=1", "--no-deps"])
}

/// The members of the workspace and everything that they may depend on, on any platform.
pub(crate) fn all_packages() -> Result<Vec<Package>, Failure> {
    packages(&["metadata", "--format-version=1", "--all-features"])
}

fn packages(args: &[&str]) -> Result<Vec<Package>, Failure> {
    let text = output(&mut cargo(args))?;
    let metadata: Value =
        serde_json::from_str(&text).map_err(|error| Failure::new(format!("cannot read cargo's metadata: {error}")))?;
    Ok(list(&metadata["packages"]).map(read_package).collect())
}

fn read_package(package: &Value) -> Package {
    let is_binary = |target: &&Value| list(&target["kind"]).any(|kind| kind == "bin");
    Package {
        name: text(&package["name"]),
        version: text(&package["version"]),
        licence: package["license"].as_str().map(str::to_owned),
        manifest: PathBuf::from(text(&package["manifest_path"])),
        dependencies: list(&package["dependencies"])
            .filter(|dependency| dependency["kind"] != "dev")
            .map(|dependency| text(&dependency["name"]))
            .collect(),
        binaries: list(&package["targets"]).filter(is_binary).map(|target| text(&target["name"])).collect(),
        features: package["features"].as_object().into_iter().flat_map(|features| features.keys().cloned()).collect(),
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
