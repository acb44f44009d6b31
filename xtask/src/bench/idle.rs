//! What an idle connection costs: a server's memory after thousands of connections have made one call each.

use std::fs;
use std::thread::sleep;
use std::time::Duration;

use crate::Failure;
use crate::failure::While;
use crate::process::{Running, log_file, output};

use super::programs::{DRIVING_CORE, Program, Server, on_core, ours};

const CONNECTIONS: u64 = 5000;

/// Servers may give memory back after a while of quiet; this is how long they get.
const QUIET: Duration = Duration::from_secs(4);

/// KiB of resident memory that each idle connection adds.
pub(crate) fn measure(program: Program) -> Result<f64, Failure> {
    let server = Server::start(program, &[])?;
    // What the first connection makes once is not the connections'.
    let load = || {
        let mut command = on_core(DRIVING_CORE, &ours("greeter-load"));
        command.arg(&server.address);
        command
    };
    output(&mut load())?;
    let before = resident_kib(server.running.id())?;
    let mut command = load();
    command.arg(format!("--connections={CONNECTIONS}")).arg(format!("--requests={CONNECTIONS}")).arg("--hold");
    let mut holding = Running::start(&mut command, log_file("bench-idle")?)?;
    holding.wait_for("calls ", Duration::from_secs(120))?;
    sleep(QUIET);
    let after = resident_kib(server.running.id())?;
    Ok((after - before) / CONNECTIONS as f64)
}

fn resident_kib(process: u32) -> Result<f64, Failure> {
    let path = format!("/proc/{process}/status");
    let status = fs::read_to_string(&path).while_doing(|| format!("cannot read {path}"))?;
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
    resident
        .and_then(|kib| kib.parse().ok())
        .ok_or_else(|| Failure::new(format!("{path} does not tell the resident memory")))
}
