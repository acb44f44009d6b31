//! The deadlines of a connection: one a purpose, so that arming and asking cost a few instructions.
//! Reads no clock; what happens at a deadline is in `connection.rs`.

use std::time::{Duration, Instant};

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The rest of a frame or header block.
    Frame,
    /// The next look for streams that make no progress.
    StalledStreams,
    /// Output or a connection window that makes no progress.
    StalledConnection,
    /// The peer's preface and SETTINGS.
    Handshake,
    /// The acknowledgement of our SETTINGS.
    SettingsAck,
    /// The answer to the PING between the two GOAWAYs.
    Shutdown,
    /// The next look whether the peer is still there.
    Keepalive,
    /// The next look whether the connection is still used.
    Idle,
    /// The end of the connection's time.
    Age,
    /// The end of the time that is left to its streams then.
    Grace,
}

const TIMERS: [Timer; 10] = [
    Timer::Frame,
    Timer::StalledStreams,
    Timer::StalledConnection,
    Timer::Handshake,
    Timer::SettingsAck,
    Timer::Shutdown,
    Timer::Keepalive,
    Timer::Idle,
    Timer::Age,
    Timer::Grace,
];

/// The timers from this one on change a few times in a connection's life, so the earliest of them is remembered.
const FIRST_RARE: usize = Timer::Handshake as usize;

/// At most one deadline for each [`Timer`].
#[derive(Debug, Default)]
pub(crate) struct Timers {
    deadlines: [Option<Instant>; TIMERS.len()],
    /// The earliest of the rare ones.
    rare: Option<Instant>,
}

impl Timers {
    #[inline]
    pub(crate) fn arm(&mut self, timer: Timer, deadline: Instant) {
        self.deadlines[timer as usize] = Some(deadline);
        self.changed(timer);
    }

    /// Arms a timer for so long after `from`; a time that no clock will ever show is never.
    pub(crate) fn arm_after(&mut self, timer: Timer, from: Instant, time: Duration) {
        match from.checked_add(time) {
            Some(deadline) => self.arm(timer, deadline),
            None => self.disarm(timer),
        }
    }

    #[inline]
    pub(crate) fn disarm(&mut self, timer: Timer) {
        self.deadlines[timer as usize] = None;
        self.changed(timer);
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
        self.deadlines[..FIRST_RARE].iter().copied().chain([self.rare]).flatten().min()
    }

    /// Disarms one timer that is due, and names it.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<Timer> {
        let due = |timer: &Timer| self.deadlines[*timer as usize].is_some_and(|deadline| deadline <= now);
        let timer = TIMERS.into_iter().find(due)?;
        self.disarm(timer);
        Some(timer)
    }

    #[inline]
    fn changed(&mut self, timer: Timer) {
        if timer as usize >= FIRST_RARE {
            self.rare = self.deadlines[FIRST_RARE..].iter().copied().flatten().min();
        }
    }
}
