//! What a channel and its calls say of compression: what they read, and how they send.

use std::sync::Arc;

use halloo_call::{Compressions, Compressor, DEFAULT_COMPRESS_MIN_BYTES, Encodings};
use halloo_core::Compression;

/// The choices of one channel; see [`ChannelBuilder::compress`](crate::ChannelBuilder::compress).
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
pub(crate) enum CompressionChoice {
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
    /// Compresses the requests of calls that do not choose.
    pub(crate) fn choose(&mut self, algorithm: Arc<dyn Compression>) {
        self.algorithm = Some(algorithm);
        self.settle();
    }

    /// Leaves messages of fewer bytes as they are.
    pub(crate) fn compress_from(&mut self, bytes: usize) {
        self.min_bytes = bytes;
        self.settle();
    }

    /// Accepts `algorithm`, too.
    pub(crate) fn accept(&mut self, algorithm: impl Compression) {
        self.accepted = self.accepted.clone().with(algorithm);
        self.settle();
    }

    /// Accepts nothing that is compressed.
    pub(crate) fn accept_none(&mut self) {
        self.accepted = Compressions::none();
        self.settle();
    }

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
    pub(crate) fn of_call(&self, choice: Option<CompressionChoice>) -> CallCompression {
        match choice {
            None => self.usual.clone(),
            Some(CompressionChoice::Uncompressed) => self.of_algorithm(None),
            Some(CompressionChoice::With(algorithm)) => self.of_algorithm(Some(algorithm)),
        }
    }
}
