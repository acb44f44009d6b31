//! The interop matrix: our client and server against Python's and Go's, case by case, over each kind of network and
//! with TLS; and the Greeter, called from other languages.
//!
//! The programs live in `interop/`; each prints one line for each case. Here they are built, started and paired,
//! and every cell of the matrix becomes a line. One red cell fails the whole.

mod cells;
mod go;
mod greeter;
mod languages;
mod matrix;
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

/// Runs the cells whose line contains every filter.
pub(crate) fn run(filters: &[String]) -> Result<(), Failure> {
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
    cells.verdict()
}
