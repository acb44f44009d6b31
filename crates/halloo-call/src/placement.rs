//! Where a method's handlers run: in the connection's task, or in a task of their own.
//!
//! A reply that is ready at the handler's first poll is cheapest made where its request was parsed; a handler
//! that takes long there would hold up every other call of the connection. So a method starts in tasks of its
//! own, earns inline polling by short polls and loses it by one long one. The driver asks and reports; nothing
//! here reads a clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Polls longer than this cost a method its inline polling.
pub const LONG_POLL: Duration = Duration::from_micros(200);

/// Short polls in a row that a method needs at first.
const FIRST_TRIAL_POLLS: u32 = 32;

/// Short polls in a row that it needs at most, after it has lost inline polling several times.
const LONGEST_TRIAL_POLLS: u32 = 1 << 16;

/// What decides where a method's handlers run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Execution {
    /// Measured: spawned at first, inline once 32 polls in a row took at most 200 microseconds, spawned again
    /// after one that took longer (each loss doubles the trial, up to 65 536 polls).
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
    /// Short polls since the last long one.
    short_polls: AtomicU32,
    /// Long polls seen; the exponent of the trial.
    losses: AtomicU32,
}

impl Placement {
    /// A placement that follows `execution`.
    #[must_use]
    pub fn new(execution: Execution) -> Self {
        Self { execution, ..Self::default() }
    }

    /// The rule that was set.
    #[must_use]
    pub fn execution(&self) -> Execution {
        self.execution
    }

    /// Whether the next call's first poll happens in the connection's task.
    #[must_use]
    pub fn is_inline(&self) -> bool {
        match self.execution {
            Execution::Inline => true,
            Execution::Spawn => false,
            Execution::Adaptive => self.short_polls.load(Ordering::Relaxed) >= self.trial(),
        }
    }

    /// Reports how long one poll of a handler took.
    pub fn observe(&self, took: Duration) {
        if self.execution != Execution::Adaptive {
            return;
        }
        if took > LONG_POLL {
            // Only what was earned can be lost: a slow method's trial does not grow while it is spawned anyway.
            if self.short_polls.swap(0, Ordering::Relaxed) >= self.trial() {
                self.losses.fetch_add(1, Ordering::Relaxed);
            }
        } else if self.short_polls.load(Ordering::Relaxed) < LONGEST_TRIAL_POLLS {
            self.short_polls.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn trial(&self) -> u32 {
        let losses = self.losses.load(Ordering::Relaxed).min(11);
        (FIRST_TRIAL_POLLS << losses).min(LONGEST_TRIAL_POLLS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_earns_inline_polling_by_short_polls_and_loses_it_by_a_long_one() {
        let placement = Placement::new(Execution::Adaptive);
        assert!(!placement.is_inline(), "the first calls are spawned");
        for _ in 0..FIRST_TRIAL_POLLS {
            placement.observe(Duration::from_micros(20));
        }
        assert!(placement.is_inline());
        placement.observe(LONG_POLL + Duration::from_micros(1));
        assert!(!placement.is_inline());
        for _ in 0..FIRST_TRIAL_POLLS {
            placement.observe(LONG_POLL);
        }
        assert!(!placement.is_inline(), "the second trial is longer");
        for _ in 0..FIRST_TRIAL_POLLS {
            placement.observe(LONG_POLL);
        }
        assert!(placement.is_inline());
    }

    #[test]
    fn a_method_that_was_slow_at_first_is_tried_like_any_other() {
        let placement = Placement::new(Execution::Adaptive);
        for _ in 0..100 {
            placement.observe(Duration::from_secs(1));
        }
        for _ in 0..FIRST_TRIAL_POLLS {
            placement.observe(Duration::ZERO);
        }
        assert!(placement.is_inline());
    }

    #[test]
    fn a_fixed_choice_is_not_moved_by_measurements() {
        let inline = Placement::new(Execution::Inline);
        inline.observe(Duration::from_secs(1));
        assert!(inline.is_inline());
        let spawn = Placement::new(Execution::Spawn);
        for _ in 0..2 * LONGEST_TRIAL_POLLS {
            spawn.observe(Duration::ZERO);
        }
        assert!(!spawn.is_inline());
    }

    #[test]
    fn the_trial_stays_reachable_after_many_losses() {
        let placement = Placement::new(Execution::Adaptive);
        for _ in 0..20 {
            for _ in 0..LONGEST_TRIAL_POLLS {
                placement.observe(Duration::ZERO);
            }
            assert!(placement.is_inline());
            placement.observe(Duration::from_secs(1));
        }
        assert!(!placement.is_inline());
        for _ in 0..LONGEST_TRIAL_POLLS {
            placement.observe(Duration::ZERO);
        }
        assert!(placement.is_inline());
    }
}
