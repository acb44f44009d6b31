//! What arrives: cutting the input into frames, sending each where it belongs, DATA, and what errors do.
//! Header blocks are in `block.rs`, all other frames in `control.rs`.

use crate::connection::{Connection, Handshake, Phase};
use crate::error::{Error, Violation};
use crate::event::{SMALL_DATA_BYTES, StreamId};
use crate::frame::{self, Flags, HEAD_BYTES, Head, Kind};
use crate::settings::Role;
use crate::stream::{Cause, State};
use crate::streams::Key;
use crate::timer::Timer;
use bytes::{Buf, BytesMut};
use std::ops::Range;
use std::time::Instant;

/// What a client sends first (RFC 9113 section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// DATA that a stream has taken, and that is to be delivered.
#[derive(Clone, Copy, Debug)]
struct Accepted {
    key: Key,
    /// Where the content lies in the payload.
    start: usize,
    len: usize,
    end: bool,
}

/// What a frame on a stream that is not in the table means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Absent {
    /// Never opened.
    Idle,
    /// Reset here, or refused by our GOAWAY: frames that crossed that are to be ignored.
    Ignored,
    /// Closed, by whatever is remembered.
    Past(Option<Cause>),
}

impl Connection {
    /// Handles all complete frames of the input.
    pub(crate) fn recv_input(&mut self, now: Instant, input: &mut BytesMut) {
        if self.is_over() {
            input.clear();
        }
        if input.is_empty() || (self.handshake == Handshake::Preface && !self.recv_preface(input)) {
            return;
        }
        if let Err(violation) = self.recv_frames(now, input) {
            self.fail(violation);
        }
        if self.is_over() {
            input.clear();
        }
    }

    /// Returns whether the preface is complete.
    fn recv_preface(&mut self, input: &mut BytesMut) -> bool {
        let common = input.len().min(PREFACE.len());
        if input[..common] != PREFACE[..common] {
            self.fail(Violation::BadPreface);
            input.clear();
            return false;
        }
        self.needed = PREFACE.len() - common;
        if common < PREFACE.len() {
            return false;
        }
        input.advance(PREFACE.len());
        self.handshake = Handshake::Settings;
        true
    }

    fn recv_frames(&mut self, now: Instant, input: &mut BytesMut) -> Result<(), Violation> {
        // How much of the input was handled; it is cut off once, or when a payload leaves without a copy.
        let mut at = 0;
        let mut progressed = false;
        self.needed = 0;
        while let Some(head) = input.get(at..).and_then(Head::read) {
            self.check_head(head)?;
            let end = at + HEAD_BYTES + head.len;
            if end > input.len() {
                self.needed = end - input.len();
                break;
            }
            progressed = true;
            let payload = &input[at + HEAD_BYTES..end];
            let outcome = if head.kind != Kind::DATA {
                at = end;
                self.recv_frame(now, head, payload)
            } else if head.len < SMALL_DATA_BYTES {
                at = end;
                self.recv_data(now, head, payload)
            } else {
                input.advance(at);
                at = 0;
                self.recv_large_data(now, head, input)
            };
            match outcome {
                Ok(()) => {}
                Err(Error::Stream(id, violation)) => self.fail_stream(now, id, violation)?,
                Err(Error::Connection(violation)) => return Err(violation),
                Err(_) => break,
            }
            if self.is_over() {
                return Ok(());
            }
        }
        input.advance(at);
        self.watch_partial_frame(now, input, progressed);
        Ok(())
    }

    /// What can be said of a frame before its payload is there.
    #[inline]
    fn check_head(&self, head: Head) -> Result<(), Violation> {
        if head.len > self.config.max_frame_bytes as usize {
            return Err(Violation::FrameTooLarge);
        }
        match &self.block {
            Some(block) if head.kind != Kind::CONTINUATION || head.stream != block.stream() => {
                return Err(Violation::BlockInterrupted);
            }
            None if head.kind == Kind::CONTINUATION => return Err(Violation::StrayContinuation),
            _ => {}
        }
        let is_settings = head.kind == Kind::SETTINGS && !head.flags.has(Flags::ACK);
        if self.handshake == Handshake::Settings && !is_settings {
            return Err(Violation::SettingsNotFirst);
        }
        Ok(())
    }

    fn recv_frame(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        match head.kind {
            Kind::HEADERS => self.recv_headers(now, head, payload),
            Kind::CONTINUATION => self.recv_continuation(now, head, payload),
            Kind::WINDOW_UPDATE => self.recv_window_update(head, payload),
            Kind::RST_STREAM => self.recv_reset(now, head, payload),
            Kind::SETTINGS => self.recv_settings(now, head, payload),
            Kind::PING => self.recv_ping(now, head, payload),
            Kind::GOAWAY => self.recv_goaway(now, head, payload),
            Kind::PRIORITY => self.recv_priority(now, head, payload),
            Kind::PUSH_PROMISE => Err(Violation::PushPromise.on(head.stream)),
            _ => self.glitch(now),
        }
    }

    /// A timer runs while a header block or a frame other than DATA is incomplete; slow DATA is honest.
    fn watch_partial_frame(&mut self, now: Instant, input: &[u8], progressed: bool) {
        let is_partial = match Head::read(input) {
            _ if self.block.is_some() => true,
            Some(head) => head.kind != Kind::DATA,
            None => !input.is_empty(),
        };
        if !is_partial {
            self.timers.disarm(Timer::Frame);
        } else if !self.timers.is_armed(Timer::Frame) || (progressed && self.block.is_none()) {
            self.timers.arm(Timer::Frame, now + self.config.limits.header_block_timeout);
        }
    }
}

/// DATA and the windows for it.
impl Connection {
    /// DATA whose content is copied.
    fn recv_data(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        let Some(accepted) = self.accept_data(now, head, payload)? else { return Ok(()) };
        let Accepted { key, start, len, end } = accepted;
        let stream = self.streams.get_mut(key);
        let content = &payload[start..start + len];
        let joined = self.events.push_small_data(stream.id, content, end);
        // An empty event carries nothing to release, so it must not be charged.
        if len > 0 && !joined {
            stream.recv_window.unread.add_event(len);
            self.recv_window.unread.add_event(len);
            if self.recv_window.unread.overhead > self.config.limits.max_unread_overhead_bytes {
                return Err(Error::Connection(Violation::TooManyDataFrames));
            }
        } else {
            stream.recv_window.unread.add_joined(len);
            self.recv_window.unread.add_joined(len);
        }
        if !end {
            self.settle_data(accepted, head);
            return Ok(());
        }
        if stream.end_recv() {
            self.settle(key);
        }
        self.replenish_connection();
        Ok(())
    }

    /// DATA whose content stays in the memory of the input, from whose front the frame is taken.
    fn recv_large_data(&mut self, now: Instant, head: Head, input: &mut BytesMut) -> Result<(), Error> {
        let frame = input.split_to(HEAD_BYTES + head.len);
        let Some(accepted) = self.accept_data(now, head, &frame[HEAD_BYTES..])? else { return Ok(()) };
        let Accepted { key, start, len, end } = accepted;
        let stream = self.streams.get_mut(key);
        let start = HEAD_BYTES + start;
        let data = frame.freeze().slice(start..start + len);
        self.events.push_large_data(stream.id, data, end);
        stream.recv_window.unread.add_event(len);
        self.recv_window.unread.add_event(len);
        self.settle_data(accepted, head);
        Ok(())
    }

    /// Accounts for a DATA frame; `None` when there is nothing to deliver.
    #[inline(always)]
    fn accept_data(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<Option<Accepted>, Error> {
        if head.stream == 0 {
            return Err(Error::Connection(Violation::DataOnConnection));
        }
        let content = frame::unpad(head, payload).map_err(Error::Connection)?;
        self.recv_window.receive(head.len).ok_or(Error::Connection(Violation::ConnectionWindowExceeded))?;
        self.measure(now, head.len);
        let outcome = match self.streams.find(head.stream) {
            Some(key) => self.accept_stream_data(now, key, head, content),
            None => self.recv_absent(head.stream).map(|()| None),
        };
        if !matches!(outcome, Ok(Some(_))) {
            // Bytes that nobody will read need no release.
            self.replenish_connection();
        }
        outcome
    }

    #[inline(always)]
    fn accept_stream_data(
        &mut self,
        now: Instant,
        key: Key,
        head: Head,
        content: Range<usize>,
    ) -> Result<Option<Accepted>, Error> {
        let stream = self.streams.get_mut(key);
        match stream.state {
            State::Closed(Cause::ResetHere) => return Ok(None),
            State::Closed(cause) => return Err(after_end(Some(cause)).on(head.stream)),
            State::Active { .. } => {}
        }
        let len = content.len();
        let end = head.flags.has(Flags::END_STREAM);
        stream.recv_window.receive(head.len).ok_or(Violation::StreamWindowExceeded.on(head.stream))?;
        stream.check_recv_data(len, end).map_err(|violation| violation.on(head.stream))?;
        let accepted = Accepted { key, start: content.start, len, end };
        if (len > 0 || end) && !stream.is_finished {
            return Ok(Some(accepted));
        }
        if len == 0 && !end && !self.budgets.empty_frames.take(now) {
            return Err(Error::Connection(Violation::TooManyEmptyFrames));
        }
        self.settle_data(Accepted { len: 0, ..accepted }, head);
        Ok(None)
    }

    /// What a DATA frame leaves to do once its content is delivered or dropped.
    #[inline(always)]
    fn settle_data(&mut self, accepted: Accepted, head: Head) {
        if accepted.end {
            if self.streams.get_mut(accepted.key).end_recv() {
                self.settle(accepted.key);
            }
        } else if head.len != accepted.len {
            self.replenish_stream(accepted.key);
        }
        self.replenish_connection();
    }

    #[inline(always)]
    pub(crate) fn release_bytes(&mut self, id: StreamId, bytes: usize) {
        let was_limited = self.recv_window.is_limited();
        match self.streams.find(id.as_u32()) {
            Some(key) => {
                let stream = self.streams.get_mut(key);
                let share = stream.recv_window.unread.release(bytes);
                self.recv_window.unread.subtract(share);
                if !stream.recv_ended() {
                    self.replenish_stream(key);
                }
            }
            None => {
                let share = self.streams.gone.release(bytes);
                self.recv_window.unread.subtract(share);
            }
        }
        if was_limited {
            self.replenish_connection();
        }
    }

    #[inline]
    fn replenish_stream(&mut self, key: Key) {
        let stream = self.streams.get_mut(key);
        if stream.recv_ended() {
            return;
        }
        let target = self.recv_window.stream_target(self.config.stream_window_bytes, self.stream_window);
        if let Some(increment) = stream.recv_window.replenish(target) {
            frame::write_window_update(self.out.frames(), stream.id.as_u32(), increment);
        }
    }

    #[inline]
    pub(crate) fn replenish_connection(&mut self) {
        if let Some(increment) = self.recv_window.replenish() {
            frame::write_window_update(self.out.frames(), 0, increment);
        }
    }

    /// Lets a PING measure the bandwidth-delay product while windows can still grow.
    #[inline]
    fn measure(&mut self, now: Instant, bytes: usize) {
        let worthwhile = self.stream_window / 4;
        let may_grow = self.stream_window < self.config.max_stream_window_bytes
            || self.recv_window.size < self.config.max_connection_window_bytes;
        if may_grow && self.bandwidth.receive(bytes, worthwhile, now) {
            frame::write_ping(self.out.frames(), Flags::NONE, crate::bandwidth::BANDWIDTH_PING);
        }
    }
}

/// Streams that are not in the table, and the price of errors.
impl Connection {
    /// Whether the peer is the one that opens streams with this id.
    fn is_peers(&self, id: u32) -> bool {
        (self.role == Role::Server) == (id % 2 == 1)
    }

    pub(crate) fn absent(&self, id: u32) -> Absent {
        if let Phase::Draining { last_id } = self.phase
            && self.is_peers(id)
            && id > last_id
        {
            return Absent::Ignored;
        }
        let is_idle = match self.role {
            _ if id.is_multiple_of(2) => true,
            Role::Server => id > self.highest_peer,
            Role::Client => id >= self.next_own,
        };
        match self.streams.cause(id) {
            _ if is_idle => Absent::Idle,
            Some(Cause::ResetHere) => Absent::Ignored,
            cause => Absent::Past(cause),
        }
    }

    /// DATA or a response's HEADERS on a stream that is not in the table.
    pub(crate) fn recv_absent(&mut self, id: u32) -> Result<(), Error> {
        match self.absent(id) {
            Absent::Idle => Err(Error::Connection(Violation::IdleStream)),
            Absent::Ignored => Ok(()),
            Absent::Past(cause) => Err(after_end(cause).on(id)),
        }
    }

    /// Counts a frame without use.
    #[cold]
    pub(crate) fn glitch(&mut self, now: Instant) -> Result<(), Error> {
        match self.budgets.glitches.take(now) {
            true => Ok(()),
            false => Err(Error::Connection(Violation::TooManyGlitches)),
        }
    }

    /// Answers a stream error with RST_STREAM, as long as the peer does not provoke too many of them.
    #[cold]
    fn fail_stream(&mut self, now: Instant, id: StreamId, violation: Violation) -> Result<(), Violation> {
        match self.streams.find(id.as_u32()) {
            Some(key) => self.reset_stream(key, violation),
            // An idle stream must not be reset (RFC 9113 section 6.4), so the connection pays for it.
            None if self.absent(id.as_u32()) == Absent::Idle => return Err(violation),
            None => {
                self.out.push_reset(id, violation.code());
                self.streams.remember_reset(id.as_u32());
                if !self.budgets.glitches.take(now) {
                    return Err(Violation::TooManyGlitches);
                }
            }
        }
        self.charge_provoked_reset()
    }

    pub(crate) fn charge_provoked_reset(&mut self) -> Result<(), Violation> {
        match self.role == Role::Client || self.budgets.resets.provoked() {
            true => Ok(()),
            false => Err(Violation::TooManyResets),
        }
    }
}

/// What DATA or HEADERS break that arrive after the end of a stream which this side did not reset.
///
/// After the peer's own END_STREAM nothing can have crossed, and RFC 9113 section 5.1 lets the connection end for
/// it, which RFC 7540 demanded. After its RST_STREAM, and where the cause is forgotten, the stream alone is to blame.
pub(crate) fn after_end(cause: Option<Cause>) -> Violation {
    match cause {
        Some(Cause::Finished) => Violation::ClosedStream,
        _ => Violation::PastStream,
    }
}
