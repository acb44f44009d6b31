//! The algorithms that the features of this crate bring.

use std::sync::Arc;

use halloo_core::Compression;

#[cfg(feature = "zstd")]
use crate::compression::Zstd;
#[cfg(feature = "gzip")]
use crate::compression::{Deflate, Gzip};

/// Returns every algorithm that the features of this crate bring, in the order in which they are announced.
#[must_use]
pub fn built_in_compressions() -> Vec<Arc<dyn Compression>> {
    vec![
        #[cfg(feature = "gzip")]
        Arc::new(Gzip),
        #[cfg(feature = "gzip")]
        Arc::new(Deflate),
        #[cfg(feature = "zstd")]
        Arc::new(Zstd),
    ]
}
