//! The client for small devices: how large a static binary of it is, and how much memory it holds between calls.
//!
//! Targets come from rustup. What is built for another machine is not run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Failure;
use crate::failure::While;
use crate::process::{Running, cargo, log_file, run, target_dir};

/// What a stripped static client may weigh.
const MAX_BINARY_KIB: u64 = 1100;

/// What a client that waits may hold for itself: heap, stacks, written data.
const MAX_OWN_KIB: u64 = 256;

/// What a program says by then, or never.
const LIMIT: Duration = Duration::from_secs(60);

/// A target, and the linker that it needs here; `None` for the machine's own.
const TARGETS: [(&str, Option<&str>); 2] =
    [("x86_64-unknown-linux-musl", None), ("aarch64-unknown-linux-musl", Some("rust-lld"))];

/// Builds the client for each target and measures it.
pub(crate) fn run_all() -> Result<(), Failure> {
    for (target, linker) in TARGETS {
        let program = build(target, linker)?;
        let kib = size(&program)?.div_ceil(1024);
        println!("    {target}: {kib} KiB, static and stripped");
        if kib > MAX_BINARY_KIB {
            return Err(Failure::new(format!("the client for {target} has {kib} KiB, its limit is {MAX_BINARY_KIB}")));
        }
        if target.starts_with(std::env::consts::ARCH) {
            measure_idle(&program)?;
        }
    }
    Ok(())
}

fn build(target: &str, linker: Option<&str>) -> Result<PathBuf, Failure> {
    run(Command::new("rustup").args(["target", "add", target]))
        .map_err(|failure| Failure::new(format!("{failure}\nrustup is needed to get {target}: https://rustup.rs")))?;
    let mut build = cargo(&["build", "--quiet", "--profile=small", "--package=device", "--target", target]);
    if let Some(linker) = linker {
        let variable = format!("CARGO_TARGET_{}_LINKER", target.to_uppercase().replace('-', "_"));
        build.env(variable, linker);
    }
    run(&mut build)?;
    Ok(target_dir().join(target).join("small/device"))
}

fn size(program: &Path) -> Result<u64, Failure> {
    let data = fs::metadata(program).while_doing(|| format!("cannot find {}", program.display()))?;
    Ok(data.len())
}

/// Lets the client make a call, and looks at its memory while it waits for the next.
fn measure_idle(program: &Path) -> Result<(), Failure> {
    run(&mut cargo(&["build", "--quiet", "--package=greeter", "--bin=server"]))?;
    let mut serve = Command::new(target_dir().join("debug/server"));
    let mut server = Running::start(serve.arg("127.0.0.1:0"), log_file("small-server")?)?;
    let port = server.wait_for("🟢 Server started on port ", LIMIT)?;
    let mut client = Command::new(program);
    let mut client =
        Running::start(client.arg(format!("http://127.0.0.1:{port}")).arg("--wait"), log_file("small-client")?)?;
    client.wait_for("Hello, device!", LIMIT)?;
    let status = format!("/proc/{}/status", client.id());
    let status = fs::read_to_string(&status).while_doing(|| format!("cannot read {status}"))?;
    let kib = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()
    };
    let (Some(all), Some(own)) = (kib("VmRSS:"), kib("RssAnon:")) else {
        return Err(Failure::new("the kernel does not tell the client's memory"));
    };
    println!("    between calls, connected: {all} KiB resident, {own} KiB of them its own (the rest is the binary)");
    if own > MAX_OWN_KIB {
        return Err(Failure::new(format!("the client holds {own} KiB, its limit is {MAX_OWN_KIB}")));
    }
    client.terminate().and_then(|_| server.terminate()).map(drop)
}
