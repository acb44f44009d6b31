//! A command as a list of named steps: runs all of them, times each, and sums up at the end.
//!
//! A failed step does not stop the ones after it, so one run shows everything that is wrong.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::Failure;

type Work = Box<dyn FnOnce() -> Result<(), Failure>>;

/// The steps of one command, in order.
#[derive(Default)]
pub(crate) struct Steps {
    steps: Vec<(&'static str, Work)>,
}

impl Steps {
    pub(crate) fn add(&mut self, name: &'static str, work: impl FnOnce() -> Result<(), Failure> + 'static) {
        self.steps.push((name, Box::new(work)));
    }

    /// Runs the steps; fails if any did.
    pub(crate) fn run(self) -> ExitCode {
        let count = self.steps.len();
        let mut results = Vec::with_capacity(count);
        for (position, (name, work)) in self.steps.into_iter().enumerate() {
            println!("==> [{}/{count}] {name}", position + 1);
            let started = Instant::now();
            let result = work();
            let took = started.elapsed();
            if let Err(failure) = &result {
                println!("{failure}");
            }
            results.push((name, took, result.is_ok()));
        }
        sum_up(&results)
    }
}

fn sum_up(results: &[(&str, Duration, bool)]) -> ExitCode {
    println!();
    for (name, took, passed) in results {
        let verdict = if *passed { "ok    " } else { "FAILED" };
        println!("{verdict}  {name:<13} {:>7.1} s", took.as_secs_f64());
    }
    if results.iter().all(|(_, _, passed)| *passed) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
