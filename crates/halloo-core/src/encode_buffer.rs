//! `EncodeBuffer`: where codecs write messages, and where their envelopes get their prefix.
//!
//! ```text
//! segments: [written | shared | written | shared ]  tail: [written so far ....]
//!            ^ small writes, copied  ^ large `Bytes`, never copied
//! ```

use std::fmt;

use bytes::{Bytes, BytesMut};

/// From this many bytes on, [`EncodeBuffer::put_bytes`] keeps a segment of its own and does not copy.
pub const SEGMENT_MIN_BYTES: usize = 4096;

/// A compressed-flag byte and a 32-bit length.
const PREFIX_BYTES: usize = 5;

/// The first allocation for an envelope, so that a small message does not grow from its prefix step by step.
const FIRST_BYTES: usize = 128;

/// Collects one or several messages on their way to the wire.
///
/// Small writes are copied behind each other; large `Bytes` are kept as segments, to leave by a vectored write.
/// Memory that was written and taken is reused once the taken bytes are gone.
///
/// ```
/// # mod halloo { pub use halloo_core as codec; }
/// use halloo::codec::EncodeBuffer;
///
/// let mut buffer = EncodeBuffer::new();
/// let mark = buffer.begin_envelope();
/// buffer.put_slice(b"hello");
/// assert_eq!(buffer.end_envelope(mark, false), 5);
/// assert_eq!(buffer.take_bytes(), b"\0\0\0\0\x05hello".as_slice());
/// ```
#[derive(Default)]
pub struct EncodeBuffer {
    /// What lies before the tail.
    segments: Vec<Segment>,
    /// Bytes in `segments`.
    segment_bytes: usize,
    tail: BytesMut,
}

/// Stays mutable while it waits, because the prefix of an open envelope may lie in it.
enum Segment {
    Written(BytesMut),
    Shared(Bytes),
}

/// The place where an envelope began; see [`EncodeBuffer::begin_envelope`].
#[derive(Clone, Copy, Debug)]
pub struct EnvelopeMark {
    /// Index of the segment that the prefix is in, once the tail has become one.
    segment: usize,
    /// Of the prefix, within that segment.
    offset: usize,
    /// Of the buffer, before the prefix.
    buffer_bytes: usize,
}

impl EncodeBuffer {
    /// Makes an empty buffer, which allocates with the first write.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the bytes written and not yet taken, prefixes included.
    pub fn len(&self) -> usize {
        self.segment_bytes + self.tail.len()
    }

    /// Says whether there is nothing to take.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Lends all that was written, if that is one piece which [`drain_pieces`](Self::drain_pieces) would lend, too.
    pub fn whole(&self) -> Option<&[u8]> {
        (self.segments.is_empty() && self.tail.len() < SEGMENT_MIN_BYTES).then_some(&self.tail[..])
    }

    /// Appends a copy of `bytes`.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes);
    }

    /// Appends `bytes`: a copy of less than [`SEGMENT_MIN_BYTES`], larger ones as a segment of their own.
    pub fn put_bytes(&mut self, bytes: Bytes) {
        if bytes.len() < SEGMENT_MIN_BYTES {
            self.tail.extend_from_slice(&bytes);
            return;
        }
        if !self.tail.is_empty() {
            self.segment_bytes += self.tail.len();
            self.segments.push(Segment::Written(self.tail.split()));
        }
        self.segment_bytes += bytes.len();
        self.segments.push(Segment::Shared(bytes));
    }

    /// Lends the growing end of the buffer, for encoders that write into a `BufMut`. Only append to it: what is
    /// already there may belong to an envelope that is open.
    pub fn tail_mut(&mut self) -> &mut BytesMut {
        &mut self.tail
    }

    /// Opens an envelope: leaves room for its prefix, which [`end_envelope`](Self::end_envelope) fills in.
    ///
    /// Nothing may be taken before the envelope is ended or [truncated](Self::truncate).
    pub fn begin_envelope(&mut self) -> EnvelopeMark {
        let mark = EnvelopeMark { segment: self.segments.len(), offset: self.tail.len(), buffer_bytes: self.len() };
        if self.tail.capacity() == 0 {
            self.tail.reserve(FIRST_BYTES);
        }
        self.tail.extend_from_slice(&[0; PREFIX_BYTES]);
        mark
    }

    /// Closes an envelope and returns the size of its payload in bytes, without the prefix.
    ///
    /// # Panics
    /// When the payload has 4 GiB or more, which no envelope can carry (protobuf itself ends at 2 GiB), or when
    /// `mark` is of another buffer or of bytes that have been taken.
    pub fn end_envelope(&mut self, mark: EnvelopeMark, compressed: bool) -> usize {
        let payload_bytes = self.len() - mark.buffer_bytes - PREFIX_BYTES;
        let wire_length = u32::try_from(payload_bytes).expect("an envelope carries less than 4 GiB");
        let written = match self.segments.get_mut(mark.segment) {
            None => &mut self.tail,
            Some(Segment::Written(written)) => written,
            Some(Segment::Shared(_)) => {
                unreachable!("a prefix is always written before a segment is shared")
            }
        };
        let prefix = &mut written[mark.offset..mark.offset + PREFIX_BYTES];
        prefix[0] = u8::from(compressed);
        prefix[1..].copy_from_slice(&wire_length.to_be_bytes());
        payload_bytes
    }

    /// Takes back everything since `mark`, its prefix included: for a message that could not be encoded or is too
    /// large.
    pub fn truncate(&mut self, mark: EnvelopeMark) {
        self.segments.truncate(mark.segment + 1);
        if self.segments.len() > mark.segment
            && let Some(Segment::Written(written)) = self.segments.pop()
        {
            self.tail = written;
        }
        self.tail.truncate(mark.offset);
        self.segment_bytes = mark.buffer_bytes - mark.offset;
    }

    /// Drops everything; keeps the memory.
    #[inline]
    pub fn clear(&mut self) {
        // Few messages have segments.
        if !self.segments.is_empty() {
            self.segments.clear();
        }
        self.segment_bytes = 0;
        self.tail.clear();
    }

    /// Hands everything to `sink` in order, in as few pieces as there are, and leaves the buffer empty.
    pub fn drain(&mut self, mut sink: impl FnMut(Bytes)) {
        self.segment_bytes = 0;
        for segment in self.segments.drain(..) {
            sink(segment.into_bytes());
        }
        if !self.tail.is_empty() {
            sink(self.tail.split().freeze());
        }
    }

    /// Hands everything to `sink` in order and leaves the buffer empty, lending what is small: its memory is then used
    /// again, where [`drain`](Self::drain) would give it away.
    pub fn drain_pieces(&mut self, mut sink: impl FnMut(DrainedPiece<'_>)) {
        self.segment_bytes = 0;
        for segment in self.segments.drain(..) {
            sink(DrainedPiece::Whole(segment.into_bytes()));
        }
        if self.tail.len() >= SEGMENT_MIN_BYTES {
            sink(DrainedPiece::Whole(self.tail.split().freeze()));
        } else if !self.tail.is_empty() {
            sink(DrainedPiece::Lent(&self.tail));
            self.tail.clear();
        }
    }

    /// Takes everything as a list of pieces; see [`drain`](Self::drain), which needs no list.
    pub fn take_segments(&mut self) -> Vec<Bytes> {
        let mut segments = Vec::with_capacity(self.segments.len() + 1);
        self.drain(|segment| segments.push(segment));
        segments
    }

    /// Takes everything as one piece; copies only if there is a large segment among several.
    pub fn take_bytes(&mut self) -> Bytes {
        if self.segments.is_empty() {
            return self.tail.split().freeze();
        }
        if self.segments.len() == 1 && self.tail.is_empty() {
            self.segment_bytes = 0;
            return self.segments.pop().map(Segment::into_bytes).unwrap_or_default();
        }
        let mut joined = BytesMut::with_capacity(self.len());
        self.drain(|segment| joined.extend_from_slice(&segment));
        joined.freeze()
    }

    /// Lends the pieces in order.
    pub fn chunks(&self) -> impl Iterator<Item = &[u8]> {
        let tail = Some(self.tail.as_ref()).filter(|tail| !tail.is_empty());
        self.segments.iter().map(Segment::as_slice).chain(tail)
    }
}

/// What [`EncodeBuffer::drain_pieces`] hands out.
#[derive(Debug)]
pub enum DrainedPiece<'a> {
    /// Less than [`SEGMENT_MIN_BYTES`]: to be copied.
    Lent(&'a [u8]),
    /// To be kept as it is.
    Whole(Bytes),
}

impl Segment {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Written(written) => written,
            Self::Shared(shared) => shared,
        }
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Written(written) => written.freeze(),
            Self::Shared(shared) => shared,
        }
    }
}

impl fmt::Debug for EncodeBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodeBuffer")
            .field("len", &self.len())
            .field("segments", &self.segments.len())
            .finish_non_exhaustive()
    }
}
