//! How long a connection lives: whether the peer is still there (gRFC A8), and when a server has had enough of it
//! (gRFC A9), and the steps of a shutdown. Called by the timers in `connection.rs`, where the end itself is.

use crate::connection::{Connection, Handshake, Phase, SHUTDOWN_PING};
use crate::error::{Error, ErrorCode};
use crate::event::StreamId;
use crate::frame::{self, Flags};
use crate::settings::Role;
use crate::timer::Timer;
use std::time::Instant;

/// The payload that tells these PINGs from those of the user.
pub(crate) const KEEPALIVE_PING: [u8; 8] = *b"hallooKA";

/// What the timers of [`Keepalive`](crate::Keepalive) and [`Lifetime`](crate::Lifetime) look at.
#[derive(Debug)]
pub(crate) struct Life {
    /// When input came last.
    pub(crate) heard: Instant,
    /// When the last stream ended.
    pub(crate) idle_since: Instant,
    /// When the keepalive PING was sent that has no answer yet.
    asked: Option<Instant>,
    /// The peer was silent for longer than the interval, and nobody minds until a stream is opened.
    pub(crate) is_dormant: bool,
    /// Why the connection is shut down, for its GOAWAYs.
    pub(crate) farewell: &'static str,
    /// The last stream before `max_requests` is reached.
    pub(crate) last_request: u32,
}

impl Life {
    pub(crate) fn new(now: Instant, max_requests: Option<u32>) -> Self {
        let last_request = max_requests.map_or(u32::MAX, |requests| requests.max(1).saturating_mul(2) - 1);
        Self { heard: now, idle_since: now, asked: None, is_dormant: false, farewell: "", last_request }
    }
}

/// The name of the limit that has a grace.
const MAX_AGE: &str = "max_age";

impl Connection {
    /// The peer speaks HTTP/2: what follows is a connection's ordinary life.
    pub(crate) fn start_life(&mut self, now: Instant) {
        if let Some(keepalive) = self.config.keepalive {
            self.timers.arm_after(Timer::Keepalive, now, keepalive.interval);
        }
        // On a server no stream can have been open before: this is when the connection began.
        let began = self.life.idle_since;
        if let Some(max_idle) = self.config.lifetime.max_idle {
            self.timers.arm_after(Timer::Idle, began, max_idle);
        }
        if self.role == Role::Server
            && let Some(max_age) = self.config.lifetime.max_age
        {
            self.timers.arm_after(Timer::Age, began, max_age);
        }
    }

    /// Looks whether the peer has been silent for too long.
    pub(crate) fn check_keepalive(&mut self, now: Instant) {
        let Some(keepalive) = self.config.keepalive else { return };
        match self.life.asked.take() {
            // Whatever came since then is an answer.
            Some(asked) if self.life.heard <= asked => {
                self.write_goaway(self.highest_peer, ErrorCode::NoError, "keepalive_timeout");
                return self.end(Some(Error::Silent { timeout: keepalive.timeout }));
            }
            _ => {}
        }
        if now.saturating_duration_since(self.life.heard) < keepalive.interval {
            self.timers.arm_after(Timer::Keepalive, self.life.heard, keepalive.interval);
        } else if self.streams.is_empty() && !keepalive.without_streams {
            self.life.is_dormant = true;
        } else {
            frame::write_ping(self.out.frames(), Flags::NONE, KEEPALIVE_PING);
            self.life.asked = Some(now);
            self.timers.arm_after(Timer::Keepalive, now, keepalive.timeout);
        }
    }

    /// The peer has answered a keepalive PING.
    pub(crate) fn keepalive_answered(&mut self) {
        if self.life.asked.take().is_some()
            && let Some(keepalive) = self.config.keepalive
        {
            self.timers.arm_after(Timer::Keepalive, self.life.heard, keepalive.interval);
        }
    }

    /// A stream is opened after a long silence: lets the next look at the clock ask the peer.
    #[cold]
    pub(crate) fn wake_keepalive(&mut self) {
        self.life.is_dormant = false;
        self.timers.arm(Timer::Keepalive, self.clock);
    }

    /// Shuts the connection down if no stream was open for too long.
    pub(crate) fn check_idle(&mut self, now: Instant) {
        let Some(max_idle) = self.config.lifetime.max_idle else { return };
        let idle_since = if self.streams.is_empty() { self.life.idle_since } else { now };
        if now.saturating_duration_since(idle_since) < max_idle {
            self.timers.arm_after(Timer::Idle, idle_since, max_idle);
        } else {
            self.shut_down(now, "max_idle");
        }
    }

    /// Shuts the connection down because of its age.
    pub(crate) fn end_age(&mut self, now: Instant) {
        self.shut_down(now, MAX_AGE);
    }

    /// Shuts the connection down because it has served enough requests.
    #[cold]
    pub(crate) fn end_requests(&mut self, now: Instant) {
        self.life.last_request = u32::MAX;
        self.shut_down(now, "max_requests");
    }

    /// The last GOAWAY has left: the streams' grace begins if the connection's age is the reason.
    pub(crate) fn start_grace(&mut self) {
        if self.life.farewell == MAX_AGE
            && let Some(grace) = self.config.lifetime.max_age_grace
        {
            self.timers.arm_after(Timer::Grace, self.clock, grace);
        }
    }

    /// The streams' grace is over.
    pub(crate) fn end_grace(&mut self) {
        if matches!(self.phase, Phase::Draining { .. }) {
            self.close(ErrorCode::NoError, "max_age_grace");
        }
    }
}

/// The two steps of a shutdown.
impl Connection {
    /// Takes no more streams, and lets GOAWAY say why.
    pub(crate) fn shut_down(&mut self, now: Instant, why: &'static str) {
        self.clock = now;
        if self.phase != Phase::Open {
            return;
        }
        if self.role == Role::Client && self.peer_goaway.is_some() {
            // It ends with its streams as it is, and a GOAWAY from here would tell nobody anything.
            return;
        }
        self.life.farewell = why;
        if self.role == Role::Client || self.handshake != Handshake::Done {
            return self.drain();
        }
        self.write_goaway(StreamId::MAX.as_u32(), ErrorCode::NoError, why);
        frame::write_ping(self.out.frames(), Flags::NONE, SHUTDOWN_PING);
        self.phase = Phase::Announced;
        self.timers.arm(Timer::Shutdown, now + self.config.limits.shutdown_ping_timeout);
    }

    /// The second step of a shutdown: names the last stream.
    pub(crate) fn drain(&mut self) {
        self.timers.disarm(Timer::Shutdown);
        self.write_goaway(self.highest_peer, ErrorCode::NoError, self.life.farewell);
        self.phase = Phase::Draining { last_id: self.highest_peer };
        self.start_grace();
        self.end_if_drained();
    }
}
