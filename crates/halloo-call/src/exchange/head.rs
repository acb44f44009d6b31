//! The heads of responses, and metadata that stays as it came off a wire until somebody looks.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use halloo_core::Metadata;

use crate::compression::GRPC_ENCODING;

/// Begins a response: its status and headers.
#[derive(Debug)]
pub enum ResponseHead {
    /// An RPC's initial metadata.
    Rpc(LazyMetadata),
    /// The answer to a request that is not an RPC.
    Http {
        /// The status code, 200 to 599.
        status: u16,
        /// The header fields; names in lower case.
        headers: Vec<(Bytes, Bytes)>,
    },
}

impl ResponseHead {
    /// Makes an RPC's head with `metadata`.
    #[must_use]
    pub fn rpc(metadata: Metadata) -> Self {
        Self::Rpc(metadata.into())
    }
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::Rpc(LazyMetadata::default())
    }
}

/// Reads a head out of what a driver keeps it in.
#[derive(Debug)]
pub struct ReadHead {
    /// Its metadata.
    pub metadata: fn(&(dyn Any + Send + Sync)) -> Metadata,
    /// Its `grpc-encoding`.
    pub encoding: fn(&(dyn Any + Send + Sync)) -> Option<Box<str>>,
}

/// Builds metadata when it is first read.
#[derive(Default)]
pub struct LazyMetadata {
    source: Option<(Arc<dyn Any + Send + Sync>, &'static ReadHead)>,
    built: OnceLock<Metadata>,
}

impl LazyMetadata {
    /// Keeps metadata that `read` will build from `source`, at most once.
    #[must_use]
    pub fn from_source(source: Arc<dyn Any + Send + Sync>, read: &'static ReadHead) -> Self {
        Self { source: Some((source, read)), built: OnceLock::new() }
    }

    /// Returns whether nobody has given it any metadata or anything to build it from.
    #[inline]
    pub fn is_unset(&self) -> bool {
        self.source.is_none() && self.built.get().is_none_or(Metadata::is_empty)
    }

    /// Returns the metadata, built if need be.
    pub fn read(&self) -> &Metadata {
        static EMPTY: Metadata = Metadata::new();
        match (&self.source, self.built.get()) {
            (_, Some(built)) => built,
            (Some((source, read)), None) => self.built.get_or_init(|| (read.metadata)(&**source)),
            (None, None) => &EMPTY,
        }
    }

    /// Lends the metadata for changing it.
    pub fn write(&mut self) -> &mut Metadata {
        if self.built.get().is_none() {
            let built = self.read().clone();
            // It was empty just above.
            let _ = self.built.set(built);
        }
        self.built.get_mut().expect("it was built just above")
    }

    /// The `grpc-encoding` of a head that came off a wire, where it is no metadata.
    pub(crate) fn encoding(&self) -> Option<Box<str>> {
        let (source, read) = self.source.as_ref()?;
        (read.encoding)(&**source)
    }

    /// Takes the `grpc-encoding` out of a head that came from this process, so that it looks as one off a wire.
    pub(crate) fn take_encoding(&mut self) -> Option<Box<str>> {
        if self.source.is_some() {
            return None;
        }
        let encoding = self.read().get(GRPC_ENCODING)?.into();
        self.write().remove(GRPC_ENCODING);
        Some(encoding)
    }

    /// Returns the metadata by value.
    #[must_use]
    pub fn into_metadata(mut self) -> Metadata {
        self.read();
        self.built.take().unwrap_or_default()
    }
}

impl From<Metadata> for LazyMetadata {
    fn from(metadata: Metadata) -> Self {
        Self { source: None, built: OnceLock::from(metadata) }
    }
}

impl fmt::Debug for LazyMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}
