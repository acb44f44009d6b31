//! Where a method's handlers run: in the connection's task, or in a task of their own.
//!
//! A reply that is ready at the handler's first poll is cheapest made where its request was parsed; a handler
//! that takes long there would hold up every other call of the connection. So a method starts in tasks of its
//! own, earns inline polling by short polls and loses it by long ones. The driver asks and reports; nothing
//! here reads a clock.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Polls longer than this cost a method its inline polling, if they are more than a few in a hundred.
pub const LONG_POLL: Duration = Duration::from_micros(200);

/// Short polls that make up for a long one. A thread that the kernel takes away in the middle of a poll makes it look
/// long, which says nothing of the handler: on a machine with other work that happens again and again, but rarely
/// next to each other. A handler that takes long does so more often than once in so many polls.
const SHORT_FOR_LONG: u32 = 32;

/// Long polls, less those that short ones have made up for, that cost a method its inline polling.
const LONG_POLLS: u32 = 4;

/// Short polls, less those that go for long ones, that a method needs at first.
const FIRST_TRIAL_POLLS: u32 = 32;

/// Short polls that it needs at most, after it has lost inline polling several times.
const LONGEST_TRIAL_POLLS: u32 = 1 << 16;

/// Short polls, while it has inline polling, that make up for one loss.
const FORGIVING_POLLS: u32 = 4096;

/// Decides where a method's handlers run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Execution {
    /// Measured: spawned at first, inline once 32 polls took at most 200 microseconds each, spawned again after four
    /// that took longer (each loss doubles the trial, up to 65 536 polls). A long poll and 32 short ones cancel out.
    #[default]
    Adaptive,
    /// Always polled in the connection's task first. For handlers that are known to be short.
    Inline,
    /// Always in a task of its own.
    Spawn,
}

/// One method's choice, and what was seen of its polls.
#[derive(Debug, Default)]
pub struct Placement {
    execution: Execution,
    /// The trial was passed, and what it earned was not lost since.
    is_trusted: AtomicBool,
    /// Short polls towards the end of the trial, or towards making up for a loss.
    credit: AtomicU32,
    /// Short polls that are still to make up for long ones, while the method is trusted.
    debt: AtomicU32,
    /// Times that trust was lost; the exponent of the trial.
    losses: AtomicU32,
}

impl Placement {
    /// Makes a placement that follows `execution`.
    #[must_use]
    pub fn new(execution: Execution) -> Self {
        Self { execution, ..Self::default() }
    }

    /// Returns the rule that was set.
    #[must_use]
    pub fn execution(&self) -> Execution {
        self.execution
    }

    /// Says whether the next call's first poll happens in the connection's task.
    #[must_use]
    pub fn is_inline(&self) -> bool {
        match self.execution {
            Execution::Inline => true,
            Execution::Spawn => false,
            Execution::Adaptive => self.is_trusted.load(Ordering::Relaxed),
        }
    }

    /// Reports how long one poll of a handler took. Not every poll need be reported, but after one that may have
    /// been long the following ones must be.
    pub fn observe(&self, took: Duration) {
        if self.execution != Execution::Adaptive {
            return;
        }
        if took > LONG_POLL {
            self.observe_long();
        } else {
            self.observe_short();
        }
    }

    fn observe_long(&self) {
        let credit = self.credit.load(Ordering::Relaxed).saturating_sub(SHORT_FOR_LONG);
        self.credit.store(credit, Ordering::Relaxed);
        // Only what was earned can be lost: a slow method's trial does not grow while it is spawned anyway.
        if !self.is_trusted.load(Ordering::Relaxed) {
            return;
        }
        let debt = self.debt.load(Ordering::Relaxed) + SHORT_FOR_LONG;
        self.debt.store(debt, Ordering::Relaxed);
        if debt > (LONG_POLLS - 1) * SHORT_FOR_LONG && self.is_trusted.swap(false, Ordering::Relaxed) {
            self.start_over();
            self.losses.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn observe_short(&self) {
        let credit = self.credit.load(Ordering::Relaxed).saturating_add(1);
        let losses = self.losses.load(Ordering::Relaxed);
        self.credit.store(credit, Ordering::Relaxed);
        if !self.is_trusted.load(Ordering::Relaxed) {
            if credit >= (FIRST_TRIAL_POLLS << losses.min(11)).min(LONGEST_TRIAL_POLLS) {
                self.start_over();
                self.is_trusted.store(true, Ordering::Relaxed);
            }
            return;
        }
        let debt = self.debt.load(Ordering::Relaxed);
        if debt > 0 {
            self.debt.store(debt - 1, Ordering::Relaxed);
        }
        if losses > 0 && credit >= FORGIVING_POLLS {
            self.credit.store(0, Ordering::Relaxed);
            self.losses.store(losses - 1, Ordering::Relaxed);
        }
    }

    fn start_over(&self) {
        self.credit.store(0, Ordering::Relaxed);
        self.debt.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
#[path = "../../tests/unit/dispatch/placement.rs"]
mod tests;
