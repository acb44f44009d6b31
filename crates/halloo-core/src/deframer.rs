//! `Deframer`: cuts the bytes of a body into envelopes. Knows neither compression nor message types.
//!
//! ```text
//! +------------+------------------------+---------
//! | flag 1 byte| length 4 bytes, big end | payload ...
//! +------------+------------------------+---------
//! ```

use std::collections::VecDeque;
use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

const PREFIX_BYTES: usize = 5;

/// Chunks below this size are gathered while they wait, so that a body sent in tiny pieces costs what it weighs.
const SMALL_CHUNK_BYTES: usize = 1024;

/// One message as it travels: the payload behind its five-byte prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Whether the payload is compressed with the call's `grpc-encoding`.
    pub compressed: bool,
    /// The payload.
    pub body: Bytes,
}

/// Cuts chunks of a body into envelopes.
///
/// A payload that lies within one chunk is a slice of it; one that spans several is copied together once. Memory is
/// only ever taken for bytes that have arrived, never because a prefix announces them; the window of the stream
/// bounds how many may wait here.
///
/// ```
/// use bytes::Bytes;
/// use halloo_core::Deframer;
///
/// let mut deframer = Deframer::new();
/// deframer.push(Bytes::from_static(b"\0\0\0\0\x05he"));
/// assert_eq!(deframer.next(1024)?, None);
/// deframer.push(Bytes::from_static(b"llo"));
/// assert_eq!(deframer.next(1024)?.map(|envelope| envelope.body), Some(Bytes::from_static(b"hello")));
/// assert!(deframer.is_clean());
/// # Ok::<(), halloo_core::EnvelopeError>(())
/// ```
#[derive(Default)]
pub struct Deframer {
    /// Oldest bytes. Empty only if nothing waits at all, so that a body of one chunk touches nothing else.
    front: Bytes,
    /// Chunks after `front`.
    queue: VecDeque<Bytes>,
    /// Small chunks after `queue`, gathered.
    tail: BytesMut,
    buffered: usize,
}

impl Deframer {
    /// Makes an empty one, which allocates nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds bytes that have arrived.
    pub fn push(&mut self, chunk: Bytes) {
        self.buffered += chunk.len();
        if self.front.is_empty() {
            self.front = chunk;
        } else if chunk.len() < SMALL_CHUNK_BYTES {
            self.tail.extend_from_slice(&chunk);
        } else {
            if !self.tail.is_empty() {
                self.queue.push_back(self.tail.split().freeze());
            }
            self.queue.push_back(chunk);
        }
    }

    /// Takes the next envelope if all of it has arrived. `max` is the limit of its payload in bytes.
    ///
    /// # Errors
    /// As soon as a prefix announces more than `max` bytes, or has a flag that is neither 0 nor 1. The envelope stays
    /// where it is, so each further call with the same limit answers the same.
    pub fn next(&mut self, max: usize) -> Result<Option<Envelope>, EnvelopeError> {
        let Some([flag, length @ ..]) = self.prefix() else {
            return Ok(None);
        };
        if flag > 1 {
            return Err(EnvelopeError::UnknownFlag { flag });
        }
        let size = u32::from_be_bytes(length) as usize;
        if size > max {
            return Err(EnvelopeError::TooLarge { size });
        }
        if self.buffered - PREFIX_BYTES < size {
            return Ok(None);
        }
        self.skip_prefix();
        Ok(Some(Envelope { compressed: flag != 0, body: self.take(size) }))
    }

    /// Returns the bytes that have arrived and have not been taken, prefixes included.
    pub fn buffered(&self) -> usize {
        self.buffered
    }

    /// Says whether the body may end here: no part of a message waits.
    pub fn is_clean(&self) -> bool {
        self.buffered == 0
    }

    /// Reads the prefix and leaves it where it is.
    fn prefix(&self) -> Option<[u8; PREFIX_BYTES]> {
        if let Some(prefix) = self.front.first_chunk() {
            return Some(*prefix);
        }
        if self.buffered < PREFIX_BYTES {
            return None;
        }
        let chunks = [&self.front].into_iter().chain(&self.queue).map(Bytes::as_ref);
        let mut bytes = chunks.chain([self.tail.as_ref()]).flatten();
        let mut prefix = [0; PREFIX_BYTES];
        for place in &mut prefix {
            *place = *bytes.next()?;
        }
        Some(prefix)
    }

    fn skip_prefix(&mut self) {
        let mut left = PREFIX_BYTES;
        while left > 0 {
            let step = left.min(self.front.len());
            self.front.advance(step);
            self.buffered -= step;
            left -= step;
            self.refill_front();
        }
    }

    /// Takes `size` bytes, which have to be there.
    fn take(&mut self, size: usize) -> Bytes {
        if self.front.len() >= size {
            let body = self.front.split_to(size);
            self.buffered -= size;
            self.refill_front();
            return body;
        }
        let mut body = BytesMut::with_capacity(size);
        while body.len() < size {
            let step = self.front.len().min(size - body.len());
            body.extend_from_slice(&self.front[..step]);
            self.front.advance(step);
            self.buffered -= step;
            self.refill_front();
        }
        body.freeze()
    }

    fn refill_front(&mut self) {
        if !self.front.is_empty() || self.buffered == 0 {
            return;
        }
        self.front = match self.queue.pop_front() {
            Some(chunk) => chunk,
            None => self.tail.split().freeze(),
        };
    }
}

impl fmt::Debug for Deframer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deframer").field("buffered", &self.buffered).finish_non_exhaustive()
    }
}

/// Says why an envelope is not taken, by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The message is larger than its receiver accepts.
    TooLarge {
        /// Bytes of the payload.
        size: usize,
    },
    /// The compressed-flag is neither 0 nor 1 (PROTOCOL-HTTP2, "Compressed-Flag").
    UnknownFlag {
        /// The byte that is there.
        flag: u8,
    },
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { size } => write!(f, "a message of {size} bytes is larger than the limit"),
            Self::UnknownFlag { flag } => write!(f, "a message's compressed-flag is {flag}, which is neither 0 nor 1"),
        }
    }
}

impl std::error::Error for EnvelopeError {}
