//! The time, and durations as texts show them.

use std::fmt;
use std::time::{Duration, Instant};

use halloo_call::DeadlineTimer;
use halloo_core::Deadline;

/// The clock that the runtime's timers follow.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Resolves at `deadline`.
pub(crate) fn timer(deadline: Deadline) -> DeadlineTimer {
    Box::pin(tokio::time::sleep_until(deadline.instant().into()))
}

/// A duration in milliseconds with one digit after the point.
pub(crate) struct Millis(pub(crate) Duration);

impl fmt::Display for Millis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} ms", self.0.as_secs_f64() * 1000.0)
    }
}
