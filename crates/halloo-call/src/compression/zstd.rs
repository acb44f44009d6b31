//! `Zstd`: Zstandard (RFC 8878), one frame written, any number of frames read.

use std::io;

use halloo_core::{Compression, DecompressBuffer, DecompressError};
use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective, compress_bound};

use crate::compression::kept::{self, Kept};
use crate::compression::level::Level;

/// Zstandard's own default.
const DEFAULT_LEVEL: u32 = 3;

/// The largest window that a frame may want, as a power of two: the 8 MiB that RFC 8878 section 3.1.1.1.2 recommends to
/// accept. It is what a peer's claim can make this side reserve.
const MAX_WINDOW_LOG: u32 = 23;

/// A state that is larger is not kept.
const MAX_KEPT_BYTES: usize = 4 * 1024 * 1024;

thread_local! {
    static COMPRESS: Kept<(u32, CCtx<'static>)> = const { Kept::new(None) };
    static DECOMPRESS: Kept<DCtx<'static>> = const { Kept::new(None) };
}

/// Zstandard: smaller and faster than [`Gzip`](crate::Gzip), known to fewer gRPC libraries.
///
/// Reading reserves the window that a frame names, at most 8 MiB; a frame that wants more is refused.
///
/// ```
/// use halloo_call::Zstd;
/// use halloo_core::{Compression, DecompressBuffer};
///
/// let mut body = Vec::new();
/// Zstd.compress(&[7; 1000], &mut body).unwrap();
/// let mut message = DecompressBuffer::new(1000);
/// Zstd.decompress(&body, &mut message)?;
/// assert_eq!(message.into_bytes(), [7; 1000].as_slice());
/// # Ok::<(), halloo_core::DecompressError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zstd;

impl Zstd {
    /// Makes it try harder or less hard: 1 is fastest, 19 smallest, other numbers mean the nearer of the two. Default: 3.
    #[must_use]
    pub fn level(level: u32) -> Level<Self> {
        Level { algorithm: Self, level: level.clamp(1, 19) }
    }
}

impl Compression for Zstd {
    fn name(&self) -> &'static str {
        "zstd"
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        compress(DEFAULT_LEVEL, message, out)
    }

    /// Reads all frames; what follows the last is a fault. No frame at all is an empty message: Go's encoder makes none of
    /// such a message.
    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        let mut state = match kept::take(&DECOMPRESS, |_| true) {
            Some(state) => state,
            None => new_decompression()?,
        };
        state.reset(ResetDirective::SessionOnly).map_err(|_| NOT_READABLE)?;
        decompress(&mut state, body, out)?;
        if state.sizeof() <= MAX_KEPT_BYTES {
            kept::put(&DECOMPRESS, state);
        }
        Ok(())
    }
}

impl Compression for Level<Zstd> {
    fn name(&self) -> &'static str {
        Zstd.name()
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        compress(self.level, message, out)
    }

    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        Zstd.decompress(body, out)
    }
}

const NOT_READABLE: DecompressError =
    DecompressError::malformed("they are no zstd frame, or damaged, or want too large a window");

const TOO_EARLY: DecompressError = DecompressError::malformed("they end too early");

fn compress(level: u32, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let kept = kept::take(&COMPRESS, |(kept_level, _)| *kept_level == level);
    let (_, mut state) = match kept {
        Some(state) => state,
        None => (level, new_compression(level)?),
    };
    // It writes from the beginning of what it is given.
    let mut frame = Vec::with_capacity(compress_bound(message.len()));
    state.compress2(&mut frame, message).map_err(|_| io::Error::other("zstd cannot compress"))?;
    out.extend_from_slice(&frame);
    if state.sizeof() <= MAX_KEPT_BYTES {
        kept::put(&COMPRESS, (level, state));
    }
    Ok(())
}

fn new_compression(level: u32) -> io::Result<CCtx<'static>> {
    let mut state = CCtx::try_create().ok_or(io::ErrorKind::OutOfMemory)?;
    let level = i32::try_from(level).unwrap_or(i32::MAX);
    let set = state.set_parameter(CParameter::CompressionLevel(level));
    set.map_err(|_| io::Error::other("zstd has no such level"))?;
    Ok(state)
}

fn new_decompression() -> Result<DCtx<'static>, DecompressError> {
    let mut state = DCtx::try_create().ok_or(DecompressError::malformed("there is no memory to read them"))?;
    state.set_parameter(DParameter::WindowLogMax(MAX_WINDOW_LOG)).map_err(|_| NOT_READABLE)?;
    Ok(state)
}

fn decompress(state: &mut DCtx<'_>, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
    let mut input = InBuffer::around(body);
    let mut is_between_frames = body.is_empty();
    while input.pos() < body.len() || !is_between_frames {
        let before = (input.pos(), out.len());
        let hint = out.fill(|bytes| {
            let len = bytes.len();
            let mut output = OutBuffer::around_pos(bytes, len);
            state.decompress_stream(&mut output, &mut input).map_err(|_| NOT_READABLE)
        })?;
        is_between_frames = hint == 0;
        if !is_between_frames && before == (input.pos(), out.len()) {
            return Err(TOO_EARLY);
        }
    }
    Ok(())
}
