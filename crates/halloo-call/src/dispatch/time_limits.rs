//! What a server says of its calls' time, whatever their clients say, and what time a call gets by that.

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
        match (asked.or(self.default_timeout), self.max_timeout) {
            (Some(wanted), Some(max)) => Some(wanted.min(max)),
            (wanted, max) => wanted.or(max),
        }
    }

    /// Returns what time a call gets that begins `now` and whose client wants it to be over at `asked`.
    #[must_use]
    pub fn allowance(&self, asked: Option<Deadline>, now: Instant) -> Allowance {
        let ours = if asked.is_some() { self.max_timeout } else { self.timeout(None) };
        match (asked, ours.map(|timeout| Deadline::after(now, timeout))) {
            (None, None) => Allowance::Unlimited,
            (Some(asked), None) => Allowance::Client(asked),
            (Some(asked), Some(ours)) if asked <= ours => Allowance::Client(asked),
            (_, Some(ours)) => Allowance::Server(ours),
        }
    }

    /// Returns the status of a call whose deadline has passed on a server with these limits, one of which may have set it.
    #[must_use]
    pub fn passed(&self) -> Status {
        passed(*self != Self::none())
    }
}

/// The time that a call gets, and who has set its deadline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Allowance {
    /// It may take for ever.
    #[default]
    Unlimited,
    /// Until its client's own deadline.
    Client(Deadline),
    /// Until a deadline of the server's.
    Server(Deadline),
}

impl Allowance {
    /// Returns when the call has to be over; `None` if it may take for ever.
    #[must_use]
    pub fn deadline(self) -> Option<Deadline> {
        match self {
            Self::Unlimited => None,
            Self::Client(deadline) | Self::Server(deadline) => Some(deadline),
        }
    }

    /// Returns the status of the call once its deadline has passed. A client's own deadline is for the client to explain;
    /// another is the server's word.
    #[must_use]
    pub fn passed(self) -> Status {
        match self {
            Self::Unlimited | Self::Client(_) => passed(false),
            Self::Server(_) => passed(true).from_peer(),
        }
    }
}

/// The status of a call whose deadline has passed on the server, which has set it if `is_limited`.
fn passed(is_limited: bool) -> Status {
    Status::deadline_exceeded(if is_limited {
        "the call's deadline passed on the server, which limits the time of calls"
    } else {
        "the call's deadline passed on the server"
    })
}

#[cfg(test)]
#[path = "../../tests/unit/dispatch/time_limits.rs"]
mod tests;
