//! `Compression`: bytes to fewer bytes and back, chosen a call by its `grpc-encoding`.
//!
//! The algorithms themselves are elsewhere; here is what they have to be, and the buffer that holds decompression to
//! its limit, whatever an algorithm does.

use std::fmt;
use std::io;
use std::sync::Arc;

/// The first room for a message that is decompressed. More is taken only for bytes that were produced.
const FIRST_BYTES: usize = 4 * 1024;

/// Makes messages smaller, one at a time, and restores them.
///
/// An algorithm that Halloo lacks becomes known to a server or a channel by their `accept_compression`.
///
/// ```
/// use halloo_core::{Compression, DecompressBuffer, DecompressError};
///
/// /// Keeps the number of equal bytes instead of the bytes.
/// struct Runs;
///
/// impl Compression for Runs {
///     fn name(&self) -> &'static str {
///         "x-runs"
///     }
///     fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
///         for run in message.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(255)) {
///             out.extend([run.len() as u8, run[0]]);
///         }
///         Ok(())
///     }
///     fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
///         let (runs, rest) = body.as_chunks();
///         for &[count, byte] in runs {
///             out.put_slice(&[byte; 255][..count.into()])?;
///         }
///         if rest.is_empty() { Ok(()) } else { Err(DecompressError::malformed("half a run")) }
///     }
/// }
///
/// let mut body = Vec::new();
/// Runs.compress(&[7; 1000], &mut body).unwrap();
/// assert_eq!(body.len(), 8);
/// let mut out = DecompressBuffer::new(999);
/// assert!(matches!(Runs.decompress(&body, &mut out), Err(DecompressError::TooLarge)));
/// ```
pub trait Compression: Send + Sync + 'static {
    /// Returns the name on the wire, as in `grpc-encoding`: lower-case letters, digits and hyphens.
    fn name(&self) -> &'static str;

    /// Appends the compressed `message` to `out`.
    ///
    /// # Errors
    /// When it cannot. The message is then sent as it is.
    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()>;

    /// Appends to `out` what was compressed into `body`, which is all of a message.
    ///
    /// # Errors
    /// When `body` is malformed or does not end where it should, or `out` takes no more.
    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError>;
}

impl<C: Compression + ?Sized> Compression for Arc<C> {
    fn name(&self) -> &'static str {
        (**self).name()
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        (**self).compress(message, out)
    }

    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        (**self).decompress(body, out)
    }
}

impl fmt::Debug for dyn Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a message is decompressed to: it takes no more than the limit, and grows with what it gets.
///
/// Memory at the limit: the limit, and while it grows half as much again. What a peer claims of a message's size plays no part.
#[derive(Debug)]
pub struct DecompressBuffer {
    bytes: Vec<u8>,
    max_bytes: usize,
}

impl DecompressBuffer {
    /// Makes an empty buffer for at most `max_bytes`, which allocates nothing.
    #[must_use]
    pub fn new(max_bytes: usize) -> Self {
        Self { bytes: Vec::new(), max_bytes }
    }

    /// Returns what it has taken so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Says whether it has taken nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Returns the limit in bytes.
    #[must_use]
    pub fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    /// Appends a copy of `bytes`.
    ///
    /// # Errors
    /// [`TooLarge`](DecompressError::TooLarge) if that would break the limit; nothing of it is then appended.
    pub fn put_slice(&mut self, bytes: &[u8]) -> Result<(), DecompressError> {
        if bytes.len() > self.max_bytes.saturating_sub(self.bytes.len()) {
            return Err(DecompressError::TooLarge);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Lets `fill` append to the buffer's own memory, for decoders that write into spare capacity. There is always room
    /// for one byte more than the limit allows, so that a decoder which fills it has shown that a message is too large.
    ///
    /// # Errors
    /// [`TooLarge`](DecompressError::TooLarge) if more than the limit is there afterwards, else what `fill` returns.
    pub fn fill<R>(
        &mut self,
        fill: impl FnOnce(&mut Vec<u8>) -> Result<R, DecompressError>,
    ) -> Result<R, DecompressError> {
        let len = self.bytes.len();
        if len == self.bytes.capacity() {
            let left = self.max_bytes.saturating_sub(len).saturating_add(1);
            self.bytes.reserve_exact(len.max(FIRST_BYTES).min(left));
        }
        let result = fill(&mut self.bytes)?;
        if self.bytes.len() > self.max_bytes { Err(DecompressError::TooLarge) } else { Ok(result) }
    }

    /// Returns the message.
    #[must_use]
    pub fn into_bytes(self) -> bytes::Bytes {
        self.bytes.into()
    }
}

/// For decoders that write: what breaks the limit fails with [`TooLarge`](DecompressError::TooLarge) inside of the error.
impl io::Write for DecompressBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.put_slice(bytes).map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Says why a message cannot be decompressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecompressError {
    /// The message is larger than the buffer's limit.
    TooLarge,
    /// The bytes are not what the algorithm writes.
    Malformed {
        /// What is wrong with them.
        reason: &'static str,
    },
}

impl DecompressError {
    /// Makes the error of bytes that no compressor has written.
    #[must_use]
    pub const fn malformed(reason: &'static str) -> Self {
        Self::Malformed { reason }
    }
}

impl fmt::Display for DecompressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the message is larger than the limit"),
            Self::Malformed { reason } => write!(f, "malformed compressed bytes: {reason}"),
        }
    }
}

impl std::error::Error for DecompressError {}

impl From<io::Error> for DecompressError {
    /// Finds the error of the buffer again; any other is of the decoder.
    fn from(error: io::Error) -> Self {
        match error.downcast::<Self>() {
            Ok(own) => own,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::malformed("they end too early"),
            Err(_) => Self::malformed("the decoder cannot read them"),
        }
    }
}
