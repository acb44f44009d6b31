//! The interop matrix: our client and server against Python's, case by case, over each kind of network; and the
//! Greeter, called from other languages.
//!
//! The programs live in `interop/`; each prints one line for each case. Here they are built, started and paired,
//! and every cell of the matrix becomes a line. One red cell fails the whole.

mod cells;
mod greeter;
mod languages;
mod matrix;
mod python;

use crate::Failure;
use crate::process::{cargo, run as run_command};

use self::cells::Cells;
use self::matrix::Side;
use self::python::Python;

/// What the cells need, made once.
struct Tools {
    python: Python,
}

/// Runs the cells whose line contains every filter.
pub(crate) fn run(filters: &[String]) -> Result<(), Failure> {
    let mut cells = Cells::new(filters);
    let tools = Tools { python: Python::prepare()? };
    let needs_ours = matrix::wanted_sides(&cells).contains(&Side::Halloo) || greeter::is_wanted(&cells);
    if needs_ours {
        run_command(&mut cargo(&["build", "--bins", "--package=halloo-interop-python", "--package=greeter"]))?;
    }
    matrix::run(&tools, &mut cells)?;
    greeter::run(&tools, &mut cells)?;
    cells.verdict()
}
