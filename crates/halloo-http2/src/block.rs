//! Header blocks that arrive: HEADERS with CONTINUATION to a list, and the list to a request, response or trailers.
//! A block is always decoded, whatever its stream, because HPACK's state is the connection's (RFC 9113 section 4.3).

use crate::connection::{Connection, Phase};
use crate::error::{Error, Violation};
use crate::event::{End, Event, StreamId};
use crate::frame::{self, Flags, Head, Priority};
use crate::headers::{Block, HeaderList};
use crate::hpack::{DecodeError, Decoded};
use crate::recv::after_end;
use crate::settings::Role;
use crate::stream::{Cause, Receiving, Sending, State, Stream};
use crate::streams::Key;
use crate::timer::Timer;
use crate::validate::{Section, Verdict};
use crate::window::{RecvWindow, SendWindow};
use bytes::{Bytes, BytesMut};
use std::time::Instant;

/// What HEADERS says beside its fields.
#[derive(Clone, Copy, Debug)]
struct BlockStart {
    stream: u32,
    end: bool,
    /// What is wrong with the frame; the block counts nevertheless.
    fault: Option<Violation>,
}

/// A header block whose end has not arrived.
#[derive(Debug)]
pub(crate) struct OpenBlock {
    opening: BlockStart,
    fragments: BytesMut,
    continuations: u32,
}

impl OpenBlock {
    #[inline]
    pub(crate) fn stream(&self) -> u32 {
        self.opening.stream
    }
}

/// Frames to blocks.
impl Connection {
    #[inline]
    pub(crate) fn recv_headers(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        let end = head.flags.has(Flags::END_STREAM);
        let is_plain = head.flags.has_without(Flags::END_HEADERS, Flags::PADDED.with(Flags::PRIORITY));
        if is_plain && head.stream != 0 {
            return self.recv_block(now, BlockStart { stream: head.stream, end, fault: None }, payload);
        }
        self.recv_decorated_headers(now, head, payload)
    }

    /// HEADERS with padding or priority, or without their end.
    #[cold]
    fn recv_decorated_headers(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        if head.stream == 0 {
            return Err(Error::Connection(Violation::HeadersOnConnection));
        }
        let content = frame::unpad(head, payload).map_err(Error::Connection)?;
        let mut fragment = payload.get(content).unwrap_or_default();
        let mut opening = BlockStart { stream: head.stream, end: head.flags.has(Flags::END_STREAM), fault: None };
        if head.flags.has(Flags::PRIORITY) {
            let is_crowded_out = head.len > Priority::BYTES && head.flags.has(Flags::PADDED);
            let violation = if is_crowded_out { Violation::PaddingTooLong } else { Violation::HeadersTooShort };
            let priority = Priority::read(fragment).ok_or(Error::Connection(violation))?;
            if priority.depends_on == head.stream {
                opening.fault = Some(Violation::SelfDependency);
            }
            fragment = &fragment[Priority::BYTES..];
        }
        if head.flags.has(Flags::END_HEADERS) {
            return self.recv_block(now, opening, fragment);
        }
        self.check_fragment(now, fragment.len(), fragment.len())?;
        self.block = Some(OpenBlock { opening, fragments: BytesMut::from(fragment), continuations: 0 });
        Ok(())
    }

    #[cold]
    pub(crate) fn recv_continuation(&mut self, now: Instant, head: Head, payload: &[u8]) -> Result<(), Error> {
        let mut block = self.block.take().ok_or(Error::Connection(Violation::StrayContinuation))?;
        block.continuations += 1;
        if block.continuations > self.max_continuations() {
            return Err(Error::Connection(Violation::TooManyContinuations));
        }
        self.check_fragment(now, payload.len(), block.fragments.len() + payload.len())?;
        block.fragments.extend_from_slice(payload);
        if !head.flags.has(Flags::END_HEADERS) {
            self.block = Some(block);
            return Ok(());
        }
        self.timers.disarm(Timer::Frame);
        self.recv_block(now, block.opening, &block.fragments)
    }

    fn max_continuations(&self) -> u32 {
        let needed = self.config.limits.max_header_list_bytes / self.config.max_frame_bytes + 1;
        needed.max(self.config.limits.min_continuations)
    }

    /// A fragment that leaves its block open must bring something, and the whole must stay bounded.
    fn check_fragment(&mut self, now: Instant, bytes: usize, block_bytes: usize) -> Result<(), Error> {
        if block_bytes > 2 * self.config.limits.max_header_list_bytes as usize {
            return Err(Error::Connection(Violation::HeaderBlockTooLarge));
        }
        if bytes == 0 && !self.budgets.empty_frames.take(now) {
            return Err(Error::Connection(Violation::TooManyEmptyFrames));
        }
        Ok(())
    }

    #[inline(always)]
    fn recv_block(&mut self, now: Instant, opening: BlockStart, block: &[u8]) -> Result<(), Error> {
        let decoded = match self.decoder.decode(block) {
            Ok(decoded) => decoded,
            Err(DecodeError::ListTooLarge) => return Err(Error::Connection(Violation::HeaderBlockTooLarge)),
            Err(_) => return Err(Error::Connection(Violation::Compression)),
        };
        match self.streams.find(opening.stream) {
            None if self.role == Role::Server => self.recv_request(now, opening, decoded),
            None => self.recv_absent(opening.stream),
            Some(key) => self.recv_on_stream(now, key, opening, decoded),
        }
    }
}

/// Blocks to events.
impl Connection {
    /// A header block on a stream that is not in a server's table.
    #[inline(always)]
    fn recv_request(&mut self, now: Instant, opening: BlockStart, decoded: Decoded) -> Result<(), Error> {
        let BlockStart { stream: id, end, .. } = opening;
        if id.is_multiple_of(2) {
            return Err(Error::Connection(Violation::WrongParity));
        }
        if id <= self.highest_peer {
            return self.recv_past_headers(id);
        }
        if matches!(self.phase, Phase::Draining { .. }) {
            return Ok(());
        }
        self.highest_peer = id;
        if id >= self.life.last_request {
            self.end_requests(now);
        }
        self.budgets.resets.request(now);
        self.budgets.window_updates.stream_opened();
        let is_full = self.streams.len() >= self.config.limits.max_concurrent_streams as usize && self.is_full();
        if is_full || opening.fault.is_some() {
            return self.refuse(id, opening.fault.unwrap_or(Violation::StreamLimit));
        }
        let stream = StreamId::new(id);
        if decoded.overflow.is_some() {
            self.insert_request(now, opening, None);
            self.events.push(Event::HeadersTooLarge { id: stream, end });
            return Ok(());
        }
        let promised = match decoded.outline.verdict(Section::Request) {
            Ok(Verdict { content_length: Some(1..), .. }) if end => {
                return self.refuse(id, Violation::ContentLengthMismatch);
            }
            Ok(verdict) => verdict.content_length,
            Err(Violation::HostRepeated) => return self.refuse_by_status(opening),
            Err(violation) => return self.refuse(id, violation),
        };
        self.insert_request(now, opening, promised);
        let fields = decoded.fields;
        self.events.push(match self.config.joins_requests {
            true => Event::Request { id: stream, fields, body: end.then(Bytes::new) },
            false => Event::Headers { id: stream, fields, end },
        });
        Ok(())
    }

    /// Whether there is no room for another request, the table having as many as are allowed. A peer that has seen a
    /// stream end well counts it no more (RFC 9113 section 5.1.2), although the driver may need a moment to finish it.
    #[cold]
    fn is_full(&self) -> bool {
        let limit = self.config.limits.max_concurrent_streams as usize;
        let counts = |stream: &&Stream| stream.state != State::Closed(Cause::Finished);
        self.streams.len() / 2 >= limit || self.streams.iter().filter(counts).count() >= limit
    }

    #[inline]
    fn insert_request(&mut self, now: Instant, opening: BlockStart, promised: Option<u64>) {
        let recv = if opening.end { Receiving::Ended } else { Receiving::Body };
        self.streams.insert(Stream {
            id: StreamId::new(opening.stream),
            state: State::Active { recv, send: Sending::Head },
            recv_window: RecvWindow::new(self.initial_recv_window()),
            send_window: SendWindow::new(self.peer.initial_window),
            promised,
            is_head: false,
            is_finished: false,
            opened: now,
            stalled_since: None,
            backlog: None,
        });
    }

    /// Answers a request that never enters the table.
    #[cold]
    fn refuse(&mut self, id: u32, violation: Violation) -> Result<(), Error> {
        self.out.push_reset(StreamId::new(id), violation.code());
        self.streams.remember_reset(id);
        // Until the peer has our SETTINGS it knows of no limit (RFC 9113 section 6.5.2).
        if violation == Violation::StreamLimit && self.timers.is_armed(Timer::SettingsAck) {
            return Ok(());
        }
        self.charge_provoked_reset().map_err(Error::Connection)
    }

    /// Answers a request for more than one host with 400 (RFC 9112 section 3.2, gRFC A41): a proxy can have made it of two
    /// that are well-formed. It costs its sender as much as one that is reset.
    #[cold]
    fn refuse_by_status(&mut self, opening: BlockStart) -> Result<(), Error> {
        let id = StreamId::new(opening.stream);
        let mut fields = HeaderList::new();
        fields.push(b":status", b"400");
        let answer = self.push_headers(id, Block { template: None, fields: &fields }, End::Stream);
        if !opening.end || answer.is_err() {
            // The rest of the request is not read (RFC 9113 section 8.1).
            self.out.push_reset(id, Violation::HostRepeated.code());
            self.streams.remember_reset(opening.stream);
        }
        self.charge_provoked_reset().map_err(Error::Connection)
    }

    #[cold]
    fn recv_past_headers(&mut self, id: u32) -> Result<(), Error> {
        match self.streams.cause(id) {
            Some(Cause::ResetHere) => Ok(()),
            Some(cause) => Err(after_end(Some(cause)).on(id)),
            None => Err(Error::Connection(Violation::StreamIdReused)),
        }
    }

    fn recv_on_stream(&mut self, now: Instant, key: Key, opening: BlockStart, decoded: Decoded) -> Result<(), Error> {
        let fail = |violation: Violation| Err(violation.on(opening.stream));
        match self.streams.get(key).state {
            State::Closed(Cause::ResetHere) => Ok(()),
            State::Closed(cause) => fail(after_end(Some(cause))),
            State::Active { recv: Receiving::Ended, .. } => fail(Violation::HalfClosedStream),
            State::Active { .. } if opening.fault.is_some() => fail(Violation::SelfDependency),
            State::Active { recv: Receiving::Head, .. } => self.recv_response(now, key, opening, decoded),
            State::Active { .. } if !opening.end => fail(Violation::TrailersOpen),
            State::Active { recv: Receiving::Body, .. } => self.recv_trailers(key, opening, decoded),
        }
    }

    fn recv_response(&mut self, now: Instant, key: Key, opening: BlockStart, decoded: Decoded) -> Result<(), Error> {
        let BlockStart { stream, end, .. } = opening;
        let id = StreamId::new(stream);
        let fail = |violation: Violation| Err(violation.on(stream));
        let event = if decoded.overflow.is_some() {
            Event::HeadersTooLarge { id, end }
        } else {
            let verdict = decoded.outline.verdict(Section::Response);
            let verdict = verdict.map_err(|violation| violation.on(stream))?;
            match verdict.status {
                101 => return fail(Violation::SwitchingProtocols),
                100..200 if end => return fail(Violation::InformationalEnd),
                100..200 => {
                    self.events.push(Event::Informational { id, fields: decoded.fields });
                    return self.glitch(now);
                }
                _ => self.promise(key, verdict, end).map_err(|violation| violation.on(stream))?,
            }
            Event::Headers { id, fields: decoded.fields, end }
        };
        self.events.push(event);
        if let State::Active { recv, .. } = &mut self.streams.get_mut(key).state {
            *recv = Receiving::Body;
        }
        self.end_recv_if(key, end);
        Ok(())
    }

    /// Remembers how much DATA a response promises; some never have any (RFC 9110 section 8.6).
    fn promise(&mut self, key: Key, verdict: Verdict, end: bool) -> Result<(), Violation> {
        let stream = self.streams.get_mut(key);
        if !stream.is_head && !matches!(verdict.status, 204 | 304) {
            stream.promised = verdict.content_length;
        }
        if end { stream.check_complete() } else { Ok(()) }
    }

    fn recv_trailers(&mut self, key: Key, opening: BlockStart, decoded: Decoded) -> Result<(), Error> {
        let id = StreamId::new(opening.stream);
        let event = if decoded.overflow.is_some() {
            Event::HeadersTooLarge { id, end: true }
        } else {
            let verdict = decoded.outline.verdict(Section::Trailers);
            let complete = verdict.and_then(|_| self.streams.get(key).check_complete());
            complete.map_err(|violation| violation.on(opening.stream))?;
            Event::Trailers { id, fields: decoded.fields }
        };
        if !self.streams.get(key).is_finished {
            self.events.push(event);
        }
        self.end_recv_if(key, true);
        Ok(())
    }

    fn end_recv_if(&mut self, key: Key, end: bool) {
        if end && self.streams.get_mut(key).end_recv() {
            self.settle(key);
        }
    }
}
