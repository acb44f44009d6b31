//! `Deflate`: what gRPC calls `deflate`, which is the zlib format (RFC 1950), not raw deflate.

use std::io;

use halloo_core::{Compression, DecompressBuffer, DecompressError};

use crate::compression::level::Level;
use crate::compression::zlib::{DEFAULT_LEVEL, Frame, deflate, inflate};

/// The `deflate` of gRPC and HTTP: the zlib format. Gzip does the same, is known to more peers and costs 12 bytes more.
///
/// ```
/// use halloo_call::Deflate;
/// use halloo_core::{Compression, DecompressBuffer};
///
/// let mut body = Vec::new();
/// Deflate.compress(&[7; 1000], &mut body).unwrap();
/// let mut message = DecompressBuffer::new(1000);
/// Deflate.decompress(&body, &mut message)?;
/// assert_eq!(message.into_bytes(), [7; 1000].as_slice());
/// # Ok::<(), halloo_core::DecompressError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deflate;

impl Deflate {
    /// Makes it try harder or less hard: 1 is fastest, 9 smallest, other numbers mean the nearer of the two. Default: 6.
    #[must_use]
    pub fn level(level: u32) -> Level<Self> {
        Level { algorithm: Self, level: level.clamp(1, 9) }
    }
}

impl Compression for Deflate {
    fn name(&self) -> &'static str {
        "deflate"
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        deflate(Frame::Zlib, DEFAULT_LEVEL, message, out)
    }

    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        if inflate(Frame::Zlib, body, out, None)? == body.len() {
            return Ok(());
        }
        Err(DecompressError::malformed("something follows their end"))
    }
}

impl Compression for Level<Deflate> {
    fn name(&self) -> &'static str {
        Deflate.name()
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        deflate(Frame::Zlib, self.level, message, out)
    }

    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        Deflate.decompress(body, out)
    }
}
