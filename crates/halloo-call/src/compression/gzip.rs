//! `Gzip`: RFC 1952, one member written, any number of members read.
//!
//! ```text
//! member: 1f 8b | 8 | flags | mtime 4 | xfl | os | [extra] [name] [comment] [head's crc] | deflated | crc 4 | size 4
//! ```

use std::io;

use flate2::Crc;
use halloo_core::{Compression, DecompressBuffer, DecompressError};

use crate::compression::level::Level;
use crate::compression::zlib::{DEFAULT_LEVEL, Frame, deflate, inflate};

const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];

/// Without time, name or anything else that may be there; 255 is an unknown system.
const HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

const HEAD_CRC: u8 = 1 << 1;
const EXTRA: u8 = 1 << 2;
const NAME: u8 = 1 << 3;
const COMMENT: u8 = 1 << 4;
const RESERVED: u8 = 0b1110_0000;

/// Gzip, the one that nearly every gRPC library has.
///
/// ```
/// use halloo_call::Gzip;
/// use halloo_core::{Compression, DecompressBuffer, DecompressError};
///
/// let mut body = Vec::new();
/// Gzip.compress(&[7; 1_000_000], &mut body).unwrap();
/// assert!(body.len() < 1200);
/// // A buffer stops what would be larger than its limit, while it grows.
/// let mut message = DecompressBuffer::new(4096);
/// assert_eq!(Gzip.decompress(&body, &mut message), Err(DecompressError::TooLarge));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gzip;

impl Gzip {
    /// Makes it try harder or less hard: 1 is fastest, 9 smallest, other numbers mean the nearer of the two. Default: 6.
    #[must_use]
    pub fn level(level: u32) -> Level<Self> {
        Level { algorithm: Self, level: level.clamp(1, 9) }
    }
}

impl Compression for Gzip {
    fn name(&self) -> &'static str {
        "gzip"
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        compress(DEFAULT_LEVEL, message, out)
    }

    /// Reads all members, as gzip does; what follows the last is a fault.
    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        let mut rest = body;
        loop {
            rest = read_member(rest, out)?;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }
}

impl Compression for Level<Gzip> {
    fn name(&self) -> &'static str {
        Gzip.name()
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        compress(self.level, message, out)
    }

    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        Gzip.decompress(body, out)
    }
}

fn compress(level: u32, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    out.extend_from_slice(&HEAD);
    deflate(Frame::Raw, level, message, out)?;
    let mut crc = Crc::new();
    crc.update(message);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&modulo_32_bits(message.len()).to_le_bytes());
    Ok(())
}

/// Reads one member and returns what follows it.
fn read_member<'a>(body: &'a [u8], out: &mut DecompressBuffer) -> Result<&'a [u8], DecompressError> {
    let body = skip_head(body)?;
    let before = out.len();
    let mut crc = Crc::new();
    let read = inflate(Frame::Raw, body, out, Some(&mut crc))?;
    let (trailer, rest) = body[read..].split_first_chunk::<8>().ok_or(TOO_EARLY)?;
    let [c0, c1, c2, c3, s0, s1, s2, s3] = *trailer;
    if u32::from_le_bytes([c0, c1, c2, c3]) != crc.sum() {
        return Err(DecompressError::malformed("their checksum is another"));
    }
    if u32::from_le_bytes([s0, s1, s2, s3]) != modulo_32_bits(out.len() - before) {
        return Err(DecompressError::malformed("their size is another"));
    }
    Ok(rest)
}

const TOO_EARLY: DecompressError = DecompressError::malformed("they end too early");

fn skip_head(body: &[u8]) -> Result<&[u8], DecompressError> {
    let (head, mut rest) = body.split_first_chunk::<10>().ok_or(TOO_EARLY)?;
    let flags = head[3];
    if !head.starts_with(&MAGIC) || flags & RESERVED != 0 {
        return Err(DecompressError::malformed("a gzip member does not begin so"));
    }
    if flags & EXTRA != 0 {
        let (size, behind) = rest.split_first_chunk::<2>().ok_or(TOO_EARLY)?;
        rest = behind.get(usize::from(u16::from_le_bytes(*size))..).ok_or(TOO_EARLY)?;
    }
    for text in [NAME, COMMENT] {
        if flags & text != 0 {
            let end = rest.iter().position(|&byte| byte == 0).ok_or(TOO_EARLY)?;
            rest = &rest[end + 1..];
        }
    }
    // The head's own checksum is of bytes that nobody uses.
    if flags & HEAD_CRC != 0 { rest.get(2..).ok_or(TOO_EARLY) } else { Ok(rest) }
}

fn modulo_32_bits(size: usize) -> u32 {
    u32::try_from(size & 0xffff_ffff).unwrap_or_default()
}
