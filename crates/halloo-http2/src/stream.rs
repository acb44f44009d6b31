//! One stream: its two halves (RFC 9113 section 5.1), its windows and what waits to be sent on it.
//! Moves through its states; writes no frame and knows no other stream.
//!
//! ```text
//!   receiving: Head -> Body -> Ended        Active --(both Ended)--> Closed(Finished)
//!   sending:   Head -> Body -> Ending -> Ended     --(RST_STREAM)--> Closed(Reset..)
//! ```

use crate::error::{SendError, Violation};
use crate::event::{End, StreamId};
use crate::headers::{Block, HeaderList, Template};
use crate::window::{RecvWindow, SendWindow};
use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::time::Instant;

/// What the table holds for a stream.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) id: StreamId,
    pub(crate) state: State,
    pub(crate) recv_window: RecvWindow,
    pub(crate) send_window: SendWindow,
    /// Bytes of DATA that content-length still promises.
    pub(crate) promised: Option<u64>,
    /// The request was HEAD: its response promises what it does not send (RFC 9110 section 9.3.2).
    pub(crate) is_head: bool,
    /// The driver has no more to do with it, and hears no more of it.
    pub(crate) is_finished: bool,
    pub(crate) opened: Instant,
    /// Since when data waits for this stream's window alone.
    pub(crate) stalled_since: Option<Instant>,
    /// What waits to be sent; `None` on the usual way straight to the output.
    pub(crate) backlog: Option<Box<Backlog>>,
}

/// Where a stream is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Active {
        recv: Receiving,
        send: Sending,
    },
    /// Closed, and in the table only because the driver's work for it has not ended.
    Closed(Cause),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiving {
    /// The client waits for a final response head.
    Head,
    Body,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sending {
    /// The server has not sent a final response head.
    Head,
    Body,
    /// END_STREAM or trailers wait behind the backlog.
    Ending,
    Ended,
}

/// What closed a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    Finished,
    ResetHere,
    ResetByPeer,
}

impl Stream {
    /// Whether frames may still pass in some direction.
    #[inline]
    pub(crate) fn is_active(&self) -> bool {
        matches!(self.state, State::Active { .. })
    }

    #[inline]
    pub(crate) fn recv_ended(&self) -> bool {
        !matches!(self.state, State::Active { recv: Receiving::Head | Receiving::Body, .. })
    }

    /// Takes END_STREAM; true when that closed the stream.
    #[inline]
    pub(crate) fn end_recv(&mut self) -> bool {
        match &mut self.state {
            State::Active { send: Sending::Ended, .. } => self.state = State::Closed(Cause::Finished),
            State::Active { recv, .. } => {
                *recv = Receiving::Ended;
                return false;
            }
            State::Closed(_) => {}
        }
        true
    }

    /// Sets how far this side is, on the paths that leave the usual order.
    #[cold]
    pub(crate) fn set_sending(&mut self, sending: Sending) {
        if let State::Active { send, .. } = &mut self.state {
            *send = sending;
        }
    }

    /// END_STREAM went to the output; true when that closed the stream.
    #[inline]
    pub(crate) fn end_send(&mut self) -> bool {
        match &mut self.state {
            State::Active { recv: Receiving::Ended, .. } => self.state = State::Closed(Cause::Finished),
            State::Active { send, .. } => {
                *send = Sending::Ended;
                return false;
            }
            State::Closed(_) => {}
        }
        true
    }

    /// Whether DATA may be handed in for sending.
    #[inline]
    pub(crate) fn check_send_data(&self) -> Result<(), SendError> {
        match self.state {
            State::Active { send: Sending::Body, .. } => Ok(()),
            State::Active { send: Sending::Head, .. } => Err(SendError::OutOfOrder),
            State::Active { .. } => Err(SendError::Ended),
            State::Closed(_) => Err(SendError::Gone),
        }
    }

    /// Whether DATA may arrive, and fits what content-length promised.
    #[inline]
    pub(crate) fn check_recv_data(&mut self, bytes: usize, end: bool) -> Result<(), Violation> {
        match self.state {
            State::Active { recv: Receiving::Body, .. } => {}
            State::Active { recv: Receiving::Head, .. } => return Err(Violation::DataBeforeHead),
            _ => return Err(Violation::HalfClosedStream),
        }
        if let Some(promised) = &mut self.promised {
            match promised.checked_sub(bytes as u64) {
                Some(rest) if rest == 0 || !end => *promised = rest,
                _ => return Err(Violation::ContentLengthMismatch),
            }
        }
        Ok(())
    }

    /// Whether the body may end here.
    pub(crate) fn check_complete(&self) -> Result<(), Violation> {
        match self.promised {
            Some(1..) => Err(Violation::ContentLengthMismatch),
            _ => Ok(()),
        }
    }

    /// Drops what waits and marks the stream closed.
    pub(crate) fn close(&mut self, cause: Cause) {
        self.state = State::Closed(cause);
        self.backlog = None;
        self.stalled_since = None;
    }

    /// Queues data behind what already waits.
    pub(crate) fn queue_data(&mut self, data: Bytes, end: End) {
        let backlog = self.backlog.get_or_insert_default();
        backlog.push(data);
        if end == End::Stream {
            backlog.ending = Some(Ending::Data);
            self.queue_end();
        }
    }

    /// Queues trailers behind what already waits.
    pub(crate) fn queue_trailers(&mut self, block: Block<'_>) {
        let trailers = Trailers { template: block.template.cloned(), fields: block.fields.clone() };
        self.backlog.get_or_insert_default().ending = Some(Ending::Trailers(Box::new(trailers)));
        self.queue_end();
    }

    fn queue_end(&mut self) {
        if let State::Active { send, .. } = &mut self.state {
            *send = Sending::Ending;
        }
    }

    pub(crate) fn backlog_bytes(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.bytes)
    }
}

/// Data that windows, other streams' turns or a full output keep from leaving, and how the stream ends after it.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    chunks: VecDeque<Chunk>,
    pub(crate) bytes: usize,
    pub(crate) ending: Option<Ending>,
    /// It was above the mark under which the driver hears that the stream is writable.
    was_high: bool,
}

/// What follows the last byte of a backlog.
#[derive(Debug)]
pub(crate) enum Ending {
    Data,
    Trailers(Box<Trailers>),
}

/// Trailers that wait: they pass HPACK only when they leave, because blocks must be encoded in wire order.
#[derive(Debug)]
pub(crate) struct Trailers {
    template: Option<Template>,
    fields: HeaderList,
}

impl Trailers {
    pub(crate) fn block(&self) -> Block<'_> {
        Block { template: self.template.as_ref(), fields: &self.fields }
    }
}

#[derive(Debug)]
enum Chunk {
    Whole(Bytes),
    /// Small writes, joined.
    Joined(BytesMut),
}

/// From this size on a chunk keeps its own memory on its way to the socket.
pub(crate) const WHOLE_BYTES: usize = 4096;
/// Below this many waiting bytes the driver hears that the stream is writable.
pub(crate) const WRITABLE_BYTES: usize = 32 << 10;

impl Backlog {
    fn push(&mut self, data: Bytes) {
        if data.is_empty() {
            return;
        }
        self.bytes += data.len();
        self.was_high |= self.bytes >= WRITABLE_BYTES;
        if data.len() >= WHOLE_BYTES {
            self.chunks.push_back(Chunk::Whole(data));
            return;
        }
        match self.chunks.back_mut() {
            Some(Chunk::Joined(tail)) if tail.len() + data.len() <= 4 * WHOLE_BYTES => tail.extend_from_slice(&data),
            _ => self.chunks.push_back(Chunk::Joined(BytesMut::from(&data[..]))),
        }
    }

    /// Hands out the next piece of at most `limit` bytes.
    pub(crate) fn take(&mut self, limit: usize) -> Bytes {
        let Some(front) = self.chunks.front_mut() else { return Bytes::new() };
        let len = front.len().min(limit);
        let piece = match front {
            Chunk::Whole(data) => data.split_to(len),
            Chunk::Joined(data) => data.split_to(len).freeze(),
        };
        if !front.has_remaining() {
            self.chunks.pop_front();
        }
        self.bytes -= len;
        piece
    }

    /// True once, when so little waits again that more may be handed in.
    pub(crate) fn became_writable(&mut self) -> bool {
        let writable = self.was_high && self.bytes < WRITABLE_BYTES;
        if writable {
            self.was_high = false;
        }
        writable
    }
}

impl Chunk {
    fn len(&self) -> usize {
        match self {
            Self::Whole(data) => data.len(),
            Self::Joined(data) => data.len(),
        }
    }

    fn has_remaining(&self) -> bool {
        match self {
            Self::Whole(data) => data.has_remaining(),
            Self::Joined(data) => data.has_remaining(),
        }
    }
}
