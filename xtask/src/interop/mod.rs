//! The interop matrix: our client and server against Python's and Go's, case by case, over each kind of network and
//! with TLS; the Greeter, called from other languages; and gRPC's own interop cases, the negative ones too.
//!
//! The programs live in `interop/`; each prints one line for each case. Here they are built, started and paired,
//! and every cell of the matrix becomes a line. One red cell fails the whole.

mod absent;
mod cells;
mod go;
mod greeter;
mod languages;
mod matrix;
mod negative;
mod official;
mod programs;
mod python;

use crate::Failure;
use crate::process::{cargo, run as run_command};

use self::cells::Cells;
use self::go::Go;
use self::languages::Language;
use self::matrix::Side;
use self::python::Python;

/// What the cells need, made once.
struct Tools {
    python: Python,
    /// There if a cell of Go's is wanted.
    go: Option<Go>,
}

/// Calls of a soak, each some milliseconds long; and of a long one.
const SOAK_CALLS: u32 = 100;
const LONG_SOAK_CALLS: u32 = 2000;

/// Runs all cells, with long soaks.
pub(crate) fn run_long() -> Result<(), Failure> {
    run(&["--soak".to_owned(), LONG_SOAK_CALLS.to_string()])
}

/// Runs the cells whose line contains every filter: `[--soak CALLS] [FILTER...]`.
pub(crate) fn run(args: &[String]) -> Result<(), Failure> {
    let (soak_calls, filters) = match args {
        [flag, calls, filters @ ..] if flag == "--soak" => {
            (calls.parse().map_err(|error| Failure::new(format!("--soak {calls}: {error}")))?, filters)
        }
        filters => (SOAK_CALLS, filters),
    };
    let mut cells = Cells::new(filters);
    let python = Python::prepare()?;
    let sides = matrix::wanted_sides(&cells);
    let go = sides.contains(&Side::Go).then(|| Go::prepare(&python)).transpose().map_err(Language::Go.advise())?;
    let tools = Tools { python, go };
    // Every cell of TLS needs certificates, which a program of ours makes.
    if !sides.is_empty() || greeter::is_wanted(&cells) {
        run_command(&mut cargo(&["build", "--bins", "--package=halloo-interop-python", "--package=greeter"]))?;
    }
    matrix::run(&tools, &mut cells)?;
    greeter::run(&tools, &mut cells)?;
    official::run(&mut cells, soak_calls)?;
    negative::run(&tools.python, &mut cells)?;
    cells.verdict()
}
