//! Where a method's handlers run: in the connection's task, or in a task of their own.
//!
//! A reply that is ready at the handler's first poll is cheapest made where its request was parsed; a handler
//! that takes long there would hold up every other call of the connection. So a method starts in tasks of its
//! own, earns inline polling by short polls and loses it by long ones. The driver asks and reports; nothing
//! here reads a clock.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// Polls longer than this cost a method its inline polling, if two of them come close together.
pub const LONG_POLL: Duration = Duration::from_micros(200);

/// Two long polls with fewer short ones between them are the handler's doing. One alone may be a thread that the
/// kernel took away in the middle of a poll, which says nothing of the handler.
const CLOSE_POLLS: u32 = 256;

/// Short polls in a row that a method needs at first.
const FIRST_TRIAL_POLLS: u32 = 32;

/// Short polls in a row that it needs at most, after it has lost inline polling several times.
const LONGEST_TRIAL_POLLS: u32 = 1 << 16;

/// Short polls in a row, while it has inline polling, that make up for one loss.
const FORGIVING_POLLS: u32 = 4096;

/// Decides where a method's handlers run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Execution {
    /// Measured: spawned at first, inline once 32 polls in a row took at most 200 microseconds, spawned again
    /// after two that took longer and were close together (each loss doubles the trial, up to 65 536 polls).
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
    /// Short polls seen since the last long one.
    short_polls: AtomicU32,
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
        let is_alone = self.short_polls.swap(0, Ordering::Relaxed) >= CLOSE_POLLS;
        // Only what was earned can be lost: a slow method's trial does not grow while it is spawned anyway.
        if !is_alone && self.is_trusted.swap(false, Ordering::Relaxed) {
            self.losses.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn observe_short(&self) {
        let short_polls = self.short_polls.load(Ordering::Relaxed).saturating_add(1);
        let losses = self.losses.load(Ordering::Relaxed);
        self.short_polls.store(short_polls, Ordering::Relaxed);
        if !self.is_trusted.load(Ordering::Relaxed) {
            if short_polls >= (FIRST_TRIAL_POLLS << losses.min(11)).min(LONGEST_TRIAL_POLLS) {
                // The first long poll after the trial stands alone, too.
                self.short_polls.store(CLOSE_POLLS, Ordering::Relaxed);
                self.is_trusted.store(true, Ordering::Relaxed);
            }
        } else if losses > 0 && short_polls >= FORGIVING_POLLS {
            self.short_polls.store(CLOSE_POLLS, Ordering::Relaxed);
            self.losses.store(losses - 1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOO_LONG: Duration = Duration::from_micros(201);

    fn observe_short(placement: &Placement, polls: u32) {
        for _ in 0..polls {
            placement.observe(LONG_POLL);
        }
    }

    fn lose(placement: &Placement) {
        placement.observe(TOO_LONG);
        placement.observe(TOO_LONG);
        assert!(!placement.is_inline());
    }

    #[test]
    fn a_method_earns_inline_polling_by_short_polls_and_loses_it_by_two_long_ones() {
        let placement = Placement::new(Execution::Adaptive);
        assert!(!placement.is_inline(), "the first calls are spawned");
        observe_short(&placement, FIRST_TRIAL_POLLS);
        assert!(placement.is_inline());
        placement.observe(TOO_LONG);
        assert!(placement.is_inline(), "one may be the kernel's doing");
        observe_short(&placement, CLOSE_POLLS - 1);
        placement.observe(TOO_LONG);
        assert!(!placement.is_inline());
        observe_short(&placement, 2 * FIRST_TRIAL_POLLS - 1);
        assert!(!placement.is_inline(), "the second trial is longer");
        observe_short(&placement, 1);
        assert!(placement.is_inline());
    }

    #[test]
    fn long_polls_far_from_each_other_cost_nothing() {
        let placement = Placement::new(Execution::Adaptive);
        observe_short(&placement, FIRST_TRIAL_POLLS);
        for _ in 0..100 {
            placement.observe(TOO_LONG);
            assert!(placement.is_inline());
            observe_short(&placement, CLOSE_POLLS);
        }
    }

    #[test]
    fn a_method_that_was_slow_at_first_is_tried_like_any_other() {
        let placement = Placement::new(Execution::Adaptive);
        for _ in 0..100 {
            placement.observe(Duration::from_secs(1));
        }
        observe_short(&placement, FIRST_TRIAL_POLLS);
        assert!(placement.is_inline());
    }

    #[test]
    fn short_polls_make_up_for_losses() {
        let placement = Placement::new(Execution::Adaptive);
        for _ in 0..3 {
            observe_short(&placement, 8 * FIRST_TRIAL_POLLS);
            lose(&placement);
        }
        observe_short(&placement, 8 * FIRST_TRIAL_POLLS - 1);
        assert!(!placement.is_inline());
        observe_short(&placement, 1 + 3 * FORGIVING_POLLS);
        lose(&placement);
        observe_short(&placement, 2 * FIRST_TRIAL_POLLS);
        assert!(placement.is_inline(), "the trial is the second one's again");
    }

    #[test]
    fn a_fixed_choice_is_not_moved_by_measurements() {
        let inline = Placement::new(Execution::Inline);
        inline.observe(Duration::from_secs(1));
        inline.observe(Duration::from_secs(1));
        assert!(inline.is_inline());
        let spawn = Placement::new(Execution::Spawn);
        observe_short(&spawn, 2 * LONGEST_TRIAL_POLLS);
        assert!(!spawn.is_inline());
    }

    #[test]
    fn the_trial_stays_reachable_after_many_losses() {
        let placement = Placement::new(Execution::Adaptive);
        for _ in 0..20 {
            while !placement.is_inline() {
                placement.observe(Duration::ZERO);
            }
            lose(&placement);
        }
        observe_short(&placement, LONGEST_TRIAL_POLLS - 1);
        assert!(!placement.is_inline());
        observe_short(&placement, 1);
        assert!(placement.is_inline());
    }
}
