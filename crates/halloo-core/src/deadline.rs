//! `Deadline`: the instant at which a call has to be over. Reads no clock: the caller passes `now`.

use std::time::{Duration, Instant};

/// Names the instant at which a call has to be over.
///
/// ```
/// # use halloo_core as halloo;
/// use halloo::Deadline;
/// use std::time::{Duration, Instant};
///
/// let now = Instant::now();
/// let deadline = Deadline::after(now, Duration::from_secs(2));
/// assert_eq!(deadline.time_left(now + Duration::from_millis(500)), Duration::from_millis(1500));
/// assert!(deadline.is_past(now + Duration::from_secs(2)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(Instant);

impl Deadline {
    /// The time that stands for "never" where the clock cannot represent a longer one: about a hundred years.
    const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

    /// Makes a deadline of an instant.
    pub const fn at(instant: Instant) -> Self {
        Self(instant)
    }

    /// Makes the deadline that `timeout` reaches from `now`.
    ///
    /// A timeout that the clock cannot represent is shortened to about a hundred years.
    pub fn after(now: Instant, timeout: Duration) -> Self {
        let end = now.checked_add(timeout).or_else(|| now.checked_add(Self::LONGEST));
        Self(end.unwrap_or(now))
    }

    /// Returns the instant.
    pub const fn instant(self) -> Instant {
        self.0
    }

    /// Returns the time that remains at `now`; zero once the deadline is past.
    pub fn time_left(self, now: Instant) -> Duration {
        self.0.saturating_duration_since(now)
    }

    /// Says whether the deadline is reached at `now`.
    pub fn is_past(self, now: Instant) -> bool {
        now >= self.0
    }
}
