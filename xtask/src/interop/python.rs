//! Python's side: a virtual environment with the pinned packages, and the stubs of our `.proto` files.
//!
//! Both live under `target/interop`; the environment is made anew when the pins change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{root, run, target_dir};

const HOW_TO_INSTALL: &str = "python3 with its venv module is needed: apt-get install python3 python3-venv";

/// An interpreter that can import gRPC and our stubs.
pub(crate) struct Python {
    interpreter: PathBuf,
    stubs: PathBuf,
}

impl Python {
    pub(crate) fn prepare() -> Result<Self, Failure> {
        let folder = target_dir().join("interop");
        let environment = folder.join("venv");
        let python = Self { interpreter: environment.join("bin/python"), stubs: folder.join("stubs") };
        python.install(&environment)?;
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

    fn install(&self, environment: &Path) -> Result<(), Failure> {
        let requirements = root().join("interop/python/requirements.txt");
        let wanted =
            fs::read_to_string(&requirements).while_doing(|| format!("cannot read {}", requirements.display()))?;
        let stamp = environment.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            return Ok(());
        }
        let made = run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(environment));
        made.map_err(|failure| Failure::new(format!("{failure}\n{HOW_TO_INSTALL}")))?;
        let mut pip = Command::new(&self.interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&requirements);
        run(&mut pip)?;
        fs::write(&stamp, wanted).while_doing(|| format!("cannot write {}", stamp.display()))
    }

    fn generate(&self) -> Result<(), Failure> {
        fs::create_dir_all(&self.stubs).while_doing(|| format!("cannot create {}", self.stubs.display()))?;
        let mut protoc = Command::new(&self.interpreter);
        protoc.current_dir(root()).args(["-m", "grpc_tools.protoc", "-Iinterop/proto", "-Iexamples/greeter"]);
        for output in ["--python_out", "--grpc_python_out"] {
            protoc.arg(format!("{output}={}", self.stubs.display()));
        }
        protoc.arg("interop.proto");
        if root().join("examples/greeter/greeter.proto").exists() {
            protoc.arg("greeter.proto");
        }
        run(&mut protoc)
    }
}
