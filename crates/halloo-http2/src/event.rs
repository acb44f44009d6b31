//! What the engine tells its driver, and the queue in which it waits to be taken.
//! Small DATA payloads are copied together here, so that they do not pin the driver's read buffer.

use crate::error::{Error, ErrorCode};
use crate::headers::HeaderList;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

/// Identifies a stream within its connection (RFC 9113 section 5.1.1): 31 bits, odd when the client opened it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(u32);

impl StreamId {
    /// The greatest id; a GOAWAY that names it refuses nothing yet.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// Makes an id; the reserved 32nd bit is dropped.
    pub const fn new(id: u32) -> Self {
        Self(id & Self::MAX.0)
    }

    /// Returns the number on the wire.
    pub const fn as_u32(self) -> u32 {
        self.0
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Says whether something is the last that a side sends on a stream (END_STREAM).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// More follows.
    Open,
    /// The stream's sending side ends here.
    Stream,
}

/// Says who ended a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The peer sent RST_STREAM, or refused the stream by GOAWAY.
    Peer,
    /// This side sent RST_STREAM, because the peer broke a rule on the stream.
    Local,
    /// The whole connection ended under the stream.
    Connection,
}

/// Tells the driver what happened. Taken with [`Connection::poll_event`](crate::Connection::poll_event).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A request head (server) or a final response head (client) arrived.
    Headers {
        /// The stream, which a server hears of here for the first time.
        id: StreamId,
        /// The fields, pseudo-headers first; validated against RFC 9113 sections 8.2 and 8.3.
        fields: Arc<HeaderList>,
        /// The peer sends nothing more on this stream.
        end: bool,
    },
    /// A header list was over [`Limits::max_header_list_bytes`](crate::Limits::max_header_list_bytes) or
    /// [`Limits::max_header_fields`](crate::Limits::max_header_fields): its fields were not kept.
    ///
    /// The stream lives: answer it with an error head or reset it.
    HeadersTooLarge {
        /// The stream; a server may hear of it here for the first time.
        id: StreamId,
        /// The peer sends nothing more on this stream.
        end: bool,
    },
    /// An informational (1xx) response arrived; the final head is still to come. Client only.
    Informational {
        /// The stream.
        id: StreamId,
        /// The fields with a `:status` of 1xx.
        fields: Arc<HeaderList>,
    },
    /// As `Headers`, for a request on a server, with all of its body if that came right behind the head, as it does for
    /// most. In its place if [`Config::joins_requests`](crate::Config::joins_requests) says so.
    Request {
        /// The stream.
        id: StreamId,
        /// The fields.
        fields: Arc<HeaderList>,
        /// The body, which then makes no event of its own; its length is what to
        /// [`release`](crate::Connection::release). Empty if the peer sends nothing more.
        body: Option<Bytes>,
    },
    /// A part of the body arrived.
    Data {
        /// The stream.
        id: StreamId,
        /// The payload without padding; may be empty when `end` is set.
        data: Bytes,
        /// What to hand to [`Connection::release`](crate::Connection::release) once the payload was consumed or dropped.
        flow_bytes: usize,
        /// The peer sends nothing more on this stream.
        end: bool,
    },
    /// Trailers arrived; they end the peer's side of the stream.
    Trailers {
        /// The stream.
        id: StreamId,
        /// The fields, none of them a pseudo-header.
        fields: Arc<HeaderList>,
    },
    /// The stream died; nothing more can be sent or received on it.
    Reset {
        /// The stream.
        id: StreamId,
        /// The code sent or received.
        code: ErrorCode,
        /// Who ended it.
        by: Origin,
        /// The rule that was broken, if one was.
        why: Option<&'static str>,
    },
    /// A stream's backlog fell below 32 KiB after having been above.
    Writable {
        /// The stream.
        id: StreamId,
    },
    /// A request can be opened again after [`OpenError::StreamLimit`](crate::OpenError::StreamLimit). Client only.
    StreamsAvailable,
    /// The peer sent GOAWAY: streams above `last_id` are reset with REFUSED_STREAM, the others may finish.
    GoingAway {
        /// The last stream that the peer did or may process.
        last_id: StreamId,
        /// Why.
        code: ErrorCode,
        /// The peer's own words, at most 1 KiB of them.
        debug: Bytes,
    },
    /// The peer's first SETTINGS arrived: the connection speaks HTTP/2.
    Ready,
    /// The peer answered a PING of [`Connection::send_ping`](crate::Connection::send_ping).
    PingAck {
        /// What was sent.
        payload: [u8; 8],
    },
    /// The connection ended; every open stream got its `Reset` before. The last event.
    Closed {
        /// `None` after a graceful end.
        error: Option<Error>,
    },
}

/// Events in order, with the last small DATA payload still open for more bytes of the same stream.
#[derive(Debug, Default)]
pub(crate) struct EventQueue {
    queue: VecDeque<Event>,
    gathering: Option<StreamId>,
    gathered: BytesMut,
}

/// Payloads below this are copied; larger ones stay slices of the read buffer.
pub(crate) const SMALL_DATA_BYTES: usize = 1024;
/// Small payloads of one stream are joined up to this size.
const GATHER_BYTES: usize = 4096;
/// The size of the chunks that they are copied to, unless they are joined: below 1 KiB, from which on the allocator of
/// glibc tidies up all that was freed lately each time that it is asked.
const CHUNK_BYTES: usize = 960;
/// The size of the first of these chunks.
const FIRST_CHUNK_BYTES: usize = 256;

impl EventQueue {
    #[inline]
    pub(crate) fn push(&mut self, event: Event) {
        if self.gathering.is_some() {
            self.flush();
        }
        self.queue.push_back(event);
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<Event> {
        if self.queue.is_empty() && self.gathering.is_some() {
            self.flush();
        }
        self.queue.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.gathering.is_none()
    }

    /// Adds a payload that is not to be copied.
    #[inline]
    pub(crate) fn push_large_data(&mut self, id: StreamId, data: Bytes, end: bool) {
        if self.gathering.is_some() {
            self.flush();
        }
        self.push_data(id, data, end);
    }

    /// Adds DATA: to its request if it is all of the body and right behind the head.
    #[inline(always)]
    fn push_data(&mut self, id: StreamId, data: Bytes, end: bool) {
        match self.queue.back_mut() {
            Some(Event::Request { id: of, body: body @ None, .. }) if end && *of == id => {
                *body = Some(data);
            }
            _ => {
                let flow_bytes = data.len();
                self.queue.push_back(Event::Data { id, data, flow_bytes, end });
            }
        }
    }

    /// Copies a small payload; returns whether it joined the one before, which it does if that was of the same stream.
    #[inline]
    pub(crate) fn push_small_data(&mut self, id: StreamId, data: &[u8], end: bool) -> bool {
        let joins = self.gathering == Some(id) && self.gathered.len() + data.len() <= GATHER_BYTES;
        if !joins && self.gathering.is_some() {
            self.flush();
        }
        if self.gathered.capacity() - self.gathered.len() < data.len() {
            self.make_room(data.len());
        }
        self.gathered.extend_from_slice(data);
        if end {
            self.gathering = None;
            self.push_gathered(id, true);
        } else {
            self.gathering = Some(id);
        }
        joins
    }

    /// Takes the same chunk again when nothing refers to it any more, else allocates the next: as large as a chunk
    /// gets only once there was one, because many connections never have a second.
    #[cold]
    #[inline(never)]
    fn make_room(&mut self, bytes: usize) {
        let wanted = match (self.gathered.capacity(), self.gathered.len()) {
            (0, _) => FIRST_CHUNK_BYTES,
            (_, 0) => CHUNK_BYTES,
            (_, before) => GATHER_BYTES - before,
        };
        self.gathered.reserve(bytes.max(wanted));
    }

    #[inline(never)]
    fn flush(&mut self) {
        if let Some(id) = self.gathering.take() {
            self.push_gathered(id, false);
        }
    }

    #[inline(always)]
    fn push_gathered(&mut self, id: StreamId, end: bool) {
        let data = if self.gathered.is_empty() { Bytes::new() } else { self.gathered.split().freeze() };
        self.push_data(id, data, end);
    }

    /// Gives memory back while nothing is queued.
    pub(crate) fn trim(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/event.rs"]
mod tests;
