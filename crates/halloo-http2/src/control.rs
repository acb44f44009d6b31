//! The frames without headers or data that arrive: SETTINGS, PING, GOAWAY, WINDOW_UPDATE, RST_STREAM and PRIORITY.

use crate::bandwidth::{self, BANDWIDTH_PING};
use crate::connection::{Connection, Handshake, Phase, SHUTDOWN_PING};
use crate::error::{Error, ErrorCode, Violation};
use crate::event::{Event, Origin, StreamId};
use crate::frame::{self, Flags, GoAway, Head, Priority, Setting};
use crate::life::KEEPALIVE_PING;
use crate::recv::Absent;
use crate::settings::{self, Role};
use crate::stream::Cause;
use crate::timer::Timer;
use crate::window::DEFAULT_WINDOW;
use bytes::Bytes;
use std::time::Instant;

/// At most so much of the peer's debug text is kept.
const DEBUG_BYTES: usize = 1024;

/// Frames about the connection.
impl Connection {
    pub(crate) fn recv_settings(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        let fail = |violation| Err(Error::Connection(violation));
        if head.stream != 0 {
            return fail(Violation::SettingsOnStream);
        }
        if head.flags.has(Flags::ACK) {
            if !payload.is_empty() {
                return fail(Violation::SettingsAckLength);
            }
            if self.timers.is_armed(Timer::SettingsAck) {
                self.apply_own_settings();
            }
            return Ok(());
        }
        if !payload.len().is_multiple_of(Setting::BYTES) {
            return fail(Violation::SettingsLength);
        }
        if payload.len() / Setting::BYTES > self.config.limits.max_settings_entries {
            return fail(Violation::TooManySettings);
        }
        let is_first = self.handshake == Handshake::Settings;
        if is_first {
            // What the first SETTINGS do not limit is unlimited (RFC 9113 section 6.5.2).
            self.peer.max_concurrent_streams = u32::MAX;
        } else {
            self.glitch(now)?;
        }
        self.apply_settings(payload).map_err(Error::Connection)?;
        self.out.answer(frame::write_settings_ack);
        if is_first {
            self.handshake = Handshake::Done;
            self.timers.disarm(Timer::Handshake);
            self.start_life(now);
            self.events.push(Event::Ready);
        }
        Ok(())
    }

    /// The peer has acknowledged our SETTINGS: what it sends from here on follows them.
    fn apply_own_settings(&mut self) {
        self.timers.disarm(Timer::SettingsAck);
        self.decoder.settings_acknowledged();
        let shrink = DEFAULT_WINDOW.saturating_sub(self.config.stream_window_bytes);
        if self.role == Role::Server && shrink > 0 {
            self.streams.iter_mut().for_each(|(_, stream)| stream.recv_window.shrink(shrink));
        }
    }

    /// The window of a stream that the peer opens: until it knows our SETTINGS, it may use what every stream starts
    /// with (RFC 9113 section 6.9.2).
    pub(crate) fn initial_recv_window(&self) -> u32 {
        match self.timers.is_armed(Timer::SettingsAck) {
            true => self.config.stream_window_bytes.max(DEFAULT_WINDOW),
            false => self.config.stream_window_bytes,
        }
    }

    /// Applies the entries in order; the windows of streams change once, by the last value.
    fn apply_settings(&mut self, payload: &[u8]) -> Result<(), Violation> {
        let window_before = self.peer.initial_window;
        for setting in frame::entries(payload) {
            settings::check(setting, self.role)?;
            let value = setting.value;
            match setting.name {
                Setting::HEADER_TABLE_SIZE => {
                    let bytes = value.min(self.config.max_send_table_bytes) as usize;
                    self.encoder.set_max_table_bytes(bytes);
                }
                Setting::MAX_CONCURRENT_STREAMS => self.peer.max_concurrent_streams = value,
                Setting::INITIAL_WINDOW_SIZE => self.peer.initial_window = value,
                Setting::MAX_FRAME_SIZE => self.peer.max_frame = value as usize,
                Setting::MAX_HEADER_LIST_SIZE => {
                    self.peer.max_header_list = value as usize;
                    // What is kept was small enough for the setting before.
                    self.encoder.forget_templates();
                }
                _ => {}
            }
        }
        let change = i64::from(self.peer.initial_window) - i64::from(window_before);
        if change != 0 {
            self.shift_send_windows(change)?;
        }
        if self.wants_stream && self.can_open() {
            self.wants_stream = false;
            self.events.push(Event::StreamsAvailable);
        }
        Ok(())
    }

    /// A new initial window moves the windows of all streams, also below zero (RFC 9113 section 6.9.2).
    fn shift_send_windows(&mut self, change: i64) -> Result<(), Violation> {
        let mut open = Vec::new();
        for (key, stream) in self.streams.iter_mut().filter(|(_, stream)| stream.is_active()) {
            stream.send_window.add(change).ok_or(Violation::SettingsWindowOverflow)?;
            if stream.backlog.is_some() && stream.send_window.available() > 0 {
                open.push(key);
            }
        }
        for key in open {
            self.schedule.push(&mut self.streams, key);
        }
        Ok(())
    }

    pub(crate) fn recv_ping(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        let fail = |violation| Err(Error::Connection(violation));
        if head.stream != 0 {
            return fail(Violation::PingOnStream);
        }
        let Ok(payload) = <[u8; 8]>::try_from(payload) else { return fail(Violation::PingLength) };
        if !head.flags.has(Flags::ACK) {
            let is_idle = self.streams.is_empty();
            if !self.budgets.pings.take(now, is_idle) {
                return fail(Violation::TooManyPings);
            }
            self.out.answer(|out| frame::write_ping(out, Flags::ACK, payload));
            return Ok(());
        }
        match payload {
            BANDWIDTH_PING => self.grow_windows(now),
            KEEPALIVE_PING => self.keepalive_answered(),
            SHUTDOWN_PING if self.phase == Phase::Announced => self.drain(),
            _ if self.awaited_pings > 0 => {
                self.awaited_pings -= 1;
                self.events.push(Event::PingAck { payload });
            }
            _ => {}
        }
        Ok(())
    }

    fn grow_windows(&mut self, now: Instant) {
        let Some(sample) = self.bandwidth.answer(now) else { return };
        let config = &self.config;
        self.stream_window = bandwidth::grown(self.stream_window, sample, config.max_stream_window_bytes);
        let window = &mut self.recv_window;
        window.size = bandwidth::grown(window.size, sample, config.max_connection_window_bytes);
        self.replenish_connection();
    }

    pub(crate) fn recv_goaway(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        if head.stream != 0 {
            return Err(Error::Connection(Violation::GoAwayOnStream));
        }
        let GoAway { last_id, code, debug } =
            GoAway::read(payload).ok_or(Error::Connection(Violation::GoAwayLength))?;
        if self.peer_goaway.replace(code).is_some() {
            self.glitch(now)?;
        }
        self.wants_stream = false;
        let debug = Bytes::copy_from_slice(&debug[..debug.len().min(DEBUG_BYTES)]);
        self.events.push(Event::GoingAway { last_id: StreamId::new(last_id), code, debug });
        if self.role == Role::Client {
            self.drop_refused(last_id);
        }
        self.end_if_drained();
        Ok(())
    }

    /// Streams above the last one that the peer serves were not processed: they may be sent again elsewhere.
    fn drop_refused(&mut self, last_id: u32) {
        let is_refused = |key: &_| self.streams.get(*key).id.as_u32() > last_id;
        let refused: Vec<_> = self.streams.keys().filter(is_refused).collect();
        for key in refused {
            let id = self.streams.get(key).id;
            let code = ErrorCode::RefusedStream;
            self.events.push(Event::Reset { id, code, by: Origin::Peer, why: Some("refused by GOAWAY") });
            self.close_stream(key, Cause::ResetByPeer);
        }
    }
}

/// Frames about streams.
impl Connection {
    pub(crate) fn recv_window_update(&mut self, head: Head, payload: &[u8]) -> Result<(), Error> {
        let increment = match frame::u31_at(payload) {
            Some(increment) if payload.len() == 4 => increment,
            _ => return Err(Error::Connection(Violation::WindowUpdateLength)),
        };
        if !self.budgets.window_updates.take() {
            return Err(Error::Connection(Violation::TooManyWindowUpdates));
        }
        if head.stream == 0 {
            if increment == 0 {
                return Err(Error::Connection(Violation::ConnectionIncrementZero));
            }
            let added = self.send_window.add(i64::from(increment));
            return added.ok_or(Error::Connection(Violation::ConnectionWindowOverflow));
        }
        let Some(key) = self.streams.find(head.stream) else { return self.check_not_idle(head.stream) };
        let stream = self.streams.get_mut(key);
        if !stream.is_active() {
            return Ok(());
        }
        if increment == 0 {
            return Err(Violation::StreamIncrementZero.on(head.stream));
        }
        let added = stream.send_window.add(i64::from(increment));
        added.ok_or(Violation::StreamWindowOverflow.on(head.stream))?;
        if stream.backlog.is_some() && stream.send_window.available() > 0 {
            self.schedule.push(&mut self.streams, key);
        }
        Ok(())
    }

    pub(crate) fn recv_reset(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        if head.stream == 0 {
            return Err(Error::Connection(Violation::ResetOnConnection));
        }
        let Ok(code) = <[u8; 4]>::try_from(payload) else {
            return Err(Error::Connection(Violation::ResetLength));
        };
        let Some(key) = self.streams.find(head.stream) else { return self.check_not_idle(head.stream) };
        let stream = self.streams.get(key);
        if !stream.is_active() {
            return Ok(());
        }
        let (id, opened, is_finished) = (stream.id, stream.opened, stream.is_finished);
        if !is_finished {
            let code = ErrorCode::from_u32(u32::from_be_bytes(code));
            self.events.push(Event::Reset { id, code, by: Origin::Peer, why: None });
        }
        self.close_stream(key, Cause::ResetByPeer);
        match is_finished || self.role == Role::Client || self.budgets.resets.reset(opened, now) {
            true => Ok(()),
            false => Err(Error::Connection(Violation::TooManyResets)),
        }
    }

    /// PRIORITY is legal in every state and has no effect, but it must be well-formed.
    pub(crate) fn recv_priority(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        if head.stream == 0 {
            return Err(Error::Connection(Violation::PriorityOnConnection));
        }
        self.glitch(now)?;
        match Priority::read(payload) {
            Some(priority) if payload.len() == Priority::BYTES => match priority.depends_on == head.stream {
                true => Err(Violation::SelfDependency.on(head.stream)),
                false => Ok(()),
            },
            _ => Err(Violation::PriorityLength.on(head.stream)),
        }
    }

    /// WINDOW_UPDATE and RST_STREAM are ignored on closed streams and forbidden on idle ones (RFC 9113 section 5.1).
    fn check_not_idle(&self, id: u32) -> Result<(), Error> {
        match self.absent(id) {
            Absent::Idle => Err(Error::Connection(Violation::IdleStream)),
            Absent::Ignored | Absent::Past(_) => Ok(()),
        }
    }
}
