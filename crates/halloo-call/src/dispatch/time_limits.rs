//! What a server says of its calls' time, whatever their clients say.

use std::time::{Duration, Instant};

use halloo_core::{Deadline, Status};

/// Says how long calls may take on a server: a default for clients that set no deadline, a maximum for all.
///
/// The earlier of the client's deadline and the maximum counts; a call without a deadline gets the default, or, without
/// a default, the maximum. That is what the handler sees as its deadline, what the calls that it makes have left, and
/// when it is dropped: the call then fails with DEADLINE_EXCEEDED.
///
/// ```
/// use std::time::Duration;
///
/// use halloo::server::TimeLimits;
///
/// const SECOND: Duration = Duration::from_secs(1);
/// let limits = TimeLimits::none().default_timeout(10 * SECOND).max_timeout(60 * SECOND);
/// assert_eq!(limits.timeout(None), Some(10 * SECOND));
/// assert_eq!(limits.timeout(Some(30 * SECOND)), Some(30 * SECOND));
/// assert_eq!(limits.timeout(Some(90 * SECOND)), Some(60 * SECOND));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct TimeLimits {
    default_timeout: Option<Duration>,
    max_timeout: Option<Duration>,
}

impl TimeLimits {
    /// Limits nothing: calls take as long as their clients let them.
    pub const fn none() -> Self {
        Self { default_timeout: None, max_timeout: None }
    }

    /// Gives calls without a deadline so long, streams included. Default: the maximum.
    pub const fn default_timeout(mut self, timeout: Duration) -> Self {
        self.default_timeout = Some(timeout);
        self
    }

    /// Gives no call longer, whatever its client and the default say; streams included. Default: no maximum.
    pub const fn max_timeout(mut self, timeout: Duration) -> Self {
        self.max_timeout = Some(timeout);
        self
    }

    /// Returns how long a call gets whose client wants `asked`.
    #[must_use]
    pub fn timeout(&self, asked: Option<Duration>) -> Option<Duration> {
        let wanted = asked.or(self.default_timeout);
        wanted.into_iter().chain(self.max_timeout).min()
    }

    /// Returns when a call has to be over that begins `now` and whose client wants `asked`.
    #[must_use]
    pub fn deadline(&self, asked: Option<Deadline>, now: Instant) -> Option<Deadline> {
        let ours = if asked.is_some() { self.max_timeout } else { self.timeout(None) };
        asked.into_iter().chain(ours.map(|timeout| Deadline::after(now, timeout))).min()
    }

    /// The status of a call whose deadline has passed on the server. `limited`: the server may have set it.
    #[must_use]
    pub fn passed(limited: bool) -> Status {
        Status::deadline_exceeded(if limited {
            "the call's deadline passed on the server, which limits the time of calls"
        } else {
            "the call's deadline passed on the server"
        })
    }
}

#[cfg(test)]
#[path = "../../tests/unit/dispatch/time_limits.rs"]
mod tests;
