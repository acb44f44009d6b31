//! Timed runs: the load drives a server, and the server's CPU is read before and after.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Failure;
use crate::failure::While;
use crate::process::{output, target_dir};

use super::cases::{Case, Load};
use super::programs::{DRIVING_CORE, MEASURED_CORE, Program, Server, on_core, ours};

/// How often each program is measured; the figures are medians.
const ROUNDS: usize = 5;

/// The kernel's clock for CPU times, in ticks a second.
const TICKS_A_SECOND: f64 = 100.0;

/// What a call costs, in one run or in the median of several.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) calls_a_second: f64,
    /// Microseconds of CPU a call.
    pub(crate) user: f64,
    pub(crate) system: f64,
}

impl Cost {
    pub(crate) fn cpu(&self) -> f64 {
        self.user + self.system
    }
}

/// What hardware and kernel count of a server a call; `None` where they do not.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) system_calls: Option<f64>,
    pub(crate) user_instructions: Option<f64>,
    pub(crate) kernel_instructions: Option<f64>,
}

/// Drives all servers of a case, in turn.
pub(crate) fn measure(case: &Case) -> Result<Vec<(Program, Cost, Counted)>, Failure> {
    let mut servers = Vec::new();
    for &program in case.servers {
        servers.push((Server::start(program, case.server_options)?, Vec::new()));
    }
    for (server, _) in &servers {
        run_load(server, &case.load, case.calls / 10)?;
    }
    for _ in 0..ROUNDS {
        for (server, costs) in &mut servers {
            costs.push(timed(server, &case.load, case.calls)?);
        }
    }
    let mut results = Vec::new();
    for (server, costs) in servers {
        let counted = counted(&server, &case.load, case.calls)?;
        results.push((server.program, median(&costs), counted));
    }
    Ok(results)
}

fn timed(server: &Server, load: &Load, calls: u64) -> Result<Cost, Failure> {
    let before = Ticks::of(server.running.id())?;
    let seconds = run_load(server, load, calls)?;
    let after = Ticks::of(server.running.id())?;
    Ok(after.since(before).cost(calls, seconds))
}

/// Returns the seconds that the load took.
fn run_load(server: &Server, load: &Load, calls: u64) -> Result<f64, Failure> {
    let mut command = on_core(DRIVING_CORE, &ours("greeter-load"));
    Ok(Line::read(&output(command.arg(&server.address).args(load.args(calls)))?)?.seconds)
}

/// Clients on one channel each, against our server on the other core, in turn.
pub(crate) fn measure_clients(clients: &[Program], calls: u64) -> Result<Vec<(Program, Cost)>, Failure> {
    let server = Server::start_command(Program::Halloo, on_core(DRIVING_CORE, &Program::Halloo.path()), &[])?;
    let mut costs = vec![Vec::new(); clients.len()];
    for _ in 0..ROUNDS {
        for (client, costs) in clients.iter().zip(&mut costs) {
            let mut command = on_core(MEASURED_CORE, &client.path());
            command.arg(&server.address).arg(format!("--requests={calls}"));
            let line = Line::read(&output(&mut command)?)?;
            costs.push(line.ticks.cost(calls, line.seconds));
        }
    }
    Ok(clients.iter().copied().zip(costs.into_iter().map(|costs| median(&costs))).collect())
}

/// One more run, with `perf stat` on the server: it is not timed, since counting costs.
fn counted(server: &Server, load: &Load, calls: u64) -> Result<Counted, Failure> {
    let file = target_dir().join("perf-stat.txt");
    let mut command = Command::new("perf");
    command.args(["stat", "-x,", "-e", "raw_syscalls:sys_enter,instructions:u,instructions:k"]);
    command.arg("-o").arg(&file).arg("-p").arg(server.running.id().to_string()).arg("--");
    let load_command = on_core(DRIVING_CORE, &ours("greeter-load"));
    command.arg(load_command.get_program()).args(load_command.get_args());
    command.arg(&server.address).args(load.args(calls));
    if let Err(failure) = output(&mut command) {
        println!("    not counted: {failure}");
        return Ok(Counted::default());
    }
    read_counters(&file, calls)
}

/// Reads `perf stat -x,`: the count, or why there is none, comes first and the event's name third.
fn read_counters(file: &Path, calls: u64) -> Result<Counted, Failure> {
    let text = fs::read_to_string(file).while_doing(|| format!("cannot read {}", file.display()))?;
    let count = |event: &str| {
        let line = text.lines().find(|line| line.split(',').nth(2).is_some_and(|name| name.starts_with(event)))?;
        let count: f64 = line.split(',').next()?.parse().ok()?;
        Some(count / calls as f64)
    };
    Ok(Counted {
        system_calls: count("raw_syscalls:sys_enter"),
        user_instructions: count("instructions:u"),
        kernel_instructions: count("instructions:k"),
    })
}

fn median(costs: &[Cost]) -> Cost {
    let middle = |value: fn(&Cost) -> f64| {
        let mut values: Vec<f64> = costs.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(0.0)
    };
    Cost {
        calls_a_second: middle(|cost| cost.calls_a_second),
        user: middle(|cost| cost.user),
        system: middle(|cost| cost.system),
    }
}

/// CPU time of a process.
#[derive(Clone, Copy, Debug)]
struct Ticks {
    user: f64,
    system: f64,
}

impl Ticks {
    fn of(process: u32) -> Result<Self, Failure> {
        let path = format!("/proc/{process}/stat");
        let stat = fs::read_to_string(&path).while_doing(|| format!("cannot read {path}"))?;
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let mut words = after_name.split_whitespace().skip(11).map(|word| word.parse().unwrap_or(0.0));
        Ok(Self { user: words.next().unwrap_or(0.0), system: words.next().unwrap_or(0.0) })
    }

    fn since(self, before: Self) -> Self {
        Self { user: self.user - before.user, system: self.system - before.system }
    }

    fn cost(self, calls: u64, seconds: f64) -> Cost {
        let micros_a_call = 1e6 / TICKS_A_SECOND / calls as f64;
        Cost {
            calls_a_second: calls as f64 / seconds,
            user: self.user * micros_a_call,
            system: self.system * micros_a_call,
        }
    }
}

/// The line with which load and clients end: names and numbers in turn.
struct Line {
    seconds: f64,
    ticks: Ticks,
}

impl Line {
    fn read(text: &str) -> Result<Self, Failure> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let number = |name: &str| {
            let pair = words.windows(2).find(|pair| pair[0] == name);
            pair.and_then(|pair| pair[1].parse::<f64>().ok())
                .ok_or_else(|| Failure::new(format!("expected a line with {name:?}, got {text:?}")))
        };
        Ok(Self {
            seconds: number("nanoseconds")? / 1e9,
            ticks: Ticks { user: number("user_ticks")?, system: number("system_ticks")? },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    #[test]
    fn a_line_says_what_the_calls_took() {
        let line = Line::read("calls 10 nanoseconds 2000000000 user_ticks 7 system_ticks 11\n").unwrap();
        assert!(line.seconds == 2.0 && line.ticks.user == 7.0 && line.ticks.system == 11.0);
        assert!(Line::read("").is_err());
    }
}
