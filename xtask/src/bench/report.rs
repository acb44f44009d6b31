//! `cargo xtask bench`: runs every case, prints the tables, and with `--write` puts them into the documentation.

use std::fs;

use crate::Failure;
use crate::failure::While;
use crate::process::root;

use super::callgrind::{count_client, count_server};
use super::cases::{
    CLIENT_CALLS, COUNTED_CLIENT_CALLS, Case, DIFFERING, IDENTICAL, IN_AXUM, MULTI_THREAD, OBSERVED, ONE_CALL,
};
use super::drive::{Cost, Counted, measure, measure_clients};
use super::idle;
use super::picture;
use super::programs::{Program, build_ours, build_peers};
use super::tables;
use super::tools::{PERF, TASKSET, VALGRIND, require};

const DOCUMENT: &str = "docs/PERFORMANCE.md";
const PICTURE: &str = "docs/performance.svg";
const BEGIN: &str = "<!-- figures: begin -->";
const END: &str = "<!-- figures: end -->";

/// One program in one case.
pub(crate) struct Row {
    pub(crate) program: Program,
    pub(crate) cost: Cost,
    pub(crate) counted: Counted,
    /// By hardware where it counts, else by callgrind.
    pub(crate) user_instructions: f64,
}

/// Where our instructions go in one case.
pub(crate) struct Share {
    pub(crate) title: &'static str,
    pub(crate) functions: Vec<(String, f64)>,
}

/// All that was measured.
#[derive(Default)]
pub(crate) struct Results {
    pub(crate) cases: Vec<(&'static str, Vec<Row>)>,
    pub(crate) clients: Vec<Row>,
    /// KiB a connection.
    pub(crate) idle: Vec<(Program, f64)>,
    pub(crate) shares: Vec<Share>,
}

pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let writes = match args {
        [] => false,
        [only] if only == "--write" => true,
        _ => return Err(Failure::new("usage: cargo xtask bench [--write]")),
    };
    require(&[VALGRIND, TASKSET, PERF])?;
    build_ours()?;
    build_peers()?;
    let mut results = Results::default();
    for case in [IDENTICAL, MULTI_THREAD, DIFFERING, ONE_CALL, OBSERVED, IN_AXUM] {
        results.add_case(&case)?;
    }
    results.add_clients()?;
    for program in [Program::Halloo, Program::Tonic, Program::Connectrpc] {
        println!("    idle connections: {}", program.name());
        results.idle.push((program, idle::measure(program)?));
    }
    let text = tables::all(&results)?;
    println!("\n{text}");
    if writes { write(&results, &text) } else { Ok(()) }
}

impl Results {
    fn add_case(&mut self, case: &Case) -> Result<(), Failure> {
        println!("    {}", case.title);
        let mut rows = Vec::new();
        for (program, cost, counted) in measure(case)? {
            println!("    {}: counting instructions", program.name());
            let count = count_server(program, case, 1)?;
            let user_instructions = counted.user_instructions.unwrap_or(count.instructions);
            // With more threads, beside itself being observed or within axum, it is the same code: one profile says it.
            let is_repeated = case.threads > 1 || case.title == OBSERVED.title || case.title == IN_AXUM.title;
            if program == Program::Halloo && !is_repeated {
                self.shares.push(Share { title: case.title, functions: count.functions });
            }
            rows.push(Row { program, cost, counted, user_instructions });
        }
        self.cases.push((case.title, rows));
        Ok(())
    }

    fn add_clients(&mut self) -> Result<(), Failure> {
        println!("    clients");
        for (program, cost) in measure_clients(&[Program::HallooClient, Program::TonicClient], CLIENT_CALLS)? {
            let count = count_client(program, COUNTED_CLIENT_CALLS)?;
            let user_instructions = count.instructions;
            if program == Program::HallooClient {
                self.shares.push(Share { title: tables::CLIENT_TITLE, functions: count.functions });
            }
            self.clients.push(Row { program, cost, counted: Counted::default(), user_instructions });
        }
        Ok(())
    }
}

/// Puts the tables between the marks of the document, and the picture beside it.
fn write(results: &Results, text: &str) -> Result<(), Failure> {
    let path = root().join(DOCUMENT);
    let document = fs::read_to_string(&path).while_doing(|| format!("cannot read {DOCUMENT}"))?;
    let parts = document.split_once(BEGIN).and_then(|(head, rest)| Some((head, rest.split_once(END)?.1)));
    let (head, tail) = parts.ok_or_else(|| Failure::new(format!("{DOCUMENT} has no {BEGIN} .. {END}")))?;
    fs::write(&path, format!("{head}{BEGIN}\n{text}{END}{tail}")).while_doing(|| format!("cannot write {DOCUMENT}"))?;
    fs::write(root().join(PICTURE), picture::draw(results)).while_doing(|| format!("cannot write {PICTURE}"))
}
