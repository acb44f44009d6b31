//! `Subchannel`: one address's slot in a channel, with its attempts and back-off. Pure.
//!
//! ```text
//! Idle ── connect() ──▶ Connecting ── connected ──▶ Ready ── the last is closed ──▶ Idle
//!                           └── failed, timed out ──▶ Failed ── back-off is over ──▶ Idle
//! ```
//!
//! READY it stays as long as there is a connection, whatever becomes of attempts at further ones (gRFC A105).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use halloo_core::Address;

use crate::backoff::{Backoff, Dice};
use crate::balancer::SubchannelUpdate;
use crate::failure::{ConnectFailure, Unreachable};
#[cfg(test)]
use crate::state::ConnectivityState;

/// Names one attempt; an answer to an earlier one is recognised as such.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AttemptId(pub u64);

/// How far an attempt is, told by what makes it.
#[derive(Clone, Debug, Default)]
pub struct Progress(Arc<AtomicBool>);

impl Progress {
    /// What is to be set once the peer has accepted the connection.
    pub fn accepted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

#[derive(Debug)]
pub(crate) struct Subchannel {
    address: Address,
    /// How many connections take calls.
    connections: usize,
    pursuit: Pursuit,
    /// Failures since the last success.
    failures: u32,
}

/// How far the next connection is.
#[derive(Debug)]
enum Pursuit {
    None,
    Attempt {
        attempt: AttemptId,
        progress: Progress,
        started: Instant,
        limit: Duration,
        retry_at: Instant,
    },
    Backoff {
        retry_at: Instant,
        /// Why the attempt before it has failed, if the balancer did not hear of it because there was a connection.
        untold: Option<ConnectFailure>,
    },
}

/// How attempts are paced.
#[derive(Clone, Debug)]
pub struct Pace {
    /// The pauses after failed attempts.
    pub backoff: Backoff,
    /// The least time that an attempt gets.
    pub connect_timeout: Duration,
    /// How many connections a subchannel may have.
    pub max_connections: usize,
}

impl Subchannel {
    pub(crate) fn new(address: Address) -> Self {
        Self { address, connections: 0, pursuit: Pursuit::None, failures: 0 }
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    #[cfg(test)]
    fn connectivity(&self) -> ConnectivityState {
        match self.pursuit {
            _ if self.connections > 0 => ConnectivityState::Ready,
            Pursuit::None => ConnectivityState::Idle,
            Pursuit::Attempt { .. } => ConnectivityState::Connecting,
            Pursuit::Backoff { .. } => ConnectivityState::TransientFailure,
        }
    }

    /// The attempt under way.
    pub(crate) fn attempt(&self) -> Option<AttemptId> {
        match self.pursuit {
            Pursuit::Attempt { attempt, .. } => Some(attempt),
            _ => None,
        }
    }

    /// How far the attempt under way is.
    pub(crate) fn progress(&self) -> Progress {
        match &self.pursuit {
            Pursuit::Attempt { progress, .. } => progress.clone(),
            _ => Progress::default(),
        }
    }

    /// Begins an attempt, if there is none, no connection and no back-off. An attempt gets as long as its
    /// back-off, but at least the connect timeout.
    pub(crate) fn connect(&mut self, now: Instant, attempt: AttemptId, pace: &Pace, dice: &mut Dice) -> bool {
        self.connections == 0 && self.pursue(now, attempt, pace, dice)
    }

    /// Begins an attempt at a further connection, if it may have one and there is no attempt and no back-off.
    pub(crate) fn connect_more(&mut self, now: Instant, attempt: AttemptId, pace: &Pace, dice: &mut Dice) -> bool {
        (1..pace.max_connections).contains(&self.connections) && self.pursue(now, attempt, pace, dice)
    }

    fn pursue(&mut self, now: Instant, attempt: AttemptId, pace: &Pace, dice: &mut Dice) -> bool {
        if !matches!(self.pursuit, Pursuit::None) {
            return false;
        }
        let pause = pace.backoff.pause(self.failures, dice.roll());
        let limit = pause.max(pace.connect_timeout);
        let progress = Progress::default();
        self.pursuit = Pursuit::Attempt { attempt, progress, started: now, limit, retry_at: now + pause };
        true
    }

    /// The attempt has led to a connection; `true`: the first.
    pub(crate) fn connected(&mut self) -> bool {
        self.failures = 0;
        self.pursuit = Pursuit::None;
        self.connections += 1;
        self.connections == 1
    }

    /// The attempt has failed. What is left of its back-off has to pass before the next. Returns the failure if there is
    /// no other connection.
    pub(crate) fn failed(&mut self, now: Instant, why: Unreachable) -> Option<ConnectFailure> {
        let Pursuit::Attempt { started, retry_at, .. } = self.pursuit else { return None };
        self.failures = self.failures.saturating_add(1);
        let took = now.saturating_duration_since(started);
        let failure = ConnectFailure::new(self.address.clone(), why, took);
        let (told, untold) = if self.connections == 0 { (Some(failure), None) } else { (None, Some(failure)) };
        self.pursuit = Pursuit::Backoff { retry_at, untold };
        told
    }

    /// A connection has ended. Returns what has become of the subchannel if it was the last.
    pub(crate) fn closed(&mut self) -> Option<SubchannelUpdate> {
        self.connections = self.connections.checked_sub(1)?;
        match &mut self.pursuit {
            _ if self.connections > 0 => None,
            Pursuit::None => Some(SubchannelUpdate::Idle),
            Pursuit::Attempt { .. } => Some(SubchannelUpdate::Connecting),
            Pursuit::Backoff { untold, .. } => untold.take().map(SubchannelUpdate::Failed),
        }
    }

    /// Forgets attempt and connections: whoever made them has ended. A back-off stays. `true` if there was something.
    pub(crate) fn rest(&mut self) -> bool {
        let was_ready = std::mem::take(&mut self.connections) > 0;
        let was_trying = self.attempt().is_some();
        if was_trying || was_ready {
            self.pursuit = Pursuit::None;
        }
        was_trying || was_ready
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        match self.pursuit {
            Pursuit::Attempt { started, limit, .. } => Some(started + limit),
            Pursuit::Backoff { retry_at, .. } => Some(retry_at),
            Pursuit::None => None,
        }
    }

    /// What the time brings: an attempt that took too long, or the end of a back-off.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<TimedOut> {
        if self.poll_timeout().is_none_or(|at| now < at) {
            return None;
        }
        match &self.pursuit {
            Pursuit::Attempt { attempt, progress, limit, .. } => {
                let (attempt, accepted) = (*attempt, progress.0.load(Ordering::Relaxed));
                let failure = self.failed(now, Unreachable::timed_out(*limit, accepted));
                Some(TimedOut::Attempt(attempt, failure))
            }
            Pursuit::Backoff { .. } => {
                self.pursuit = Pursuit::None;
                (self.connections == 0).then_some(TimedOut::Backoff)
            }
            Pursuit::None => None,
        }
    }
}

/// What the time has brought.
#[derive(Debug)]
pub(crate) enum TimedOut {
    /// With its failure, if there is no connection.
    Attempt(AttemptId, Option<ConnectFailure>),
    /// There is no connection.
    Backoff,
}

#[cfg(test)]
#[path = "../tests/unit/subchannel.rs"]
mod tests;
