//! `cargo xtask`: everything that is done to the repository besides building it.
//!
//! CI runs the same commands as a developer does. Each command is a list of named, timed steps; the last lines
//! say what failed. Nothing here is part of what users depend on.
#![expect(clippy::print_stdout, reason = "a command line tool talks on stdout")]

mod ci;
mod failure;
mod greeter;
mod interop;
mod licences;
mod process;
mod steps;
mod tidy;
mod workspace;

use std::process::ExitCode;

use crate::failure::Failure;
use crate::steps::Steps;

const HELP: &str = "\
The chores of the repository.

usage: cargo xtask <command>

  ci             fmt, clippy, tidy, tests, docs, licences: what every change must pass
  tidy           the rules of the house that no compiler knows: crate graph, file heads, sizes, names
  licences       every dependency's licence against the list of those we accept
  crates         counts the crates of the Greeter's clean build against its budget
  greeter-copy   copies the Greeter out of the repository, builds it there and compares what it prints
  interop        runs the matrix against Python's gRPC (needs python3 and its venv module)
                   interop [FILTER...]   only cells whose line contains every FILTER
  full           all of the above
  help           this text
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    if !rest.is_empty() && command != "interop" {
        eprintln!("`{command}` takes no arguments\n\n{HELP}");
        return ExitCode::from(2);
    }
    let mut steps = Steps::default();
    match command.as_str() {
        "ci" => ci::add_steps(&mut steps),
        "tidy" => steps.add("tidy", tidy::run),
        "licences" => steps.add("licences", licences::run),
        "crates" => steps.add("crates", greeter::count_crates),
        "greeter-copy" => steps.add("greeter-copy", greeter::build_a_copy),
        "interop" => steps.add("interop", move || interop::run(&rest)),
        "full" => {
            ci::add_steps(&mut steps);
            steps.add("crates", greeter::count_crates);
            steps.add("greeter-copy", greeter::build_a_copy);
            steps.add("interop", || interop::run(&[]));
        }
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        "" => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
        unknown => {
            eprintln!("there is no command `{unknown}`\n\n{HELP}");
            return ExitCode::from(2);
        }
    }
    steps.run()
}
