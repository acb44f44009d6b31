//! The counters behind `limits.rs`: each says whether one more is within its limit. None of them allocates.

use crate::limits::{PingLimit, Rate, ResetLimit, WindowUpdateLimit};
use std::time::Instant;

/// Tokens that are given back with time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    rate: Rate,
    tokens: u32,
    filled: Instant,
}

impl Bucket {
    pub(crate) fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, tokens: rate.burst, filled: now }
    }

    /// Takes a token; false when there is none.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        if self.tokens == 0 {
            self.refill(now);
        }
        match self.tokens.checked_sub(1) {
            Some(rest) => {
                self.tokens = rest;
                true
            }
            None => false,
        }
    }

    fn refill(&mut self, now: Instant) {
        let elapsed = now.saturating_duration_since(self.filled).as_millis();
        let earned = elapsed * u128::from(self.rate.per_second) / 1000;
        if earned > 0 {
            self.tokens = self.rate.burst.min(u32::try_from(earned).unwrap_or(u32::MAX));
            self.filled = now;
        }
    }
}

/// Requests, and those among them that were reset young, within one window of time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResetBudget {
    limit: ResetLimit,
    /// When the window began, and when it is over.
    since: Instant,
    until: Instant,
    requests: u32,
    resets: u32,
}

impl ResetBudget {
    pub(crate) fn new(limit: ResetLimit, now: Instant) -> Self {
        Self { limit, since: now, until: now + limit.window, requests: 0, resets: 0 }
    }

    #[inline]
    pub(crate) fn request(&mut self, now: Instant) {
        if now > self.until {
            *self = Self::new(self.limit, now);
        }
        self.requests = self.requests.saturating_add(1);
    }

    /// Counts the peer's reset of a request that was opened at `opened`; false when it was one too many.
    pub(crate) fn reset(&mut self, opened: Instant, now: Instant) -> bool {
        let young = now.saturating_duration_since(opened) < self.limit.max_age;
        !(young && opened >= self.since) || self.provoked()
    }

    /// Counts a reset that the peer made us send, at any age: honest peers cause none. False as above.
    pub(crate) fn provoked(&mut self) -> bool {
        self.resets = self.resets.saturating_add(1);
        self.requests < self.limit.min_requests || self.resets <= self.requests / 2
    }
}

/// WINDOW_UPDATE frames against what can have caused them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowUpdateBudget {
    left: u64,
    limit: WindowUpdateLimit,
}

impl WindowUpdateBudget {
    pub(crate) fn new(limit: WindowUpdateLimit) -> Self {
        Self { left: limit.base, limit }
    }

    #[inline]
    pub(crate) fn stream_opened(&mut self) {
        self.left = self.left.saturating_add(self.limit.per_stream);
    }

    #[inline]
    pub(crate) fn data_sent(&mut self) {
        self.left = self.left.saturating_add(self.limit.per_data_frame);
    }

    /// Counts a received WINDOW_UPDATE; false when it was one too many.
    #[inline]
    pub(crate) fn take(&mut self) -> bool {
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }
}

/// PINGs that came too soon, by gRPC's rules (gRFC A8).
#[derive(Clone, Copy, Debug)]
pub(crate) struct PingBudget {
    limit: Option<PingLimit>,
    /// When the latest PING came that was no strike.
    latest_valid: Option<Instant>,
    strikes: u32,
}

impl PingBudget {
    pub(crate) fn new(limit: Option<PingLimit>) -> Self {
        Self { limit, latest_valid: None, strikes: 0 }
    }

    /// Forgives all strikes, because headers or data went to the peer.
    #[inline]
    pub(crate) fn forgive(&mut self) {
        self.latest_valid = None;
        self.strikes = 0;
    }

    /// Counts a received PING; false when it was one strike too many.
    pub(crate) fn take(&mut self, now: Instant, idle: bool) -> bool {
        let Some(limit) = self.limit else { return true };
        let interval = if idle { limit.min_idle_interval.max(limit.min_interval) } else { limit.min_interval };
        if self.latest_valid.is_some_and(|latest| now.saturating_duration_since(latest) < interval) {
            self.strikes += 1;
        } else {
            self.latest_valid = Some(now);
        }
        self.strikes <= limit.max_strikes
    }
}
