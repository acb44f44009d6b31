//! What a server says of compression: what it reads, and how it sends.

use halloo_call::{Compressions, Compressor, DEFAULT_COMPRESS_MIN_BYTES};
use halloo_core::Compression;

use crate::router::Router;
use crate::server::Server;

/// The choices of one server; see [`Server::compress`].
#[derive(Debug, Default)]
pub(crate) struct ServerCompression {
    compressions: Compressions,
    compressor: Option<Compressor>,
    min_bytes: Option<usize>,
}

impl ServerCompression {
    pub(crate) fn add_to(self, router: Router) -> Router {
        let router = router.compressions(self.compressions);
        match self.compressor {
            Some(compressor) => router
                .compressor(Compressor { min_bytes: self.min_bytes.unwrap_or(compressor.min_bytes), ..compressor }),
            None => router,
        }
    }
}

impl Server {
    /// Compresses the replies to clients that know `algorithm`, from
    /// [`compress_min_bytes`](Self::compress_min_bytes) on. Default: replies are not compressed.
    ///
    /// A handler chooses otherwise by `Reply::compress`, `Reply::uncompressed`, `MessageSender::compress` and
    /// `MessageSender::send_uncompressed`. A reply that would not get smaller stays as it is. It costs processor time and
    /// memory: each thread keeps an algorithm's state for its next message, 0.4 MiB for gzip and deflate, at most 4 MiB for
    /// zstd.
    #[must_use]
    pub fn compress(mut self, algorithm: impl Compression) -> Self {
        let algorithm = std::sync::Arc::new(algorithm);
        self.compression.compressor = Some(Compressor { algorithm, min_bytes: DEFAULT_COMPRESS_MIN_BYTES });
        self
    }

    /// Leaves replies of fewer bytes as they are. Default: 1 KiB, since a smaller one travels in a single packet anyway.
    #[must_use]
    pub fn compress_min_bytes(mut self, bytes: usize) -> Self {
        self.compression.min_bytes = Some(bytes);
        self
    }

    /// Accepts requests that are compressed with `algorithm`, too, and lets replies have it. Default: what the features
    /// `gzip` (gzip and deflate) and `zstd` bring.
    ///
    /// A request that is over [`max_request_bytes`](Self::max_request_bytes) is stopped while it is decompressed: it costs
    /// no more memory than one that was sent as it is.
    #[must_use]
    pub fn accept_compression(mut self, algorithm: impl Compression) -> Self {
        let accepted = std::mem::take(&mut self.compression.compressions);
        self.compression.compressions = accepted.with(algorithm);
        self
    }

    /// Refuses compressed requests with UNIMPLEMENTED, and sends replies as they are, whatever the features bring; what
    /// is added afterwards counts.
    #[must_use]
    pub fn accept_no_compression(mut self) -> Self {
        self.compression.compressions = Compressions::none();
        self
    }
}
