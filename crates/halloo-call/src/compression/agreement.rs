//! Compression of a call's messages: what a side can read, what both agree on, and messages packed accordingly.
//!
//! The names of the fields are gRPC's ("compression.md").

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use halloo_core::{
    Codec, Compression, DecodeLimits, DecompressBuffer, DecompressError, EncodeBuffer, Metadata, Status,
};

use crate::compression::built_in_compressions;
use crate::observe::observation::Side;

pub(crate) const GRPC_ENCODING: &str = "grpc-encoding";
const GRPC_ACCEPT_ENCODING: &str = "grpc-accept-encoding";
const IDENTITY: &str = "identity";

/// From this size on, in bytes, messages are compressed unless that is chosen otherwise: a smaller one fits a packet
/// as it is, with all that travels beside it, so that nothing would arrive earlier.
pub const DEFAULT_COMPRESS_MIN_BYTES: usize = 1024;

/// Tells what a call's head says of compression.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encodings {
    /// The `grpc-encoding` of the messages that follow, unless it is `identity`.
    pub message: Option<Box<str>>,
    /// The `grpc-accept-encoding`: names with commas between them.
    pub accepted: Option<Arc<str>>,
}

impl Encodings {
    /// Puts together what a head says. `None` if that is nothing.
    #[inline]
    #[must_use]
    pub fn of_fields(message: Option<&[u8]>, accepted: Option<&[u8]>) -> Option<Arc<Self>> {
        let message = message.filter(|name| *name != IDENTITY.as_bytes());
        if message.is_none() && accepted.is_none() {
            return None;
        }
        let text = |value| String::from_utf8_lossy(value);
        Some(Arc::new(Self {
            message: message.map(|value| text(value).into()),
            accepted: accepted.map(|value| text(value).into()),
        }))
    }

    /// Returns the head's fields: names and values.
    pub fn fields(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let message = self.message.as_deref().map(|name| (GRPC_ENCODING, name));
        message.into_iter().chain(self.accepted.as_deref().map(|names| (GRPC_ACCEPT_ENCODING, names)))
    }
}

/// Holds the algorithms that a server or a channel can read. By default those that the features `gzip` and `zstd` bring: none
/// without them.
#[derive(Clone)]
pub struct Compressions(Option<Arc<Known>>);

struct Known {
    algorithms: Vec<Arc<dyn Compression>>,
    /// Their names with commas between them.
    names: Arc<str>,
}

impl Default for Compressions {
    fn default() -> Self {
        Self::of(built_in_compressions())
    }
}

impl Compressions {
    /// Makes an empty set: a peer may send messages as they are, and nothing else.
    #[must_use]
    pub fn none() -> Self {
        Self(None)
    }

    fn of(algorithms: Vec<Arc<dyn Compression>>) -> Self {
        if algorithms.is_empty() {
            return Self::none();
        }
        let names: Vec<_> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
        Self(Some(Arc::new(Known { names: names.join(",").into(), algorithms })))
    }

    /// Adds an algorithm; one of the same name makes way for it.
    #[must_use]
    pub fn with(self, algorithm: impl Compression) -> Self {
        let mut algorithms = self.0.map(|known| known.algorithms.clone()).unwrap_or_default();
        let algorithm: Arc<dyn Compression> = Arc::new(algorithm);
        match algorithms.iter_mut().find(|other| other.name() == algorithm.name()) {
            Some(other) => *other = algorithm,
            None => algorithms.push(algorithm),
        }
        Self::of(algorithms)
    }

    /// Returns their names, as `grpc-accept-encoding` has them. `None` if there is none.
    #[must_use]
    pub fn names(&self) -> Option<&Arc<str>> {
        self.0.as_deref().map(|known| &known.names)
    }

    fn find(&self, name: &str) -> Option<&Arc<dyn Compression>> {
        self.0.as_deref()?.algorithms.iter().find(|algorithm| algorithm.name() == name)
    }

    /// Decides what a server makes of what a request says: how to read it, and how `replies` may be sent.
    ///
    /// # Errors
    /// UNIMPLEMENTED for a `grpc-encoding` that is not among these, with those that are in `grpc-accept-encoding`.
    pub fn negotiate(
        &self,
        encodings: &Arc<Encodings>,
        replies: Option<&Arc<Compressor>>,
    ) -> Result<Option<Arc<CallCompression>>, Status> {
        let requests = match encodings.message.as_deref() {
            None if self.0.is_none() && replies.is_none() => return Ok(None),
            None => None,
            Some(name) => Some(Arc::clone(self.find(name).ok_or_else(|| self.unknown(name))?)),
        };
        Ok(Some(Arc::new(CallCompression {
            requests,
            replies: replies.filter(|replies| encodings.accepts(replies.algorithm.name())).cloned(),
            min_bytes: replies.map_or(DEFAULT_COMPRESS_MIN_BYTES, |replies| replies.min_bytes),
            encodings: Arc::clone(encodings),
        })))
    }

    /// gRPC's compression.md: UNIMPLEMENTED, naming what there is.
    fn unknown(&self, name: &str) -> Status {
        let accepted = self.names().map_or(IDENTITY, |names| names);
        let mut status = Status::unimplemented(format!(
            "this server cannot read messages in grpc-encoding {name}; it accepts: {accepted}"
        ));
        set_field(status.metadata_mut(), GRPC_ACCEPT_ENCODING, accepted);
        status
    }
}

impl Encodings {
    fn accepts(&self, name: &str) -> bool {
        let accepted = self.accepted.as_deref().unwrap_or_default();
        accepted.split(',').any(|other| other.trim_ascii() == name)
    }
}

/// Tells what both sides of a server's call have agreed on.
#[derive(Debug)]
pub struct CallCompression {
    requests: Option<Arc<dyn Compression>>,
    replies: Option<Arc<Compressor>>,
    min_bytes: usize,
    encodings: Arc<Encodings>,
}

impl CallCompression {
    /// How replies are sent that say nothing else.
    pub(crate) fn replies(&self) -> Option<&Arc<Compressor>> {
        self.replies.as_ref()
    }

    /// How replies are sent with `algorithm`, which the client may not know: then as they are.
    pub(crate) fn replies_with(&self, algorithm: Arc<dyn Compression>) -> Option<Arc<Compressor>> {
        let known = self.encodings.accepts(algorithm.name());
        known.then(|| Arc::new(Compressor { algorithm, min_bytes: self.min_bytes }))
    }
}

/// Says how messages are compressed that leave.
#[derive(Clone, Debug)]
pub struct Compressor {
    /// The algorithm.
    pub algorithm: Arc<dyn Compression>,
    /// Messages of fewer bytes stay as they are.
    pub min_bytes: usize,
}

impl Compressor {
    /// Encodes `message` and compresses it, if it is large enough and gets smaller by that.
    ///
    /// # Errors
    /// INTERNAL if the codec cannot encode it; RESOURCE_EXHAUSTED if `check_size` says so of its size.
    pub(crate) fn pack<T: 'static>(
        &self,
        codec: &'static dyn Codec<T>,
        message: &T,
        check_size: impl FnOnce(usize) -> Result<(), Status>,
    ) -> Result<Packed, Status> {
        let mut buffer = EncodeBuffer::new();
        codec.encode(message, &mut buffer)?;
        check_size(buffer.len())?;
        let plain = buffer.take_bytes();
        if plain.len() >= self.min_bytes.max(1) {
            let mut body = Vec::new();
            match self.algorithm.compress(&plain, &mut body) {
                Ok(()) if body.len() < plain.len() => {
                    return Ok(Packed { message_bytes: plain.len(), body: body.into(), compressed: true });
                }
                Ok(()) => {}
                Err(error) => tracing::debug!(%error, algorithm = self.algorithm.name(), "a message is not compressed"),
            }
        }
        Ok(Packed { message_bytes: plain.len(), body: plain, compressed: false })
    }
}

/// A message as it travels in its envelope.
#[derive(Clone, Debug)]
pub(crate) struct Packed {
    pub(crate) message_bytes: usize,
    pub(crate) body: Bytes,
    pub(crate) compressed: bool,
}

impl Packed {
    /// Appends it as an envelope.
    pub(crate) fn write(self, buffer: &mut EncodeBuffer) -> usize {
        let mark = buffer.begin_envelope();
        buffer.put_bytes(self.body);
        buffer.end_envelope(mark, self.compressed);
        self.message_bytes
    }
}

/// How a receiver restores what is compressed.
#[derive(Clone, Debug)]
pub(crate) enum Decompression {
    /// As the server has agreed with its client when the call began.
    Agreed(Option<Arc<CallCompression>>),
    /// As the response's head says, if it is among these.
    Known(Compressions),
}

impl Decompression {
    /// Restores a message that is marked as compressed. `encoding` is asked for what the response's head says.
    ///
    /// # Errors
    /// INTERNAL if nothing was said of how it is compressed, or that is not known, or it is malformed; RESOURCE_EXHAUSTED
    /// if it is over the limit.
    #[cold]
    pub(crate) fn restore(
        &self,
        body: &[u8],
        limits: &DecodeLimits,
        encoding: impl FnOnce() -> Option<Box<str>>,
    ) -> Result<Bytes, Status> {
        let (algorithm, side) = match self {
            Self::Agreed(agreed) => (agreed.as_ref().and_then(|agreed| agreed.requests.clone()), Side::Server),
            Self::Known(known) => {
                let name = encoding().filter(|name| **name != *IDENTITY);
                let algorithm = name.map(|name| known.find(&name).cloned().ok_or_else(|| unreadable(&name, known)));
                (algorithm.transpose()?, Side::Client)
            }
        };
        let Some(algorithm) = algorithm else {
            return Err(Status::internal(
                "a message is marked as compressed, but the call's grpc-encoding is identity",
            ));
        };
        let mut message = DecompressBuffer::new(limits.max_message_bytes);
        match algorithm.decompress(body, &mut message) {
            Ok(()) => Ok(message.into_bytes()),
            Err(DecompressError::TooLarge) => Err(too_large(side, limits.max_message_bytes)),
            Err(error) => {
                let what = if side == Side::Client { "reply" } else { "request" };
                let name = algorithm.name();
                Err(Status::internal(format!("the {what} cannot be decompressed with {name}: {error}")))
            }
        }
    }
}

fn unreadable(name: &str, known: &Compressions) -> Status {
    let accepted = known.names().map_or(IDENTITY, |names| names);
    Status::internal(format!("the reply is compressed with {name}, but this client accepts only: {accepted}")).note(
        "hint",
        "the features `gzip` and `zstd` of halloo bring algorithms; `.accept_compression(..)` adds another",
    )
}

fn too_large(side: Side, limit: usize) -> Status {
    let (text, hint) = match side {
        Side::Client => (
            format!("reply is more than {limit} bytes when it is decompressed, which is what this client accepts"),
            ".max_reply_bytes(..) on the call or the channel raises the limit, or stream it in parts",
        ),
        Side::Server => (
            format!("request is more than {limit} bytes when it is decompressed, this server's max_request_bytes"),
            ".max_request_bytes(..) on the server raises the limit, or stream it in parts",
        ),
    };
    Status::resource_exhausted(text).note("hint", hint)
}

/// Says in a response's head how its messages are compressed.
pub(crate) fn announce(head: &mut Metadata, algorithm: &dyn Compression) {
    set_field(head, GRPC_ENCODING, algorithm.name());
}

/// Sets a field that is the protocol's own, which metadata carries to the wire and hides from users on the way back.
fn set_field(metadata: &mut Metadata, name: &str, value: &str) {
    let name = name.as_bytes();
    if metadata.push_wire(name, Bytes::copy_from_slice(value.as_bytes())).is_err() {
        tracing::debug!(value, "a name of a compression cannot travel");
    }
}

impl fmt::Debug for Compressions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Compressions").field(&self.names()).finish()
    }
}

/// Says how a handler wants its reply to leave.
#[derive(Clone, Debug)]
pub enum ReplyCompression {
    /// As it is.
    Uncompressed,
    /// With this algorithm, if the client knows it.
    With(Arc<dyn Compression>),
}
