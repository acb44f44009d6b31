//! What leaves: header blocks straight to the output, DATA there as far as windows, turns and room allow, the rest
//! to the stream's backlog until `fill_output`.

use crate::connection::{Connection, Phase, Progress};
use crate::error::{ErrorCode, OpenError, SendError, Violation};
use crate::event::{End, Event, StreamId};
use crate::frame::{Flags, HEAD_BYTES, Head, Kind};
use crate::headers::Block;
use crate::hpack::EncodedTemplate;
use crate::settings::Role;
use crate::stream::{Ending, Receiving, Sending, State, Stream, WHOLE_BYTES};
use crate::streams::Key;
use crate::timer::Timer;
use crate::window::{RecvWindow, SendWindow};
use bytes::Bytes;
use std::time::Instant;

/// Header blocks.
impl Connection {
    pub(crate) fn check_open(&self) -> Result<(), OpenError> {
        if self.role == Role::Server {
            Err(OpenError::NotClient)
        } else if self.is_over() {
            Err(OpenError::Closed)
        } else if self.phase != Phase::Open || self.peer_goaway.is_some() {
            Err(OpenError::GoingAway)
        } else if self.next_own > StreamId::MAX.as_u32() {
            Err(OpenError::Exhausted)
        } else if self.streams.len() >= self.peer.max_concurrent_streams as usize {
            Err(OpenError::StreamLimit)
        } else {
            Ok(())
        }
    }

    pub(crate) fn open_stream(&mut self, block: Block<'_>, end: End) -> Result<StreamId, OpenError> {
        if let Err(error) = self.check_open() {
            self.wants_stream |= error == OpenError::StreamLimit;
            return Err(error);
        }
        let id = StreamId::new(self.next_own);
        self.push_headers(id, block, end).map_err(|TooLarge| OpenError::HeadersTooLarge)?;
        if self.life.is_dormant {
            self.wake_keepalive();
        }
        self.next_own += 2;
        self.budgets.window_updates.stream_opened();
        let send = if end == End::Stream { Sending::Ended } else { Sending::Body };
        self.streams.insert(Stream {
            id,
            state: State::Active { recv: Receiving::Head, send },
            recv_window: RecvWindow::new(self.config.stream_window_bytes),
            send_window: SendWindow::new(self.peer.initial_window),
            promised: None,
            is_head: block.find(b":method") == Some(b"HEAD"),
            is_finished: false,
            opened: self.clock,
            stalled_since: None,
            backlog: None,
        });
        Ok(id)
    }

    pub(crate) fn send_block(&mut self, id: StreamId, block: Block<'_>, end: End) -> Result<(), SendError> {
        let key = self.streams.find(id.as_u32()).ok_or(SendError::Gone)?;
        let stream = self.streams.get_mut(key);
        let State::Active { send, .. } = &mut stream.state else { return Err(SendError::Gone) };
        let before = *send;
        match (before, end) {
            (Sending::Ending | Sending::Ended, _) => return Err(SendError::Ended),
            (Sending::Body, End::Open) => return Err(SendError::OutOfOrder),
            (Sending::Head, End::Open) => {
                if !block.is_informational() {
                    *send = Sending::Body;
                }
            }
            (Sending::Body, End::Stream) if stream.backlog.is_some() => {
                self.check_list(block)?;
                self.streams.get_mut(key).queue_trailers(block);
                return Ok(());
            }
            (Sending::Head | Sending::Body, End::Stream) => {}
        }
        if let Err(TooLarge) = self.push_headers(id, block, end) {
            // Nothing was sent, so another head can be.
            self.streams.get_mut(key).set_sending(before);
            return Err(SendError::HeadersTooLarge);
        }
        if end == End::Stream {
            self.end_send(key);
        }
        Ok(())
    }

    /// Appends HEADERS, and CONTINUATION where the block is larger than the peer's frames.
    #[inline(always)]
    pub(crate) fn push_headers(&mut self, id: StreamId, block: Block<'_>, end: End) -> Result<(), TooLarge> {
        self.budgets.pings.forgive();
        match self.encoder.encoded(block) {
            // What is kept is shorter than the smallest limit of frames, and was small enough for the peer.
            Some(encoded) => push_encoded(id, encoded, end, self.out.frames()),
            None => {
                self.check_list(block)?;
                self.encode_headers(id, block, end);
            }
        }
        Ok(())
    }

    /// Whether the peer accepts a list of this size (RFC 9113 section 6.5.2): one that it does not is work for both sides,
    /// and what comes of it differs from peer to peer.
    fn check_list(&self, block: Block<'_>) -> Result<(), TooLarge> {
        if block.list_bytes() > self.peer.max_header_list { Err(TooLarge) } else { Ok(()) }
    }

    fn encode_headers(&mut self, id: StreamId, block: Block<'_>, end: End) {
        let flags = if end == End::Stream { Flags::END_STREAM } else { Flags::NONE };
        let head = Head { len: 0, kind: Kind::HEADERS, flags, stream: id.as_u32() };
        let out = self.out.frames();
        let at = out.len();
        out.extend_from_slice(&[0; HEAD_BYTES]);
        self.encoder.encode(block, out);
        let len = out.len() - at - HEAD_BYTES;
        if len <= self.peer.max_frame {
            let head = Head { len, flags: head.flags.with(Flags::END_HEADERS), ..head };
            out[at..at + HEAD_BYTES].copy_from_slice(&head.to_bytes());
        } else {
            self.split_headers(at, head);
        }
    }

    /// Cuts a large block, which starts behind the room for a head at `at`, into frames.
    #[cold]
    fn split_headers(&mut self, at: usize, first: Head) {
        let max_frame = self.peer.max_frame;
        let out = self.out.frames();
        let block = out.split_off(at + HEAD_BYTES);
        out.truncate(at);
        let mut rest = &block[..];
        let mut head = first;
        while !rest.is_empty() {
            let (fragment, after) = rest.split_at(rest.len().min(max_frame));
            rest = after;
            let flags = if rest.is_empty() { head.flags.with(Flags::END_HEADERS) } else { head.flags };
            Head { len: fragment.len(), flags, ..head }.write(out);
            out.extend_from_slice(fragment);
            head = Head { kind: Kind::CONTINUATION, flags: Flags::NONE, ..head };
        }
    }

    /// END_STREAM is in the output.
    #[inline]
    pub(crate) fn end_send(&mut self, key: Key) {
        let stream = self.streams.get_mut(key);
        if stream.end_send() {
            self.settle(key);
        } else if stream.is_finished {
            self.reset_request(key, ErrorCode::NoError);
        }
    }
}

/// A header list is larger than the peer accepts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TooLarge;

impl From<TooLarge> for SendError {
    fn from(TooLarge: TooLarge) -> Self {
        Self::HeadersTooLarge
    }
}

/// A short block goes as one piece of a fixed size with its head, which takes no call to copy.
#[inline(always)]
fn push_encoded(id: StreamId, encoded: &EncodedTemplate, end: End, out: &mut Vec<u8>) {
    let at = out.len();
    match encoded.short_frame() {
        Some(frame) => out.extend_from_slice(frame),
        None => out.extend_from_slice(encoded.frame()),
    }
    let flags = if end == End::Stream { Flags::END_STREAM } else { Flags::NONE };
    if let Some(head) = out.get_mut(at..).and_then(|frame| frame.first_chunk_mut()) {
        Head::address(head, flags.with(Flags::END_HEADERS), id.as_u32());
    }
    out.truncate(at + encoded.frame_len());
}

/// DATA.
impl Connection {
    #[inline]
    pub(crate) fn send_body(&mut self, id: StreamId, data: Bytes, end: End) -> Result<(), SendError> {
        let key = self.streams.find(id.as_u32()).ok_or(SendError::Gone)?;
        let stream = self.streams.get_mut(key);
        stream.check_send_data()?;
        let len = data.len();
        let fits = len <= self.peer.max_frame
            && len <= stream.send_window.available()
            && len <= self.send_window.available()
            && self.schedule.is_empty()
            && self.out.len() < self.config.limits.max_output_bytes;
        if stream.backlog.is_some() || !(fits || len == 0) {
            stream.queue_data(data, end);
            self.schedule.push(&mut self.streams, key);
            return Ok(());
        }
        if len == 0 && end == End::Open {
            return Ok(());
        }
        stream.send_window.consume(len);
        self.send_window.consume(len);
        self.out.push_data(id, data, end, self.peer.max_frame);
        self.count_data(len);
        if end == End::Stream {
            self.end_send(key);
        }
        Ok(())
    }

    /// As `send_body`, from memory that stays the caller's.
    pub(crate) fn send_copy(&mut self, id: StreamId, data: &[u8], end: End) -> Result<(), SendError> {
        let key = self.streams.find(id.as_u32()).ok_or(SendError::Gone)?;
        let stream = self.streams.get_mut(key);
        stream.check_send_data()?;
        let len = data.len();
        let fits = len < WHOLE_BYTES
            && len <= self.peer.max_frame
            && len <= stream.send_window.available()
            && len <= self.send_window.available()
            && self.schedule.is_empty()
            && self.out.len() < self.config.limits.max_output_bytes;
        if stream.backlog.is_some() || !fits || len == 0 {
            return self.send_body(id, Bytes::copy_from_slice(data), end);
        }
        stream.send_window.consume(len);
        self.send_window.consume(len);
        self.out.push_copy(id, data, end, self.peer.max_frame);
        self.count_data(len);
        if end == End::Stream {
            self.end_send(key);
        }
        Ok(())
    }

    #[inline]
    pub(crate) fn count_data(&mut self, bytes: usize) {
        self.data_sent += bytes as u64;
        self.budgets.window_updates.data_sent();
        self.budgets.pings.forgive();
    }

    /// Moves waiting DATA to the output, one frame a stream in turn.
    #[inline]
    pub(crate) fn fill_output(&mut self, now: Instant) {
        if self.phase == Phase::Abandoned {
            self.out.discard();
            return;
        }
        self.out.compact();
        while self.out.len() < self.config.limits.max_output_bytes && self.send_window.available() > 0 {
            let Some(key) = self.schedule.pop(&mut self.streams) else { break };
            self.take_turn(now, key);
        }
        self.watch_progress(now);
    }

    fn take_turn(&mut self, now: Instant, key: Key) {
        let stream = self.streams.get_mut(key);
        let Some(backlog) = &mut stream.backlog else { return };
        let window = stream.send_window.available().min(self.send_window.available());
        let len = backlog.bytes.min(window).min(self.peer.max_frame);
        if len == 0 && backlog.bytes > 0 {
            return self.stall(now, key);
        }
        let is_last = len == backlog.bytes;
        let end = match backlog.ending {
            Some(Ending::Data) if is_last => End::Stream,
            _ => End::Open,
        };
        let id = stream.id;
        self.out.push_data_head(id, len, end);
        let mut left = len;
        while left > 0 {
            let part = backlog.take(left);
            left -= part.len();
            self.out.push_payload(part);
        }
        if backlog.became_writable() && backlog.ending.is_none() && !stream.is_finished {
            self.events.push(Event::Writable { id });
        }
        stream.stalled_since = None;
        stream.send_window.consume(len);
        self.send_window.consume(len);
        self.count_data(len);
        if is_last {
            self.end_backlog(key);
        } else {
            self.schedule.push(&mut self.streams, key);
        }
    }

    /// The last byte of a backlog is in the output; what was queued behind it follows.
    fn end_backlog(&mut self, key: Key) {
        let stream = self.streams.get_mut(key);
        let id = stream.id;
        match stream.backlog.take().and_then(|backlog| backlog.ending) {
            None => {}
            Some(Ending::Data) => self.end_send(key),
            Some(Ending::Trailers(trailers)) => match self.push_headers(id, trailers.block(), End::Stream) {
                Ok(()) => self.end_send(key),
                // The peer has lowered its limit since they were queued.
                Err(TooLarge) => self.reset_request(key, ErrorCode::InternalError),
            },
        }
    }

    /// A stream waits for its own window alone; WINDOW_UPDATE or SETTINGS put it back in line.
    fn stall(&mut self, now: Instant, key: Key) {
        self.streams.get_mut(key).stalled_since.get_or_insert(now);
        if let Some(timeout) = self.config.limits.stalled_window_timeout
            && !self.timers.is_armed(Timer::StalledStreams)
        {
            self.timers.arm(Timer::StalledStreams, now + timeout);
        }
    }

    /// The deadline of `stall` has passed for at least one stream.
    pub(crate) fn reset_stalled_streams(&mut self, now: Instant) {
        let Some(timeout) = self.config.limits.stalled_window_timeout else { return };
        let mut stalled = Vec::new();
        let mut next = None;
        for (key, stream) in self.streams.iter_mut() {
            let Some(deadline) = stream.stalled_since.map(|since| since + timeout) else { continue };
            if deadline <= now {
                stalled.push(key);
            } else {
                next = Some(next.map_or(deadline, |next: Instant| next.min(deadline)));
            }
        }
        if let Some(next) = next {
            self.timers.arm(Timer::StalledStreams, next);
        }
        for key in stalled {
            self.reset_stream(key, Violation::StreamStalled);
        }
    }

    /// A timer runs while something waits; what it waits for (the socket, or the connection's window) has to move.
    #[inline]
    fn watch_progress(&mut self, now: Instant) {
        if self.is_over() {
            return;
        }
        if self.out.is_empty() && self.schedule.is_empty() {
            self.timers.disarm(Timer::StalledConnection);
            return;
        }
        let progress = self.current_progress();
        if progress != self.progress || !self.timers.is_armed(Timer::StalledConnection) {
            self.progress = progress;
            let limits = &self.config.limits;
            let timeout =
                if progress.is_blocked { limits.stalled_window_timeout } else { limits.stalled_socket_timeout };
            match timeout {
                Some(timeout) => self.timers.arm(Timer::StalledConnection, now + timeout),
                None => self.timers.disarm(Timer::StalledConnection),
            }
        }
    }

    /// The deadline of `watch_progress` has passed; what was written since the last look counts.
    pub(crate) fn check_progress(&mut self, now: Instant) {
        let is_waiting = !self.out.is_empty() || !self.schedule.is_empty();
        if is_waiting && self.current_progress() == self.progress {
            self.fail(Violation::ConnectionStalled);
        } else {
            self.watch_progress(now);
        }
    }

    fn current_progress(&self) -> Progress {
        let is_blocked = !self.schedule.is_empty() && self.send_window.available() == 0;
        Progress { is_blocked, bytes: if is_blocked { self.data_sent } else { self.out.written() } }
    }
}

#[cfg(test)]
#[path = "../tests/unit/send.rs"]
mod tests;
