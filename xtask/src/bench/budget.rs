//! `cargo xtask instructions`: what the engine and a whole call cost in instructions, held against a budget.
//!
//! Counted, not timed: the same on a busy machine. More than 3 % over the budget fails; `--write` makes what was
//! counted the budget.

use std::fs;

use crate::Failure;
use crate::failure::While;
use crate::process::root;

use super::callgrind::{count_server, count_step};
use super::cases::{DIFFERING, IDENTICAL};
use super::programs::{Program, build_ours};
use super::tools::{TASKSET, VALGRIND, require};

const FILE: &str = "benches/budget.txt";

/// Percent by which a count may differ: compilers and batches vary.
const SLACK: f64 = 3.0;

/// Steps of the engine, with the function in which they are counted.
const STEPS: [(&str, &str); 6] = [
    ("decode_request", "decode_request"),
    ("decode_varied_request", "decode_request"),
    ("encode_reply", "encode_reply"),
    ("send_response", "send_response"),
    ("receive_message", "receive_message"),
    ("send_message", "send_message"),
];

const STEP_COUNT: u64 = 10_000;

/// Runs of each length for the whole calls.
const RUNS: u32 = 3;

pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let writes = match args {
        [] => false,
        [only] if only == "--write" => true,
        _ => return Err(Failure::new("usage: cargo xtask instructions [--write]")),
    };
    require(&[VALGRIND, TASKSET])?;
    build_ours()?;
    let mut counts = Vec::new();
    for (step, function) in STEPS {
        counts.push((step, count_step(step, function, STEP_COUNT)?));
    }
    for (name, case) in [("unary_call", IDENTICAL), ("unary_call_with_differing_values", DIFFERING)] {
        let count = count_server(Program::Halloo, &case, RUNS)?;
        counts.push((name, count.instructions));
    }
    let path = root().join(FILE);
    let text = fs::read_to_string(&path).while_doing(|| format!("cannot read {FILE}"))?;
    if writes {
        return fs::write(&path, with_counts(&text, &counts)).while_doing(|| format!("cannot write {FILE}"));
    }
    compare(&text, &counts)
}

/// Prints each count beside its budget; fails when one is over it.
fn compare(budget: &str, counts: &[(&str, f64)]) -> Result<(), Failure> {
    let mut over = Vec::new();
    for (name, count) in counts {
        let allowed = budget_of(budget, name).ok_or_else(|| Failure::new(format!("{FILE} has no line {name}")))?;
        let percent = (count / allowed - 1.0) * 100.0;
        let remark = match percent {
            more if more > SLACK => "over the budget",
            less if less < -SLACK => "lower the budget: cargo xtask instructions --write",
            _ => "",
        };
        println!("    {name:<34} {count:>8.0}  budget {allowed:>8.0}  {percent:>+6.1} %  {remark}");
        if percent > SLACK {
            over.push(*name);
        }
    }
    if over.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("more than {SLACK} % over the instructions of {FILE}: {}", over.join(", "))))
}

fn budget_of(budget: &str, name: &str) -> Option<f64> {
    let line = budget.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" "))?;
    line.trim().parse().ok()
}

/// The budget's comments, and the counts.
fn with_counts(budget: &str, counts: &[(&str, f64)]) -> String {
    let mut text: String =
        budget.lines().filter(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    for (name, count) in counts {
        text += &format!("{name:<34} {count:>6.0}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{compare, with_counts};

    #[test]
    fn three_percent_are_allowed() {
        let budget = "# instructions\nencode_reply   100\n";
        assert!(compare(budget, &[("encode_reply", 102.9)]).is_ok());
        assert!(compare(budget, &[("encode_reply", 50.0)]).is_ok());
        assert!(compare(budget, &[("encode_reply", 103.1)]).is_err());
        assert!(compare(budget, &[("encode", 1.0)]).is_err(), "a count without a budget");
    }

    #[test]
    fn what_is_written_is_read_again() {
        let counts = [("encode_reply", 786.4), ("unary_call", 4500.0)];
        let text = with_counts("# why\nold 1\n", &counts);
        assert!(text.starts_with("# why\nencode_reply") && !text.contains("old"), "{text}");
        assert!(compare(&text, &counts).is_ok());
    }
}
