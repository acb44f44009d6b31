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

/// Parts of the whole by which two runs may differ that agree.
const AGREEMENT: f64 = 0.004;

/// Runs after which the least count stands although none agrees with it, in multiples of those that are asked for.
const PATIENCE: u32 = 3;

/// Counts a server under the load, each run length `runs` times and until two runs agree: the least counts.
///
/// What makes runs differ is not the server's doing. How many requests come in one read is up to the machine, and small
/// batches cost more. And a string that grows, as the greeting does, makes glibc cut a new piece off its heap, call
/// after call, if the pieces that it has to hand after the start all have free memory behind them: 280 instructions more
/// a call in one run of eight or so, from the first call to the last.
pub(crate) fn count_server(program: Program, case: &Case, runs: u32) -> Result<Count, Failure> {
    let (short, long) = (case.counted_calls / 5, case.counted_calls);
    let least = |calls| least_agreed(runs, || run_server(program, case, calls));
    difference(&least(short)?, &least(long)?, long - short)
}

fn least_agreed(runs: u32, mut run: impl FnMut() -> Result<Profile, Failure>) -> Result<Profile, Failure> {
    let mut least = run()?;
    let mut second = f64::INFINITY;
    for count in 1..runs * PATIENCE {
        if count >= runs && second - least.total <= second * AGREEMENT {
            break;
        }
        let next = run()?;
        second = second.min(least.total.max(next.total));
        if next.total < least.total {
            least = next;
        }
    }
    Ok(least)
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

#[cfg(test)]
mod tests {
    use super::{Failure, Profile, least_agreed};

    /// The least count of runs with these totals, and how many of them were made.
    fn least_of(totals: &[f64]) -> (f64, usize) {
        let mut made = 0;
        let mut run = || -> Result<Profile, Failure> {
            made += 1;
            Ok(Profile { total: totals[made - 1], ..Profile::default() })
        };
        let least = least_agreed(2, &mut run).unwrap();
        (least.total, made)
    }

    #[test]
    fn runs_go_on_until_two_agree_on_the_least() {
        assert_eq!(least_of(&[100.0, 100.3]), (100.0, 2));
        assert_eq!(least_of(&[106.0, 100.0, 106.1, 100.2]), (100.0, 4));
        assert_eq!(least_of(&[106.0, 106.1]), (106.0, 2), "nothing tells that a third would cost less");
        assert_eq!(least_of(&[106.0, 105.0, 104.0, 103.0, 102.0, 101.0]), (101.0, 6), "patience ends");
    }
}
