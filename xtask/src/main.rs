//! `cargo xtask`: everything that is done to the repository besides building it.
//!
//! CI runs the same commands as a developer does. Each command is a list of named, timed steps; the last lines
//! say what failed. Nothing here is part of what users depend on.
#![expect(clippy::print_stdout, reason = "a command line tool talks on stdout")]

mod bench;
mod ci;
mod conformance;
mod failure;
mod features;
mod fuzz;
mod greeter;
mod h2spec;
mod interop;
mod licences;
mod msrv;
mod plugin;
mod polyglot;
mod process;
mod small;
mod steps;
mod stress;
mod tidy;
mod tools;
mod tutorial;
mod vectors;
mod venv;
mod workspace;

use std::process::ExitCode;

use crate::failure::Failure;
use crate::steps::Steps;

const HELP: &str = "\
The chores of the repository.

usage: cargo xtask <command>

  ci             fmt, clippy, tidy, tests, docs, licences, features: what every change must pass
  tidy           the rules of the house that no compiler knows: crate graph, file heads, sizes, names
  licences       every dependency's licence against the list of those we accept
  msrv           checks what users build with the oldest compiler that is promised (needs rustup)
  crates         counts the crates of the Greeter's clean build against its budget
  greeter-copy   copies the Greeter out of the repository, builds it there and compares what it prints
  small          builds the client for small devices, static, and measures it (needs rustup)
  tutorial       follows docs/tutorial.md: writes its files, runs its commands, compares what they print
  interop        runs the matrix against Python's gRPC, gRPC's own interop cases against Go's and Java's, and Go's,
                 Node's and Java's Greeter (needs python3 with venv, Go, Node, a JDK and Maven)
                   interop [FILTER...]   only cells whose line contains every FILTER
                   interop --soak CALLS [FILTER...]   with so many calls a soak instead of 100
  polyglot       runs examples/polyglot: FastAPI calls Rust, and Rust calls Python (needs python3 with venv)
  plugin         protoc-gen-halloo under protoc and buf against halloo-build (needs python3 and its venv module)
  h2spec         h2spec against our server, h2specd against our client (needs Go)
                   h2spec [FOLDER]       with the tools in FOLDER instead of the pinned ones
  conformance    connectconformance against our server and our client (needs Go)
                   conformance [PATTERN...]   only cases whose names match, such as 'Timeouts/**'
  tools          grpcurl, buf curl, grpc-health-probe and ghz against our servers (needs Go, python3 and its venv module)
                   tools [FOLDER]        with the tools in FOLDER instead of the pinned ones
  vectors        other people's HPACK stories and frames (needs tar and xz)
                   vectors FOLDER        the folder with their archives
  instructions   counts instructions under callgrind against benches/budget.txt (needs valgrind)
                   instructions --write  makes what was counted the budget
  fuzz           runs the fuzz targets, 30 seconds each (needs a C++ compiler)
                   fuzz --seconds N [TARGET...]
  full           all of the above but vectors
  stress         every test beside four spinning processes: all of them 3 rounds, the timed ones 20 (up to 40 minutes)
  bench          measures servers and clients, ours and the peers' (needs valgrind and perf, two cores, and 15 minutes)
                   bench --write         puts the figures into docs/PERFORMANCE.md
  help           this text
";

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    if !rest.is_empty()
        && !matches!(
            command.as_str(),
            "interop" | "h2spec" | "conformance" | "tools" | "vectors" | "instructions" | "fuzz" | "bench"
        )
    {
        eprintln!("`{command}` takes no arguments\n\n{HELP}");
        return ExitCode::from(2);
    }
    let mut steps = Steps::default();
    match command.as_str() {
        "ci" => ci::add_steps(&mut steps),
        "tidy" => steps.add("tidy", tidy::run),
        "licences" => steps.add("licences", licences::run),
        "msrv" => steps.add("msrv", msrv::check),
        "crates" => steps.add("crates", greeter::count_crates),
        "greeter-copy" => steps.add("greeter-copy", greeter::build_a_copy),
        "interop" => steps.add("interop", move || interop::run(&rest)),
        "polyglot" => steps.add("polyglot", polyglot::run),
        "plugin" => steps.add("plugin", plugin::run),
        "h2spec" => steps.add("h2spec", move || h2spec::run(&rest)),
        "conformance" => steps.add("conformance", move || conformance::run(&rest)),
        "tools" => steps.add("tools", move || tools::run(&rest)),
        "vectors" => steps.add("vectors", move || vectors::run(&rest)),
        "instructions" => steps.add("instructions", move || bench::run_instructions(&rest)),
        "fuzz" => steps.add("fuzz", move || fuzz::run(&rest)),
        "bench" => steps.add("bench", move || bench::run_bench(&rest)),
        "small" => steps.add("small", small::run_all),
        "tutorial" => steps.add("tutorial", tutorial::run),
        "stress" => steps.add("stress", stress::run),
        stress::SPIN => {
            stress::spin();
            return ExitCode::SUCCESS;
        }
        "full" => {
            ci::add_steps(&mut steps);
            steps.add("msrv", msrv::check);
            steps.add("crates", greeter::count_crates);
            steps.add("greeter-copy", greeter::build_a_copy);
            steps.add("small", small::run_all);
            steps.add("tutorial", tutorial::run);
            steps.add("interop", interop::run_long);
            steps.add("polyglot", polyglot::run);
            steps.add("plugin", plugin::run);
            steps.add("h2spec", || h2spec::run(&[]));
            steps.add("conformance", || conformance::run(&[]));
            steps.add("tools", || tools::run(&[]));
            steps.add("instructions", || bench::run_instructions(&[]));
            steps.add("fuzz", || fuzz::run(&[]));
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
