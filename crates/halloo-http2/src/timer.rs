//! The deadlines of a connection: one a purpose, so that arming and asking cost a few instructions.
//! Reads no clock; what happens at a deadline is in `connection.rs`.

use std::time::Instant;

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The peer's preface and SETTINGS.
    Handshake,
    /// The acknowledgement of our SETTINGS.
    SettingsAck,
    /// The rest of a frame or header block.
    Frame,
    /// The next look for streams that make no progress.
    StalledStreams,
    /// Output or a connection window that makes no progress.
    StalledConnection,
    /// The answer to the PING between the two GOAWAYs.
    Shutdown,
}

const TIMERS: [Timer; 6] = [
    Timer::Handshake,
    Timer::SettingsAck,
    Timer::Frame,
    Timer::StalledStreams,
    Timer::StalledConnection,
    Timer::Shutdown,
];

/// At most one deadline for each [`Timer`].
#[derive(Debug, Default)]
pub(crate) struct Timers {
    deadlines: [Option<Instant>; TIMERS.len()],
}

impl Timers {
    #[inline]
    pub(crate) fn arm(&mut self, timer: Timer, deadline: Instant) {
        self.deadlines[timer as usize] = Some(deadline);
    }

    #[inline]
    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = None;
    }

    pub(crate) fn disarm_all(&mut self) {
        *self = Self::default();
    }

    #[inline]
    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        self.deadlines[timer as usize].is_some()
    }

    /// The earliest deadline.
    #[inline]
    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadlines.iter().copied().flatten().min()
    }

    /// Disarms one timer that is due, and names it.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Timer> {
        let due = |timer: &Timer| self.deadlines[*timer as usize].is_some_and(|deadline| deadline <= now);
        let timer = TIMERS.into_iter().find(due)?;
        self.disarm(timer);
        Some(timer)
    }
}
