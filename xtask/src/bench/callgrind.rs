//! User instructions a call, counted by callgrind: the difference of two runs, so that start-up cancels out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{output, target_dir};

use super::cases::Case;
use super::profile::Profile;
use super::programs::{DRIVING_CORE, Program, Server, on_core, ours};

/// What callgrind counted, a call.
pub(crate) struct Count {
    pub(crate) instructions: f64,
    /// By function, most first.
    pub(crate) functions: Vec<(String, f64)>,
}

/// Counts a server under the load, each run length `runs` times: the least counts. How many requests come in one read
/// is up to the machine, and small batches cost more.
pub(crate) fn count_server(program: Program, case: &Case, runs: u32) -> Result<Count, Failure> {
    let least = |calls: u64| {
        let mut least = run_server(program, case, calls)?;
        for _ in 1..runs {
            let next = run_server(program, case, calls)?;
            if next.total < least.total {
                least = next;
            }
        }
        Ok(least)
    };
    let (short, long) = (case.counted_calls / 5, case.counted_calls);
    difference(&least(short)?, &least(long)?, long - short)
}

fn run_server(program: Program, case: &Case, calls: u64) -> Result<Profile, Failure> {
    // Valgrind is so slow that a poll takes a hundred times as long as in life, and the adaptive choice of where
    // handlers run would vary. On one thread what it chooses in life is counted; with more, both choices are shown.
    let is_fixed = program.is_our_server() && case.threads == 1;
    let file = output_file(&format!("{program:?}-{calls}"))?;
    let mut options = case.server_options.to_vec();
    options.extend(is_fixed.then_some("--inline"));
    let mut server = Server::start_command(program, valgrind(&file, &program.path(), &[]), &options)?;
    let mut command = on_core(DRIVING_CORE, &ours("greeter-load"));
    output(command.arg(&server.address).args(case.load.args(calls)))?;
    server.running.terminate()?;
    Profile::read(&file)
}

/// Counts a client against our server.
pub(crate) fn count_client(program: Program, calls: u64) -> Result<Count, Failure> {
    let server = Server::start_command(Program::Halloo, on_core(DRIVING_CORE, &Program::Halloo.path()), &[])?;
    let run = |calls: u64| {
        let file = output_file(&format!("{program:?}-{calls}"))?;
        let mut client = valgrind(&file, &program.path(), &[]);
        output(client.arg(&server.address).arg(format!("--requests={calls}")).stderr(std::process::Stdio::null()))?;
        Profile::read(&file)
    };
    difference(&run(calls / 5)?, &run(calls)?, calls - calls / 5)
}

/// Counts one step of the engine, inside of one function alone.
pub(crate) fn count_step(step: &str, function: &str, count: u64) -> Result<f64, Failure> {
    let file = output_file(step)?;
    let only = format!("--toggle-collect=engine_steps::{function}");
    let mut command = valgrind(&file, &ours("engine-steps"), &[&only]);
    output(command.arg(step).arg(format!("--count={count}")))?;
    Ok(Profile::read(&file)?.total / count as f64)
}

fn output_file(name: &str) -> Result<PathBuf, Failure> {
    let folder = target_dir().join("callgrind");
    fs::create_dir_all(&folder).while_doing(|| format!("cannot create {}", folder.display()))?;
    Ok(folder.join(format!("{name}.out")))
}

fn valgrind(file: &Path, program: &Path, options: &[&str]) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--tool=callgrind"]).arg(format!("--callgrind-out-file={}", file.display()));
    command.args(options).arg(program);
    command
}

fn difference(short: &Profile, long: &Profile, calls: u64) -> Result<Count, Failure> {
    if long.total <= short.total {
        return Err(Failure::new("callgrind counted less for the longer run"));
    }
    let calls = calls as f64;
    let mut functions: Vec<(String, f64)> = long
        .functions
        .iter()
        .map(|(name, cost)| (name.clone(), (cost - short.functions.get(name).copied().unwrap_or(0.0)) / calls))
        .collect();
    functions.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    Ok(Count { instructions: (long.total - short.total) / calls, functions })
}
