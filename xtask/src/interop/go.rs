//! Go's side: the programs of `interop/go` on grpc-go, with the stubs of our `.proto` files.
//!
//! They are built in a copy under `target/interop`, because Go wants stubs within the module that uses them. What is
//! pinned is in `interop/go/go.mod`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{root, run, target_dir};

use super::python::Python;

/// Our `.proto` files, which the stubs are made of, and where they are.
const PROTOS: [(&str, &str); 2] = [("interop", "interop/proto"), ("greeter", "examples/greeter")];

/// The programs, built.
pub(crate) struct Go {
    programs: PathBuf,
}

impl Go {
    /// Builds the programs. The `.proto` compiler is the one that Python's tools bring.
    pub(crate) fn prepare(python: &Python) -> Result<Self, Failure> {
        let sources = target_dir().join("interop/go");
        let programs = target_dir().join("interop/go-programs");
        copy(&root().join("interop/go"), &sources)?;
        let mut tools = go(&sources, &["install", "tool"]);
        run(tools.env("GOBIN", &programs))?;
        for (name, folder) in PROTOS {
            run(&mut generate(python, &sources, &programs, name, folder))?;
        }
        run(go(&sources, &["build", "-o"]).arg(&programs).arg("./..."))?;
        Ok(Self { programs })
    }

    /// A program of `interop/go`, by the name of its folder.
    pub(crate) fn program(&self, name: &str) -> Command {
        Command::new(self.programs.join(name))
    }
}

fn go(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new("go");
    command.args(args).current_dir(folder);
    command
}

/// Makes the package `halloo-interop/NAME` of `NAME.proto`.
fn generate(python: &Python, sources: &Path, tools: &Path, name: &str, folder: &str) -> Command {
    let mut protoc = python.protoc();
    protoc.arg(format!("-I{folder}"));
    for plugin in ["go", "go-grpc"] {
        protoc.arg(format!("--plugin=protoc-gen-{plugin}={}", tools.join(format!("protoc-gen-{plugin}")).display()));
        protoc.arg(format!("--{plugin}_out={}", sources.display()));
        protoc.arg(format!("--{plugin}_opt=module=halloo-interop"));
        protoc.arg(format!("--{plugin}_opt=M{name}.proto=halloo-interop/{name}"));
    }
    protoc.arg(format!("{name}.proto"));
    protoc
}

/// Puts what is in `from` into `to`. Files of an older copy that are gone by now are removed with it.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    if to.exists() {
        fs::remove_dir_all(to).while_doing(|| format!("cannot remove {}", to.display()))?;
    }
    fs::create_dir_all(to).while_doing(|| format!("cannot create {}", to.display()))?;
    let entries = fs::read_dir(from).while_doing(|| format!("cannot list {}", from.display()))?;
    for entry in entries {
        let entry = entry.while_doing(|| format!("cannot list {}", from.display()))?;
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied)?;
        } else {
            fs::copy(&path, &copied).while_doing(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}
