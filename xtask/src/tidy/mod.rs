//! The rules of the house that no compiler knows.
//!
//! `edges` looks at packages, `circles` at what files need, `facade` at the public names of `halloo`, `map` and `numbers` at
//! what `ARCHITECTURE.md` says, `sources` at texts. A line that has to break a rule of `sources` says so beside it or on the
//! line above: `tidy: allow(<rule>): <reason>`.

mod circles;
mod edges;
mod facade;
mod map;
mod numbers;
mod sources;

use crate::Failure;

/// Checks all rules and reports every fault.
pub(crate) fn run() -> Result<(), Failure> {
    let mut faults = edges::check()?;
    faults.extend(circles::check()?);
    faults.extend(facade::check()?);
    faults.extend(map::check()?);
    faults.extend(numbers::check()?);
    faults.extend(sources::check()?);
    if faults.is_empty() {
        return Ok(());
    }
    let count = faults.len();
    let lines: Vec<String> = faults.into_iter().map(|fault| format!("    {fault}")).collect();
    Err(Failure::new(format!("{}\n    {count} faults", lines.join("\n"))))
}
