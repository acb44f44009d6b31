//! Compression of messages: the algorithms, what both sides of a call agree on, and messages packed accordingly.
//!
//! A thread keeps the state of what it has used for its next message: 46 KiB for reading gzip and deflate, 0.4 MiB
//! each for writing them, at most 4 MiB each for reading and writing zstd. A state that grew beyond is dropped.

mod agreement;
mod built_in;
#[cfg(feature = "gzip")]
mod deflate;
#[cfg(feature = "gzip")]
mod gzip;
#[cfg(any(feature = "gzip", feature = "zstd"))]
mod kept;
mod level;
#[cfg(feature = "gzip")]
mod zlib;
#[cfg(feature = "zstd")]
mod zstd;

pub use agreement::{
    CallCompression, Compressions, Compressor, DEFAULT_COMPRESS_MIN_BYTES, Encodings, ReplyCompression,
};
pub(crate) use agreement::{Decompression, GRPC_ENCODING, announce};
pub use built_in::built_in_compressions;
#[cfg(feature = "gzip")]
pub use deflate::Deflate;
#[cfg(feature = "gzip")]
pub use gzip::Gzip;
pub use level::Level;
#[cfg(feature = "zstd")]
pub use zstd::Zstd;
