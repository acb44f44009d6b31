//! One direction of a call: message bytes on their way from a writer to a reader.
//!
//! Owns the bytes, the limit's bookkeeping and the two wakers. It is always behind the exchange's lock and
//! knows neither messages nor wires: what flows is the sequence of envelopes (five-byte prefix and payload),
//! or plain body bytes where the call is not an RPC.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::{Buf, Bytes};
use halloo_core::{DrainedPiece, EncodeBuffer};

/// gRPC's Length-Prefixed-Message: a flag and four bytes of length.
const PREFIX_BYTES: usize = 5;

/// The body of `chunk` if that is exactly one uncompressed envelope of at most `max_bytes`; else `chunk` itself.
pub(crate) fn unwrap_whole_envelope(mut chunk: Bytes, max_bytes: usize) -> Result<Bytes, Bytes> {
    if !is_whole_envelope(&chunk, max_bytes) {
        return Err(chunk);
    }
    chunk.advance(PREFIX_BYTES);
    Ok(chunk)
}

fn is_whole_envelope(chunk: &[u8], max_bytes: usize) -> bool {
    let Some([0, length @ ..]) = chunk.first_chunk::<PREFIX_BYTES>() else { return false };
    let body_bytes = chunk.len() - PREFIX_BYTES;
    u32::from_be_bytes(*length) as usize == body_bytes && body_bytes <= max_bytes
}

/// When a waiting reader wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// On anything: head, bytes or end.
    Any,
    /// On the end, or once this many bytes wait (so that flow control never stalls a long message).
    EndOrBytes(usize),
}

#[derive(Debug, Default)]
pub(crate) struct Pipe {
    content: Content,
    /// Bytes that the reader took since the writer last asked.
    taken: usize,
    reader: Option<(Waker, Interest)>,
    writer: Option<(Waker, usize)>,
}

/// What waits to be read. A pipe is fed by one writer, so it holds one kind.
#[derive(Debug, Default)]
enum Content {
    #[default]
    Nothing,
    /// What a driver received; most messages are one chunk, and a queue would cost an allocation.
    Chunk(Bytes),
    /// Several, and how many bytes they have together: a peer may send one byte at a time.
    Chunks(VecDeque<Bytes>, usize),
    /// What a `MessageSender` encoded.
    Encoded(EncodeBuffer),
}

impl Pipe {
    pub(crate) fn buffered(&self) -> usize {
        match &self.content {
            Content::Nothing => 0,
            Content::Chunk(chunk) => chunk.len(),
            Content::Chunks(_, bytes) => *bytes,
            Content::Encoded(buffer) => buffer.len(),
        }
    }

    /// The buffer that a sender encodes into.
    #[inline]
    pub(crate) fn encoded_mut(&mut self) -> &mut EncodeBuffer {
        if !matches!(self.content, Content::Encoded(_)) {
            self.begin_encoding();
        }
        match &mut self.content {
            Content::Encoded(buffer) => buffer,
            _ => unreachable!("it was made just above"),
        }
    }

    #[cold]
    fn begin_encoding(&mut self) {
        let mut buffer = EncodeBuffer::new();
        self.drain(&mut |chunk| buffer.put_bytes(chunk));
        self.content = Content::Encoded(buffer);
    }

    pub(crate) fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        match &mut self.content {
            Content::Nothing => self.content = Content::Chunk(chunk),
            Content::Chunk(first) => {
                let bytes = first.len() + chunk.len();
                self.content = Content::Chunks(VecDeque::from([std::mem::take(first), chunk]), bytes);
            }
            Content::Chunks(chunks, bytes) => {
                *bytes += chunk.len();
                chunks.push_back(chunk);
            }
            Content::Encoded(buffer) => buffer.put_bytes(chunk),
        }
    }

    /// Puts bytes back that were taken, in front of the content.
    pub(crate) fn put_back(&mut self, mut chunks: Vec<Bytes>) {
        let bytes: usize = chunks.iter().map(Bytes::len).sum();
        self.taken = self.taken.saturating_sub(bytes);
        self.drain(&mut |chunk| chunks.push(chunk));
        chunks.into_iter().for_each(|chunk| self.push(chunk));
    }

    /// Takes the content if it is one chunk of exactly one uncompressed envelope, and returns its body.
    pub(crate) fn take_whole_envelope(&mut self, max_bytes: usize) -> Option<Bytes> {
        let Content::Chunk(chunk) = &mut self.content else { return None };
        if !is_whole_envelope(chunk, max_bytes) {
            return None;
        }
        let mut body = std::mem::take(chunk);
        self.taken += body.len();
        self.content = Content::Nothing;
        body.advance(PREFIX_BYTES);
        Some(body)
    }

    /// Lends what was encoded to `sink`, if that is one piece, and drops it if `sink` says that it has used it.
    pub(crate) fn take_whole(&mut self, sink: impl FnOnce(&[u8]) -> bool) -> bool {
        let Content::Encoded(buffer) = &mut self.content else { return false };
        let is_taken = buffer.whole().is_some_and(sink);
        if is_taken {
            buffer.clear();
        }
        is_taken
    }

    /// Empties it for another call; a buffer that is not too large stays.
    #[inline]
    pub(crate) fn reset(&mut self) {
        match &mut self.content {
            Content::Nothing => {}
            Content::Encoded(buffer) if buffer.is_empty() => {}
            _ => self.empty(),
        }
        self.taken = 0;
        if self.is_awaited() {
            (self.reader, self.writer) = (None, None);
        }
    }

    #[cold]
    fn empty(&mut self) {
        match &mut self.content {
            Content::Encoded(buffer) => buffer.clear(),
            content => *content = Content::Nothing,
        }
    }

    /// Hands all bytes to `sink` and returns how many they were.
    pub(crate) fn take(&mut self, mut sink: impl FnMut(Bytes)) -> usize {
        let bytes = self.drain(&mut sink);
        self.taken += bytes;
        bytes
    }

    /// As [`take`](Self::take), lending what is small and will be copied anyway.
    pub(crate) fn take_pieces(&mut self, mut sink: impl FnMut(DrainedPiece<'_>)) -> usize {
        let bytes = match &mut self.content {
            Content::Encoded(buffer) => {
                let bytes = buffer.len();
                buffer.drain_pieces(sink);
                bytes
            }
            _ => self.drain(&mut |chunk| sink(DrainedPiece::Whole(chunk))),
        };
        self.taken += bytes;
        bytes
    }

    fn drain(&mut self, sink: &mut impl FnMut(Bytes)) -> usize {
        match &mut self.content {
            Content::Nothing => 0,
            Content::Chunk(chunk) => {
                let chunk = std::mem::take(chunk);
                self.content = Content::Nothing;
                let bytes = chunk.len();
                sink(chunk);
                bytes
            }
            Content::Chunks(chunks, bytes) => {
                chunks.drain(..).for_each(sink);
                std::mem::take(bytes)
            }
            Content::Encoded(buffer) if buffer.is_empty() => 0,
            Content::Encoded(buffer) => {
                let bytes = buffer.len();
                buffer.drain(sink);
                bytes
            }
        }
    }

    /// Drops what is buffered; the writer still learns that it is gone.
    pub(crate) fn discard(&mut self) {
        self.take(drop);
    }

    /// Bytes taken since the last call: flow-control credit for a driver.
    pub(crate) fn take_credit(&mut self) -> usize {
        std::mem::take(&mut self.taken)
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.reader.is_some() || self.writer.is_some()
    }

    pub(crate) fn wait_to_read(&mut self, waker: &Waker, interest: Interest) {
        match &mut self.reader {
            Some((known, known_interest)) if known.will_wake(waker) => *known_interest = interest,
            slot => *slot = Some((waker.clone(), interest)),
        }
    }

    /// The writer is woken once `step` bytes were taken.
    pub(crate) fn wait_to_write(&mut self, waker: &Waker, step: usize) {
        match &mut self.writer {
            Some((known, known_step)) if known.will_wake(waker) => *known_step = step,
            slot => *slot = Some((waker.clone(), step)),
        }
    }

    /// The reader's waker, if what happened is what it waits for.
    pub(crate) fn reader_to_wake(&mut self, ended: bool) -> Option<Waker> {
        let ready = match self.reader.as_ref()?.1 {
            Interest::Any => true,
            Interest::EndOrBytes(bytes) => ended || self.buffered() >= bytes,
        };
        if ready { self.reader.take().map(|(waker, _)| waker) } else { None }
    }

    /// The writer's waker, if enough was taken (or `always`, at the end of the call).
    pub(crate) fn writer_to_wake(&mut self, always: bool) -> Option<Waker> {
        let ready = always || self.taken >= self.writer.as_ref()?.1;
        if ready { self.writer.take().map(|(waker, _)| waker) } else { None }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/exchange/pipe.rs"]
mod tests;
