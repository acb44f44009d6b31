//! The measured programs: where they are built, and how a server is started.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::Failure;
use crate::process::{Running, cargo, log_file, root, run, target_dir};

/// The core of what is measured, and the core of what drives it.
pub(crate) const MEASURED_CORE: &str = "0";
pub(crate) const DRIVING_CORE: &str = "1";

/// What is measured, of one implementation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Halloo,
    /// With short handlers fixed to their connection's task, instead of the adaptive default.
    HallooInline,
    /// With a stats hook that counts events.
    HallooStats,
    /// With a span a call, kept in a registry.
    HallooSpans,
    /// Within an axum server.
    HallooAxum,
    Tonic,
    /// Within an axum server.
    TonicAxum,
    Connectrpc,
    Canned,
    HallooClient,
    TonicClient,
}

impl Program {
    /// The name in tables.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Halloo => "Halloo",
            Self::HallooInline => "Halloo, inline",
            Self::HallooStats => "Halloo, stats hook",
            Self::HallooSpans => "Halloo, spans",
            Self::HallooAxum => "Halloo in axum",
            Self::Tonic => "tonic 0.14",
            Self::TonicAxum => "tonic 0.14 in axum",
            Self::Connectrpc => "connectrpc 0.9",
            Self::Canned => "canned bytes",
            Self::HallooClient => "Halloo's client",
            Self::TonicClient => "tonic's client",
        }
    }

    /// What it is started with besides a case's options.
    fn options(self) -> &'static [&'static str] {
        match self {
            Self::HallooInline => &["--inline"],
            Self::HallooStats => &["--stats"],
            Self::HallooSpans => &["--spans"],
            _ => &[],
        }
    }

    /// Whether it is our server, in one of its forms.
    pub(crate) fn is_our_server(self) -> bool {
        matches!(self, Self::Halloo | Self::HallooInline | Self::HallooStats | Self::HallooSpans)
    }

    pub(crate) fn path(self) -> PathBuf {
        match self {
            Self::Halloo | Self::HallooInline | Self::HallooStats | Self::HallooSpans => ours("greeter-server"),
            Self::HallooClient => ours("greeter-client"),
            Self::Canned => ours("canned-server"),
            Self::HallooAxum => ours("axum-greeter"),
            Self::Tonic => peer("tonic-server"),
            Self::TonicAxum => peer("axum-tonic"),
            Self::TonicClient => peer("tonic-client"),
            Self::Connectrpc => peer("connectrpc-server"),
        }
    }
}

/// A program of `halloo-bench`.
pub(crate) fn ours(name: &str) -> PathBuf {
    target_dir().join("release").join(name)
}

fn peer(name: &str) -> PathBuf {
    peers_target_dir().join("release").join(name)
}

fn peers_target_dir() -> PathBuf {
    target_dir().join("peers")
}

/// Builds our programs, those that need more by themselves, so that it is in no other.
pub(crate) fn build_ours() -> Result<(), Failure> {
    for package in ["--package=halloo-bench", "--package=halloo-bench-axum"] {
        run(&mut cargo(&["build", "--release", package, "--bins"]))?;
    }
    Ok(())
}

/// Builds the peers' programs.
pub(crate) fn build_peers() -> Result<(), Failure> {
    let mut build = cargo(&["build", "--release", "--locked", "--bins"]);
    run(build.current_dir(root().join("benches/peers")).env("CARGO_TARGET_DIR", peers_target_dir()))
}

/// A command that runs on one core, with enough file descriptors for thousands of connections.
pub(crate) fn on_core(core: &str, program: &PathBuf) -> Command {
    let mut command = Command::new("sh");
    let script = "ulimit -n $(ulimit -Hn) 2>/dev/null; exec taskset -c \"$0\" \"$@\"";
    command.args(["-c", script, core]).arg(program);
    command
}

/// A server that listens.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) address: String,
    pub(crate) running: Running,
}

impl Server {
    /// Starts a server on the measured core.
    pub(crate) fn start(program: Program, options: &[&str]) -> Result<Self, Failure> {
        Self::start_command(program, on_core(MEASURED_CORE, &program.path()), options)
    }

    /// Starts a server with a command that ends in its path.
    pub(crate) fn start_command(program: Program, mut command: Command, options: &[&str]) -> Result<Self, Failure> {
        command.arg("127.0.0.1:0").args(options).args(program.options());
        let log = log_file(&format!("bench-{program:?}"))?;
        let mut running = Running::start(&mut command, log)?;
        let address = running.wait_for("listening on ", Duration::from_secs(60))?;
        Ok(Self { program, address, running })
    }
}
