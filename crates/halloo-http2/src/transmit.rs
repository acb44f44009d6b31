//! The output: frames in wire order, small ones in one buffer and large payloads as pieces of their own.
//! Filled by `send.rs`; the driver writes it to the socket and advances it.

use crate::error::ErrorCode;
use crate::event::{End, StreamId};
use crate::frame::{self, Flags, HEAD_BYTES, Head, Kind};
use crate::stream::WHOLE_BYTES;
use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::IoSlice;

/// Holds bytes that are ready to be written, in order. Read it through [`Buf`].
///
/// Memory: [`Limits::max_output_bytes`](crate::Limits::max_output_bytes) of DATA at most, and what was sent besides.
#[derive(Debug, Default)]
pub struct Transmit {
    /// Frames, and the heads of frames whose payload is in `pieces`.
    buffer: Vec<u8>,
    /// How much of `buffer` is written already.
    start: usize,
    pieces: VecDeque<Piece>,
    piece_bytes: usize,
    /// The DATA frame that ends the buffer; bytes of the same stream may still join it.
    open: Option<OpenFrame>,
    /// Answers to the peer, and where in the buffer the last of them ends.
    answers: usize,
    answers_end: usize,
    written: u64,
}

/// A payload that comes after `at` bytes of the buffer.
#[derive(Debug)]
struct Piece {
    at: usize,
    bytes: Bytes,
}

#[derive(Clone, Copy, Debug)]
struct OpenFrame {
    stream: StreamId,
    /// Where its head starts.
    at: usize,
    len: usize,
}

impl Transmit {
    /// Returns how many bytes wait to be written.
    #[inline]
    pub fn len(&self) -> usize {
        self.buffer.len() - self.start + self.piece_bytes
    }

    /// Returns whether everything was written.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes written since the connection began: whether there was progress.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Answers to the peer that wait to be written.
    #[inline]
    pub(crate) fn queued_answers(&self) -> usize {
        self.answers
    }

    /// The buffer, for whole frames other than DATA.
    #[inline]
    pub(crate) fn frames(&mut self) -> &mut Vec<u8> {
        self.open = None;
        &mut self.buffer
    }

    /// Appends an answer to something that the peer did: how many of them wait is limited.
    pub(crate) fn answer(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(self.frames());
        self.answers += 1;
        self.answers_end = self.buffer.len();
    }

    pub(crate) fn push_reset(&mut self, stream: StreamId, code: ErrorCode) {
        self.answer(|out| frame::write_reset(out, stream.as_u32(), code));
    }

    /// Appends DATA of at most `max_frame` bytes that window and turn allow; small data joins the frame before it.
    #[inline]
    pub(crate) fn push_data(&mut self, stream: StreamId, data: Bytes, end: End, max_frame: usize) {
        if data.len() < WHOLE_BYTES {
            return self.push_copy(stream, &data, end, max_frame);
        }
        self.push_data_head(stream, data.len(), end);
        self.push_piece(data);
    }

    /// As `push_data`, for data that is copied whatever its size.
    #[inline]
    pub(crate) fn push_copy(&mut self, stream: StreamId, data: &[u8], end: End, max_frame: usize) {
        if let Some(open) = self.open
            && open.stream == stream
            && open.at >= self.start
            && open.len + data.len() <= max_frame
        {
            self.join(open, data, end);
            return;
        }
        let at = self.push_data_head(stream, data.len(), end);
        self.buffer.extend_from_slice(data);
        let len = data.len();
        self.open = (end == End::Open).then_some(OpenFrame { stream, at, len });
    }

    /// Appends a DATA frame that nothing may join.
    #[inline]
    pub(crate) fn push_whole_copy(&mut self, stream: StreamId, data: &[u8]) {
        self.push_data_head(stream, data.len(), End::Open);
        self.buffer.extend_from_slice(data);
    }

    /// Appends the head of a DATA frame, whose payload follows with `push_payload`.
    #[inline]
    pub(crate) fn push_data_head(&mut self, stream: StreamId, len: usize, end: End) -> usize {
        let flags = if end == End::Stream { Flags::END_STREAM } else { Flags::NONE };
        let at = self.buffer.len();
        Head { len, kind: Kind::DATA, flags, stream: stream.as_u32() }.write(self.frames());
        at
    }

    /// Appends a part of the payload that the last head announced.
    pub(crate) fn push_payload(&mut self, part: Bytes) {
        if part.len() >= WHOLE_BYTES {
            self.push_piece(part);
        } else {
            self.buffer.extend_from_slice(&part);
        }
    }

    fn push_piece(&mut self, bytes: Bytes) {
        self.piece_bytes += bytes.len();
        self.pieces.push_back(Piece { at: self.buffer.len(), bytes });
    }

    fn join(&mut self, open: OpenFrame, data: &[u8], end: End) {
        self.buffer.extend_from_slice(data);
        let len = open.len + data.len();
        let flags = if end == End::Stream { Flags::END_STREAM } else { Flags::NONE };
        let head = Head { len, kind: Kind::DATA, flags, stream: open.stream.as_u32() };
        self.buffer[open.at..open.at + HEAD_BYTES].copy_from_slice(&head.to_bytes());
        self.open = (end == End::Open).then_some(OpenFrame { len, ..open });
    }

    /// Moves the unwritten rest to the front of the buffer when more than half of it is written.
    pub(crate) fn compact(&mut self) {
        if self.start < COMPACT_BYTES || self.start * 2 < self.buffer.len() {
            return;
        }
        let written = std::mem::take(&mut self.start);
        self.buffer.copy_within(written.., 0);
        self.buffer.truncate(self.buffer.len() - written);
        self.open = None;
        self.answers_end = self.answers_end.saturating_sub(written);
        for piece in &mut self.pieces {
            piece.at -= written;
        }
    }

    /// Drops what waits: nobody is there to write to.
    pub(crate) fn discard(&mut self) {
        *self = Self { written: self.written, ..Self::default() };
    }

    /// Gives memory back while nothing waits.
    pub(crate) fn trim(&mut self) {
        if self.is_empty() {
            self.discard();
        }
    }

    /// The first bytes to write.
    fn front(&self) -> &[u8] {
        match self.pieces.front() {
            Some(piece) if piece.at == self.start => &piece.bytes,
            Some(piece) => &self.buffer[self.start..piece.at],
            None => &self.buffer[self.start..],
        }
    }

    fn reset(&mut self) {
        self.buffer.clear();
        self.start = 0;
        self.open = None;
        self.answers = 0;
        self.answers_end = 0;
    }
}

/// A written part below this is not worth moving the rest for.
const COMPACT_BYTES: usize = 64 << 10;

impl Buf for Transmit {
    fn remaining(&self) -> usize {
        self.len()
    }

    fn chunk(&self) -> &[u8] {
        self.front()
    }

    fn advance(&mut self, count: usize) {
        assert!(count <= self.len(), "cannot advance past what waits to be written");
        self.written += count as u64;
        let mut left = count;
        while left > 0 {
            let step = self.front().len().min(left);
            left -= step;
            match self.pieces.front_mut() {
                Some(piece) if piece.at == self.start => {
                    piece.bytes.advance(step);
                    self.piece_bytes -= step;
                    if piece.bytes.is_empty() {
                        self.pieces.pop_front();
                    }
                }
                _ => self.start += step,
            }
        }
        if self.is_empty() {
            self.reset();
        } else if self.start >= self.answers_end {
            self.answers = 0;
        }
    }

    fn chunks_vectored<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let places = slices.len();
        let mut filled = 0;
        let mut put = |bytes: &'a [u8]| {
            if !bytes.is_empty() && filled < places {
                slices[filled] = IoSlice::new(bytes);
                filled += 1;
            }
        };
        let mut at = self.start;
        // Each piece fills a slice at least, so when there are more of them the rest finds no place.
        for piece in self.pieces.iter().take(places) {
            put(&self.buffer[at..piece.at]);
            put(&piece.bytes);
            at = piece.at;
        }
        put(&self.buffer[at..]);
        filled
    }
}

#[cfg(test)]
#[path = "../tests/unit/transmit.rs"]
mod tests;
