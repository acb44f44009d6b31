//! What a call costs: our programs and the peers', driven in one run and counted.
//!
//! `cargo xtask bench` prints the figures and, with `--write`, puts them into `docs/PERFORMANCE.md`;
//! `cargo xtask instructions` holds the counted instructions against `benches/budget.txt`.

mod budget;
mod callgrind;
mod cases;
mod drive;
mod idle;
mod picture;
mod profile;
mod programs;
mod report;
mod tables;
mod tools;

pub(crate) use budget::run as run_instructions;
pub(crate) use report::run as run_bench;
