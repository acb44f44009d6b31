//! The clock that the runtime's timers follow.

use std::time::Instant;

use halloo_call::DeadlineTimer;
use halloo_core::Deadline;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Resolves at `deadline`.
pub(crate) fn timer(deadline: Deadline) -> DeadlineTimer {
    Box::pin(tokio::time::sleep_until(deadline.instant().into()))
}
