//! `Subchannel`: one address's slot in a channel, with its attempts and back-off. Pure.
//!
//! ```text
//! Idle ── connect() ──▶ Connecting ── connected ──▶ Ready ── closed ──▶ Idle
//!                           └── failed, timed out ──▶ Failed ── back-off is over ──▶ Idle
//! ```

use std::time::{Duration, Instant};

use halloo_transport::Address;

use crate::backoff::{Backoff, Dice};
use crate::failure::{ConnectFailure, Unreachable};
use crate::state::ConnectivityState;

/// Names one attempt; an answer to an earlier one is recognised as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct AttemptId(pub(crate) u64);

#[derive(Debug)]
pub(crate) struct Subchannel {
    address: Address,
    state: State,
    /// Failures since the last success.
    failures: u32,
}

#[derive(Clone, Copy, Debug)]
enum State {
    Idle,
    Connecting { attempt: AttemptId, started: Instant, limit: Duration, retry_at: Instant },
    Ready,
    Failed { retry_at: Instant },
}

/// How attempts are paced.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    pub(crate) backoff: Backoff,
    /// The least time that an attempt gets.
    pub(crate) connect_timeout: Duration,
}

impl Subchannel {
    pub(crate) fn new(address: Address) -> Self {
        Self { address, state: State::Idle, failures: 0 }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn connectivity(&self) -> ConnectivityState {
        match self.state {
            State::Idle => ConnectivityState::Idle,
            State::Connecting { .. } => ConnectivityState::Connecting,
            State::Ready => ConnectivityState::Ready,
            State::Failed { .. } => ConnectivityState::TransientFailure,
        }
    }

    /// The attempt under way.
    pub(crate) fn attempt(&self) -> Option<AttemptId> {
        match self.state {
            State::Connecting { attempt, .. } => Some(attempt),
            _ => None,
        }
    }

    /// Begins an attempt, if there is none, no connection and no back-off. An attempt gets as long as its
    /// back-off, but at least the connect timeout.
    pub(crate) fn connect(&mut self, now: Instant, attempt: AttemptId, pace: &Pace, dice: &mut Dice) -> bool {
        if !matches!(self.state, State::Idle) {
            return false;
        }
        let pause = pace.backoff.pause(self.failures, dice.roll());
        let limit = pause.max(pace.connect_timeout);
        self.state = State::Connecting { attempt, started: now, limit, retry_at: now + pause };
        true
    }

    /// The attempt has led to a connection.
    pub(crate) fn connected(&mut self) {
        self.failures = 0;
        self.state = State::Ready;
    }

    /// The attempt has failed. What is left of its back-off has to pass before the next.
    pub(crate) fn failed(&mut self, now: Instant, why: Unreachable) -> Option<ConnectFailure> {
        let State::Connecting { started, retry_at, .. } = self.state else { return None };
        self.failures = self.failures.saturating_add(1);
        self.state = State::Failed { retry_at };
        Some(ConnectFailure::new(self.address.clone(), why, now.saturating_duration_since(started)))
    }

    /// Forgets attempt or connection: the connection has ended, or whoever made it has.
    pub(crate) fn rest(&mut self) {
        self.state = State::Idle;
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Connecting { started, limit, .. } => Some(started + limit),
            State::Failed { retry_at } => Some(retry_at),
            State::Idle | State::Ready => None,
        }
    }

    /// What the time brings: an attempt that took too long, or the end of a back-off.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<TimedOut> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return None;
        }
        match self.state {
            State::Connecting { attempt, limit, .. } => {
                self.failed(now, Unreachable::timed_out(limit)).map(|failure| TimedOut::Attempt(attempt, failure))
            }
            State::Failed { .. } => {
                self.state = State::Idle;
                Some(TimedOut::Backoff)
            }
            State::Idle | State::Ready => None,
        }
    }
}

/// What the time has brought.
#[derive(Debug)]
pub(crate) enum TimedOut {
    Attempt(AttemptId, ConnectFailure),
    Backoff,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Cause;

    fn pace() -> Pace {
        Pace { backoff: Backoff::new().jitter(0.0), connect_timeout: Duration::from_secs(20) }
    }

    fn refused() -> Unreachable {
        Unreachable { reason: "connection refused".into(), cause: Cause::Refused, hint: None }
    }

    fn subchannel() -> Subchannel {
        Subchannel::new(Address::Tcp("127.0.0.1:1".parse().unwrap()))
    }

    #[test]
    fn a_back_off_counts_from_the_start_of_the_attempt() {
        let (start, mut dice, mut subchannel) = (Instant::now(), Dice::seeded(1), subchannel());
        assert!(subchannel.connect(start, AttemptId(1), &pace(), &mut dice));
        assert!(!subchannel.connect(start, AttemptId(2), &pace(), &mut dice), "one attempt at a time");
        let failure = subchannel.failed(start + Duration::from_millis(300), refused()).unwrap();
        assert_eq!(failure.took, Duration::from_millis(300));
        assert_eq!(subchannel.poll_timeout(), Some(start + Duration::from_secs(1)));
        assert!(!subchannel.connect(start, AttemptId(3), &pace(), &mut dice), "not before the back-off is over");
        assert!(subchannel.handle_timeout(start + Duration::from_millis(999)).is_none());
        assert!(matches!(subchannel.handle_timeout(start + Duration::from_secs(1)), Some(TimedOut::Backoff)));
        assert_eq!(subchannel.connectivity(), ConnectivityState::Idle);
    }

    #[test]
    fn success_resets_the_back_off() {
        let (start, mut dice, mut subchannel) = (Instant::now(), Dice::seeded(1), subchannel());
        for attempt in 0..5 {
            subchannel.connect(start, AttemptId(attempt), &pace(), &mut dice);
            subchannel.failed(start, refused());
            subchannel.handle_timeout(start + Duration::from_secs(120));
        }
        subchannel.connect(start, AttemptId(9), &pace(), &mut dice);
        subchannel.connected();
        subchannel.rest();
        subchannel.connect(start, AttemptId(10), &pace(), &mut dice);
        subchannel.failed(start, refused());
        assert_eq!(subchannel.poll_timeout(), Some(start + Duration::from_secs(1)));
    }

    #[test]
    fn an_attempt_that_hangs_is_given_up() {
        let (start, mut dice, mut subchannel) = (Instant::now(), Dice::seeded(1), subchannel());
        subchannel.connect(start, AttemptId(4), &pace(), &mut dice);
        let limit = start + Duration::from_secs(20);
        assert_eq!(subchannel.poll_timeout(), Some(limit));
        let Some(TimedOut::Attempt(AttemptId(4), failure)) = subchannel.handle_timeout(limit) else {
            panic!("20 s are the limit");
        };
        assert_eq!(failure.reason, "no answer within 20 s");
        assert!(matches!(subchannel.handle_timeout(limit), Some(TimedOut::Backoff)), "its back-off has passed too");
    }
}
