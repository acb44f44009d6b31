//! One direction of a call: message bytes on their way from a writer to a reader.
//!
//! Owns the bytes, the limit's bookkeeping and the two wakers. It is always behind the exchange's lock and
//! knows neither messages nor wires: what flows is the sequence of envelopes (five-byte prefix and payload),
//! or plain body bytes where the call is not an RPC.

use std::collections::VecDeque;
use std::task::Waker;

use bytes::Bytes;
use halloo_core::EncodeBuffer;

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
    /// What a driver received, as it came off the wire. The first chunk has a place of its own, because most
    /// messages are one chunk and a queue would cost an allocation.
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
    /// What a `MessageSender` encoded. A pipe is fed by one writer, so only one of the two is in use.
    encoded: EncodeBuffer,
    chunk_bytes: usize,
    /// Bytes that the reader took since the writer last asked.
    taken: usize,
    reader: Option<(Waker, Interest)>,
    writer: Option<(Waker, usize)>,
}

impl Pipe {
    pub(crate) fn buffered(&self) -> usize {
        self.chunk_bytes + self.encoded.len()
    }

    pub(crate) fn encoded_mut(&mut self) -> &mut EncodeBuffer {
        &mut self.encoded
    }

    pub(crate) fn push(&mut self, chunk: Bytes) {
        if chunk.is_empty() {
            return;
        }
        self.chunk_bytes += chunk.len();
        if self.first.is_none() && self.rest.is_empty() {
            self.first = Some(chunk);
        } else {
            self.rest.push_back(chunk);
        }
    }

    /// Hands all bytes to `sink` and returns how many they were.
    pub(crate) fn take(&mut self, mut sink: impl FnMut(Bytes)) -> usize {
        let bytes = self.buffered();
        if bytes == 0 {
            return 0;
        }
        if let Some(first) = self.first.take() {
            sink(first);
        }
        while let Some(chunk) = self.rest.pop_front() {
            sink(chunk);
        }
        if !self.encoded.is_empty() {
            self.encoded.drain(&mut sink);
        }
        self.chunk_bytes = 0;
        self.taken += bytes;
        bytes
    }

    /// Drops what is buffered; the writer still learns that it is gone.
    pub(crate) fn discard(&mut self) {
        self.take(drop);
    }

    /// Bytes taken since the last call: flow-control credit for a driver.
    pub(crate) fn take_credit(&mut self) -> usize {
        std::mem::take(&mut self.taken)
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
