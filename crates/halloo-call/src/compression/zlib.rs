//! The deflate algorithm (RFC 1951), raw or within zlib's frame (RFC 1950), with the states that threads keep.

use std::io;

use flate2::{Compress, Compression as Effort, Crc, Decompress, FlushCompress, FlushDecompress, Status};
use halloo_core::{DecompressBuffer, DecompressError};

use crate::compression::kept::{self, Kept};

/// The effort of zlib's own default, and of the gRPC libraries of other languages.
pub(crate) const DEFAULT_LEVEL: u32 = 6;

/// Room that is made for compressed bytes at a time, at least.
const STEP_BYTES: usize = 512;

thread_local! {
    static INFLATE: Kept<Decompress> = const { Kept::new(None) };
    static DEFLATE_RAW: Kept<(u32, Compress)> = const { Kept::new(None) };
    static DEFLATE_ZLIB: Kept<(u32, Compress)> = const { Kept::new(None) };
}

/// What is around deflated bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// Nothing.
    Raw,
    /// A head of two bytes and a checksum.
    Zlib,
}

/// Appends the deflated `message` to `out`.
pub(crate) fn deflate(frame: Frame, level: u32, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let place = match frame {
        Frame::Raw => &DEFLATE_RAW,
        Frame::Zlib => &DEFLATE_ZLIB,
    };
    let kept = kept::take(place, |(kept_level, _)| *kept_level == level);
    let (_, mut state) = kept.unwrap_or_else(|| (level, Compress::new(Effort::new(level), frame == Frame::Zlib)));
    state.reset();
    let mut rest = message;
    loop {
        if out.len() == out.capacity() {
            out.reserve((rest.len() / 4).max(STEP_BYTES));
        }
        let before = state.total_in();
        let status = state.compress_vec(rest, out, FlushCompress::Finish).map_err(io::Error::other)?;
        rest = &rest[consumed(before, state.total_in())..];
        if status == Status::StreamEnd {
            kept::put(place, (level, state));
            return Ok(());
        }
    }
}

/// Appends what was deflated into the beginning of `body` to `out`, lets `crc` see it, and returns how many bytes of
/// `body` that were.
pub(crate) fn inflate(
    frame: Frame,
    body: &[u8],
    out: &mut DecompressBuffer,
    mut crc: Option<&mut Crc>,
) -> Result<usize, DecompressError> {
    let mut state = kept::take(&INFLATE, |_| true).unwrap_or_else(|| Decompress::new(false));
    state.reset(frame == Frame::Zlib);
    loop {
        let (before_in, before_out) = (state.total_in(), state.total_out());
        let read = consumed(0, before_in);
        let status = out.fill(|bytes| {
            let len = bytes.len();
            let status = state
                .decompress_vec(&body[read..], bytes, FlushDecompress::None)
                .map_err(|_| DecompressError::malformed("they are not deflated, or damaged"))?;
            if let Some(crc) = &mut crc {
                crc.update(&bytes[len..]);
            }
            Ok(status)
        })?;
        if status == Status::StreamEnd {
            let read = consumed(0, state.total_in());
            kept::put(&INFLATE, state);
            return Ok(read);
        }
        if (state.total_in(), state.total_out()) == (before_in, before_out) {
            return Err(DecompressError::malformed("they end too early"));
        }
    }
}

/// Bytes between two of zlib's counts, which are of what lies in memory.
fn consumed(before: u64, after: u64) -> usize {
    usize::try_from(after - before).unwrap_or(usize::MAX)
}
