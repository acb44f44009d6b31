//! `Codec`: messages to bytes and back, chosen a call at run time by the content-subtype.
//!
//! The codecs themselves are elsewhere; here is what they have to be and how one is found.

use std::fmt;

use bytes::Bytes;

use crate::encode_buffer::EncodeBuffer;
use crate::status::Status;

/// The default limit of a received message: 4 MiB, gRPC's own.
pub const DEFAULT_MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Turns messages of type `M` into bytes and back.
///
/// ```
/// use bytes::Bytes;
/// # mod halloo { pub use halloo_core as codec; pub use halloo_core::Status; }
/// use halloo::Status;
/// use halloo::codec::{Codec, DecodeLimits, EncodeBuffer};
///
/// struct Text;
///
/// impl Codec<String> for Text {
///     fn subtype(&self) -> &'static str {
///         "text"
///     }
///     fn encode(&self, message: &String, out: &mut EncodeBuffer) -> Result<(), Status> {
///         out.put_slice(message.as_bytes());
///         Ok(())
///     }
///     fn decode(&self, body: Bytes, _limits: &DecodeLimits) -> Result<String, Status> {
///         String::from_utf8(body.into()).map_err(|error| Status::internal("the text is not UTF-8").caused_by(error))
///     }
/// }
/// ```
pub trait Codec<M>: Send + Sync {
    /// Returns the content-subtype that names this codec on the wire, for example `proto`; lower-case.
    fn subtype(&self) -> &'static str;

    /// Appends the encoded message to `out`; the envelope around it is the caller's.
    ///
    /// # Errors
    /// When the message cannot be expressed. The caller takes back what was written.
    fn encode(&self, message: &M, out: &mut EncodeBuffer) -> Result<(), Status>;

    /// Reads one message, which is all of `body`.
    ///
    /// # Errors
    /// When `body` is not such a message (INTERNAL) or breaks a limit (RESOURCE_EXHAUSTED).
    fn decode(&self, body: Bytes, limits: &DecodeLimits) -> Result<M, Status>;
}

/// Limits what decoding a message may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeLimits {
    /// Bytes of one message, after decompression. Default: 4 MiB.
    pub max_message_bytes: usize,
    /// Messages within messages. Default: 100, as in most protobuf libraries.
    pub max_depth: u32,
}

impl DecodeLimits {
    /// Makes the default limits with another message size.
    pub const fn new(max_message_bytes: usize) -> Self {
        Self { max_message_bytes, max_depth: 100 }
    }
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_MESSAGE_BYTES)
    }
}

/// Lists the codecs that can carry messages of type `M`; the first is the default.
pub struct Codecs<M: 'static>(&'static [&'static dyn Codec<M>]);

impl<M: 'static> Codecs<M> {
    /// Makes a list of codecs.
    ///
    /// # Panics
    /// When the list is empty; in a constant, that is a compile error.
    pub const fn new(codecs: &'static [&'static dyn Codec<M>]) -> Self {
        assert!(!codecs.is_empty(), "a message type needs at least one codec");
        Self(codecs)
    }

    /// Returns the codec with this content-subtype. The case of ASCII letters does not matter.
    pub fn find(self, subtype: &str) -> Option<&'static dyn Codec<M>> {
        let default = self.0[0];
        if default.subtype() == subtype {
            return Some(default);
        }
        self.0.iter().copied().find(|codec| codec.subtype().eq_ignore_ascii_case(subtype))
    }

    /// Returns the first codec: the one a client uses unless told otherwise.
    pub const fn default(self) -> &'static dyn Codec<M> {
        self.0[0]
    }

    /// Returns the content-subtypes, the default first.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|codec| codec.subtype())
    }
}

impl<M: 'static> Clone for Codecs<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M: 'static> Copy for Codecs<M> {}

impl<M: 'static> fmt::Debug for Codecs<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
