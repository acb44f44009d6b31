//! gzip, deflate and zstd for messages, as `grpc-encoding` names them.
//!
//! `halloo-call` makes the default set of them and applies them to messages; users name them in `.compress(Gzip)`.
//! Nothing here knows a call: bytes go in and come out, through [`Compression`].
//!
//! A thread keeps the state of what it has used for its next message: 46 KiB for reading gzip and deflate, 0.4 MiB
//! each for writing them, at most 4 MiB each for reading and writing zstd. A state that grew beyond is dropped.

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

use std::sync::Arc;

use halloo_core::Compression;

#[cfg(feature = "gzip")]
pub use deflate::Deflate;
#[cfg(feature = "gzip")]
pub use gzip::Gzip;
pub use level::Level;
#[cfg(feature = "zstd")]
pub use zstd::Zstd;

/// Returns every algorithm that the features of this crate bring, in the order in which they are announced.
#[must_use]
pub fn all() -> Vec<Arc<dyn Compression>> {
    vec![
        #[cfg(feature = "gzip")]
        Arc::new(Gzip),
        #[cfg(feature = "gzip")]
        Arc::new(Deflate),
        #[cfg(feature = "zstd")]
        Arc::new(Zstd),
    ]
}
