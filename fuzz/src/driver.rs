//! A driver around one engine whose peer may send anything: it does what the engine's contract asks, some of what a
//! program may ask, and holds every event, every byte written and every byte kept to what the contract promises.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes, BytesMut};
use halloo_http2::{Config, Connection, End, ErrorCode, Event, HeaderList, OpenError, StreamId};

use crate::credit::Credit;
use crate::fields::{REQUEST, RESPONSE, TRAILERS, fields_of};
use crate::meter;
use crate::output::Output;

/// As much as a socket is asked for at once.
const READ_BYTES: usize = 32 << 10;

/// What one engine may hold beside what we gave it to send and what its output may hold: tables, a header block, the
/// rest of a frame.
const ENGINE_BYTES: usize = 1 << 20;

/// One engine, its clock and what its driver remembers.
#[derive(Debug)]
pub(crate) struct Driver {
    engine: Connection,
    config: Config,
    is_client: bool,
    now: Instant,
    input: BytesMut,
    output: Output,
    /// Counted once the peer's bytes begin with whole frames.
    credit: Option<Credit>,
    streams: BTreeMap<u32, Seen>,
    /// Bytes of DATA that were not released.
    unread: usize,
    /// Bytes that we gave the engine to send.
    given: usize,
    pings: usize,
    waits_for_stream: bool,
    is_closed: bool,
    held_before: isize,
}

/// What the driver has heard of a stream.
#[derive(Debug, Default)]
struct Seen {
    has_head: bool,
    recv_ended: bool,
    is_gone: bool,
    unread: usize,
}

/// What a program does of its own will.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Action {
    Request,
    Head,
    Informational,
    Data(usize),
    LastData(usize),
    Trailers,
    Reset,
    Release(usize),
    Finish,
    Ping,
    Trim,
    Shutdown,
    Close,
}

impl Driver {
    pub(crate) fn new(is_client: bool, config: Config) -> Self {
        let held_before = meter::held();
        let now = Instant::now();
        let engine = match is_client {
            true => Connection::client(config.clone(), now),
            false => Connection::server(config.clone(), now),
        };
        Self {
            engine,
            config,
            is_client,
            now,
            input: BytesMut::new(),
            output: Output::new(is_client),
            credit: None,
            streams: BTreeMap::new(),
            unread: 0,
            given: 0,
            pings: 0,
            waits_for_stream: false,
            is_closed: false,
            held_before,
        }
    }

    /// Shakes hands as a peer with these SETTINGS does.
    pub(crate) fn shake_hands(&mut self, settings: &[u8]) {
        self.credit = Some(Credit::new(self.is_client, &self.config));
        if !self.is_client {
            self.feed(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        }
        self.feed(&[&[0, 0, settings.len() as u8, 4, 0, 0, 0, 0, 0], settings].concat());
        self.feed(&[0, 0, 0, 4, 1, 0, 0, 0, 0]);
    }

    /// Tells the reader of the output that the peer may have allowed larger frames.
    pub(crate) fn allow_frames_of(&mut self, bytes: usize) {
        self.output.max_frame = self.output.max_frame.max(bytes);
    }

    /// Gives what the peer sent, in pieces as a socket does.
    pub(crate) fn feed(&mut self, bytes: &[u8]) {
        for piece in bytes.chunks(READ_BYTES) {
            if !self.engine.wants_input() {
                self.write(usize::MAX);
                assert!(self.engine.wants_input(), "an engine that has nothing to write reads");
            }
            if let Some(credit) = self.credit.as_mut().filter(|_| !self.is_closed) {
                credit.use_up(piece);
            }
            self.input.extend_from_slice(piece);
            self.engine.handle_input(self.now, &mut self.input);
            assert!(self.input.len() <= 9 + self.config.max_frame_bytes.max(1 << 14) as usize);
            assert!(self.engine.needed_bytes() <= 9 + self.config.max_frame_bytes.max(1 << 14) as usize);
            self.observe(piece.len());
        }
    }

    /// Lets time pass; whatever falls due is handled in its order.
    pub(crate) fn jump(&mut self, time: Duration) {
        let end = self.now + time;
        for handled in 0.. {
            let Some(next) = self.engine.poll_timeout().filter(|next| *next <= end) else { break };
            assert!(handled < 1000, "a deadline that has passed comes back");
            self.now = self.now.max(next);
            self.engine.handle_timeout(self.now);
            self.observe(0);
        }
        self.now = end;
    }

    /// Writes at most `limit` bytes of what the engine has to say.
    pub(crate) fn write(&mut self, limit: usize) {
        let mut left = limit;
        loop {
            let out = self.engine.poll_transmit(self.now);
            let piece = &out.chunk()[..out.chunk().len().min(left)];
            if piece.is_empty() {
                break;
            }
            self.output.push(piece);
            if let Some(credit) = &mut self.credit {
                credit.give(piece);
            }
            let len = piece.len();
            left -= len;
            out.advance(len);
        }
        self.observe(0);
        if left > 0 {
            self.check_credit();
        }
    }

    /// Does something on the `nth` stream from the latest.
    pub(crate) fn act(&mut self, action: Action, nth: usize) {
        let back = nth % self.streams.len().max(1);
        let id = StreamId::new(self.streams.keys().rev().nth(back).copied().unwrap_or(1));
        match action {
            Action::Request => self.request(nth.is_multiple_of(2)),
            Action::Head => self.send_fields(id, &RESPONSE, End::Open),
            Action::Informational => self.send_fields(id, &[(":status", "103")], End::Open),
            Action::Trailers => self.send_fields(id, &TRAILERS, End::Stream),
            Action::Data(len) => self.send_data(id, len, End::Open),
            Action::LastData(len) => self.send_data(id, len, End::Stream),
            Action::Reset => {
                self.engine.send_reset(id, ErrorCode::Cancel);
                self.forget(id);
            }
            Action::Release(bytes) => self.release(id, bytes),
            Action::Finish => {
                self.engine.finish_stream(id);
                self.forget(id);
            }
            Action::Ping => {
                self.engine.send_ping(*b"userping");
                self.pings += 1;
                self.given += 17;
            }
            Action::Trim => self.engine.trim(),
            Action::Shutdown => self.engine.shutdown(self.now),
            Action::Close => self.engine.close(ErrorCode::InternalError, "as the program wishes"),
        }
        self.observe(0);
    }

    fn request(&mut self, is_last: bool) {
        let end = if is_last { End::Stream } else { End::Open };
        match self.engine.send_request(None, &fields_of(&REQUEST), end) {
            Ok(id) => {
                assert!(self.streams.insert(id.as_u32(), Seen::default()).is_none());
                self.given += 200;
            }
            Err(error) => self.waits_for_stream |= error == OpenError::StreamLimit,
        }
    }

    fn send_fields(&mut self, id: StreamId, pairs: &[(&str, &str)], end: End) {
        if self.engine.send_headers(id, None, &fields_of(pairs), end).is_ok() {
            self.given += 200;
        }
    }

    fn send_data(&mut self, id: StreamId, len: usize, end: End) {
        if self.engine.send_backlog(id) < 1 << 20 && self.engine.send_data(id, Bytes::from(vec![7; len]), end).is_ok() {
            self.given += len + 9;
        }
    }

    fn release(&mut self, id: StreamId, bytes: usize) {
        let Some(seen) = self.streams.get_mut(&id.as_u32()) else { return };
        let bytes = bytes.min(seen.unread);
        seen.unread -= bytes;
        self.unread -= bytes;
        self.engine.release(id, bytes);
    }

    /// No event may come for this stream any more.
    fn forget(&mut self, id: StreamId) {
        if let Some(seen) = self.streams.get_mut(&id.as_u32()) {
            seen.is_gone = true;
        }
    }

    /// Ends the connection from the peer's side: the engine must come to its end as well.
    pub(crate) fn finish(mut self) {
        for id in self.streams.keys().copied().collect::<Vec<_>>() {
            self.release(StreamId::new(id), usize::MAX);
        }
        self.write(usize::MAX);
        self.engine.handle_eof(self.now);
        self.observe(0);
        self.write(usize::MAX);
        assert!(self.engine.is_closed() && self.is_closed);
        assert_eq!(self.engine.poll_timeout(), None);
        assert_eq!(self.engine.open_streams(), 0);
    }

    /// Everything was written: bytes that were released, or that nobody has to release, have given their credit back.
    fn check_credit(&self) {
        let Some(credit) = self.credit.as_ref().filter(|_| !self.is_closed) else { return };
        if self.unread == 0 {
            credit.check_connection();
        }
        for (id, seen) in &self.streams {
            if seen.has_head && !seen.recv_ended && !seen.is_gone && seen.unread == 0 {
                credit.check_stream(*id);
            }
        }
    }

    /// Takes all events, and looks at what the engine keeps. `fed` is how many bytes it was given just now.
    fn observe(&mut self, fed: usize) {
        let mut events = 0;
        while let Some(event) = self.engine.poll_event() {
            events += 1;
            self.note(event);
        }
        // A frame has nine bytes at least; the streams all end with the connection.
        assert!(events <= fed / 9 + 2 * self.streams.len() + 8, "{events} events of {fed} bytes");
        let limits = &self.config.limits;
        if !self.is_client {
            // Those that have ended well may stay a while beside as many that run.
            assert!(self.engine.open_streams() <= 2 * limits.max_concurrent_streams as usize);
        }
        // Unread bytes keep the window small, but never below what every connection starts with.
        assert!(self.unread <= self.config.max_connection_window_bytes.max(65_535) as usize);
        let answers = limits.max_queued_control_frames * 17 + 4 * READ_BYTES;
        let out = limits.max_stuck_output_bytes.max(limits.max_output_bytes) + answers;
        let streams = self.engine.open_streams().max(self.streams.len()) * 512;
        let bound = 2 * (self.given + out + self.input.capacity()) + streams + ENGINE_BYTES;
        let held = meter::held() - self.held_before;
        assert!(held <= bound as isize, "holds {held} bytes; {bound} would be enough");
    }

    fn note(&mut self, event: Event) {
        assert!(!self.is_closed, "{event:?} after Closed");
        match event {
            Event::Headers { id, fields, end } => {
                self.check_fields(&fields);
                let seen = self.opened(id);
                assert!(!seen.has_head, "a second head");
                seen.has_head = true;
                seen.recv_ended = end;
            }
            Event::Request { id, fields, body } => {
                assert!(!self.is_client, "a request to a client");
                self.check_fields(&fields);
                let bytes = body.as_ref().map_or(0, Bytes::len);
                let seen = self.opened(id);
                assert!(!seen.has_head, "a second head");
                *seen = Seen { has_head: true, recv_ended: body.is_some(), unread: bytes, ..Seen::default() };
                self.unread += bytes;
            }
            Event::HeadersTooLarge { id, end } => {
                let seen = self.opened(id);
                assert!(!seen.has_head || end, "too large trailers that end nothing");
                seen.has_head = true;
                seen.recv_ended = end;
            }
            Event::Informational { id, fields } => {
                self.check_fields(&fields);
                assert!(self.is_client && !self.opened(id).has_head);
            }
            Event::Data { id, data, flow_bytes, end } => {
                assert_eq!(data.len(), flow_bytes);
                let seen = self.opened(id);
                assert!(seen.has_head, "DATA before the head");
                seen.recv_ended = end;
                seen.unread += flow_bytes;
                self.unread += flow_bytes;
            }
            Event::Trailers { id, fields } => {
                self.check_fields(&fields);
                let seen = self.opened(id);
                assert!(seen.has_head, "trailers before the head");
                seen.recv_ended = true;
            }
            Event::Reset { id, .. } => {
                let seen = self.streams.get_mut(&id.as_u32()).expect("a reset of a stream that we know");
                assert!(!seen.is_gone, "a second end of stream {id}");
                seen.is_gone = true;
            }
            Event::PingAck { .. } => self.pings = self.pings.checked_sub(1).expect("the answer to a ping of ours"),
            Event::StreamsAvailable => assert!(std::mem::take(&mut self.waits_for_stream), "nobody waits"),
            Event::Closed { .. } => self.is_closed = true,
            Event::GoingAway { debug, .. } => assert!(debug.len() <= 1024),
            _ => {}
        }
    }

    /// The stream of an event that something arrived.
    fn opened(&mut self, id: StreamId) -> &mut Seen {
        if !self.is_client {
            assert!(id.as_u32() % 2 == 1, "{id} is no client's stream");
            self.streams.entry(id.as_u32()).or_default();
        }
        let seen = self.streams.get_mut(&id.as_u32()).expect("a stream that we opened");
        assert!(!seen.recv_ended && !seen.is_gone, "something arrives on stream {id} after its end");
        seen
    }

    /// A list is within its limits, and what was attached to it or to the table belongs to these very fields.
    fn check_fields(&mut self, fields: &HeaderList) {
        let limits = &self.config.limits;
        assert!(fields.len() <= limits.max_header_fields);
        assert!(fields.list_bytes() <= limits.max_header_list_bytes as usize);
        let digest = format!("{fields:?}");
        match fields.attachment().and_then(|attached| attached.downcast_ref::<String>()) {
            Some(attached) => assert_eq!(*attached, digest),
            None => fields.set_attachment(Arc::new(digest)),
        }
        for field in fields {
            let tag = checksum(field.name).wrapping_add(checksum(field.value)) | 1;
            assert!(field.tag == 0 || field.tag == tag, "the tag of another field");
            if let Some(entry) = field.entry {
                self.engine.set_tag(entry, tag);
            }
        }
    }
}

fn checksum(text: &[u8]) -> u32 {
    text.iter().fold(text.len() as u32 + 1, |sum, byte| sum.wrapping_mul(16_777_619) ^ u32::from(*byte))
}
