//! Python's side: a virtual environment with the pinned packages, and the stubs of our `.proto` files.
//!
//! Both live under `target/interop`; the environment is made anew when the pins change.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{root, run, target_dir};
use crate::venv;

/// An interpreter that can import gRPC and our stubs.
pub(crate) struct Python {
    interpreter: PathBuf,
    stubs: PathBuf,
}

impl Python {
    pub(crate) fn prepare() -> Result<Self, Failure> {
        let folder = target_dir().join("interop");
        let programs = venv::prepare(&folder.join("venv"), &root().join("interop/python/requirements.txt"))?;
        let python = Self { interpreter: programs.join("python"), stubs: folder.join("stubs") };
        python.generate()?;
        Ok(python)
    }

    /// A program of `interop/python`.
    pub(crate) fn program(&self, file: &str) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.arg(root().join("interop/python").join(file));
        command.env("PYTHONPATH", &self.stubs).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }

    /// `protoc`, in the root of the repository.
    pub(crate) fn protoc(&self) -> Command {
        let mut protoc = Command::new(&self.interpreter);
        protoc.current_dir(root()).args(["-m", "grpc_tools.protoc"]);
        protoc
    }

    fn generate(&self) -> Result<(), Failure> {
        fs::create_dir_all(&self.stubs).while_doing(|| format!("cannot create {}", self.stubs.display()))?;
        let mut protoc = self.protoc();
        protoc.args(["-Iinterop/proto", "-Iinterop/grpc", "-Iexamples/greeter"]);
        for output in ["--python_out", "--grpc_python_out"] {
            protoc.arg(format!("{output}={}", self.stubs.display()));
        }
        protoc.args(["interop.proto", "testing.proto"]);
        if root().join("examples/greeter/greeter.proto").exists() {
            protoc.arg("greeter.proto");
        }
        run(&mut protoc)
    }
}
