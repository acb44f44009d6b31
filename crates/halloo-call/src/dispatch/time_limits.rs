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
/// use halloo::TimeLimits;
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
mod tests {
    use super::*;

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_earlier_of_what_the_client_wants_and_the_maximum_counts() {
        let (none, default) = (TimeLimits::none(), TimeLimits::none().default_timeout(seconds(10)));
        let (max, both) = (TimeLimits::none().max_timeout(seconds(5)), default.max_timeout(seconds(5)));
        let now = Instant::now();
        for (limits, asked, expected) in [
            (none, None, None),
            (none, Some(7), Some(7)),
            (default, None, Some(10)),
            (default, Some(70), Some(70)),
            (max, None, Some(5)),
            (max, Some(70), Some(5)),
            (max, Some(0), Some(0)),
            (both, None, Some(5)),
            (both, Some(3), Some(3)),
            (default.max_timeout(seconds(60)), None, Some(10)),
        ] {
            let (asked, expected) = (asked.map(seconds), expected.map(seconds));
            assert_eq!(limits.timeout(asked), expected, "{limits:?} {asked:?}");
            let deadline = |timeout: Option<Duration>| timeout.map(|timeout| Deadline::after(now, timeout));
            assert_eq!(limits.deadline(deadline(asked), now), deadline(expected), "{limits:?} {asked:?}");
        }
    }
}
