//! What a channel and its calls say of compression: what they read, and how they send.

use std::sync::Arc;

use halloo_call::{Compressions, Compressor, DEFAULT_COMPRESS_MIN_BYTES, Encodings};
use halloo_core::Compression;

use crate::builder::ChannelBuilder;

/// The choices of one channel; see [`ChannelBuilder::compress`].
#[derive(Clone, Debug)]
pub(crate) struct ChannelCompression {
    pub(crate) accepted: Compressions,
    algorithm: Option<Arc<dyn Compression>>,
    min_bytes: usize,
    /// What calls get that do not choose.
    usual: CallCompression,
}

/// How the messages of one call leave, and what its head says.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallCompression {
    pub(crate) compressor: Option<Arc<Compressor>>,
    pub(crate) encodings: Option<Arc<Encodings>>,
}

/// What a call chooses instead of its channel's default.
#[derive(Debug)]
pub(crate) enum Choice {
    Uncompressed,
    With(Arc<dyn Compression>),
}

impl Default for ChannelCompression {
    fn default() -> Self {
        let (accepted, usual) = (Compressions::default(), CallCompression::default());
        let mut compression = Self { accepted, algorithm: None, min_bytes: DEFAULT_COMPRESS_MIN_BYTES, usual };
        compression.settle();
        compression
    }
}

impl ChannelCompression {
    /// Makes what most calls get.
    fn settle(&mut self) {
        self.usual = self.of_algorithm(self.algorithm.clone());
    }

    fn of_algorithm(&self, algorithm: Option<Arc<dyn Compression>>) -> CallCompression {
        let message = algorithm.as_ref().map(|algorithm| algorithm.name().as_bytes());
        let accepted = self.accepted.names().map(|names| names.as_bytes());
        let encodings = Encodings::of_fields(message, accepted);
        let min_bytes = self.min_bytes;
        CallCompression {
            compressor: algorithm.map(|algorithm| Arc::new(Compressor { algorithm, min_bytes })),
            encodings,
        }
    }

    /// What a call gets that chooses so.
    pub(crate) fn of_call(&self, choice: Option<Choice>) -> CallCompression {
        match choice {
            None => self.usual.clone(),
            Some(Choice::Uncompressed) => self.of_algorithm(None),
            Some(Choice::With(algorithm)) => self.of_algorithm(Some(algorithm)),
        }
    }
}

impl ChannelBuilder {
    /// Compresses requests with `algorithm`, from [`compress_min_bytes`](Self::compress_min_bytes) on. Default: requests
    /// are not compressed.
    ///
    /// A server that does not know the algorithm fails the call with UNIMPLEMENTED and says what it knows. A request that
    /// would not get smaller stays as it is. A call chooses otherwise by its own `compress` and `uncompressed`, a message
    /// by `MessageSender::send_uncompressed`.
    pub fn compress(mut self, algorithm: impl Compression) -> Self {
        self.defaults.compression.algorithm = Some(Arc::new(algorithm));
        self.defaults.compression.settle();
        self
    }

    /// Leaves requests of fewer bytes as they are, also where a call chooses the algorithm. Default: 1 KiB, since a smaller
    /// one travels in a single packet anyway.
    pub fn compress_min_bytes(mut self, bytes: usize) -> Self {
        self.defaults.compression.min_bytes = bytes;
        self.defaults.compression.settle();
        self
    }

    /// Accepts replies that are compressed with `algorithm`, too. Default: what the features `gzip` (gzip and deflate) and
    /// `zstd` bring; servers are told by `grpc-accept-encoding`.
    ///
    /// A reply that is over [`max_reply_bytes`](Self::max_reply_bytes) is stopped while it is decompressed: it costs no
    /// more memory than one that was sent as it is.
    pub fn accept_compression(mut self, algorithm: impl Compression) -> Self {
        let accepted = &mut self.defaults.compression.accepted;
        *accepted = accepted.clone().with(algorithm);
        self.defaults.compression.settle();
        self
    }

    /// Accepts replies only as they are, whatever the features bring; what is added afterwards counts. A compressed one
    /// fails its call with INTERNAL.
    pub fn accept_no_compression(mut self) -> Self {
        self.defaults.compression.accepted = Compressions::none();
        self.defaults.compression.settle();
        self
    }
}
