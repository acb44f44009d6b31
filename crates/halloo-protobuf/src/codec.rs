//! `Protobuf` and `ProtobufView`: messages, or views into received bytes, under the subtype `proto`.

use buffa::{DecodeError, DecodeOptions, EncodeError, HasMessageView, Message, MessageName, OwnedView, SizeCache};
use bytes::Bytes;
use halloo_core::{Codec, DecodeLimits, EncodeBuffer, Status};
use std::fmt;
use std::marker::PhantomData;

use crate::sink::Sink;

/// The content-subtype that every gRPC implementation knows.
const SUBTYPE: &str = "proto";

/// Up to this many bytes, room for a message is made in one go. Larger ones are mostly one field, for which
/// the buffer grows once anyway, or which it keeps as a segment and needs no room for.
const MAX_RESERVED_BYTES: usize = 64 * 1024;

/// Encodes and decodes every generated message.
///
/// Encoding walks the message twice: once for its size, once to write it into the call's buffer. Fields of type
/// `Bytes` of 4 KiB and more are passed on without a copy.
///
/// Decoding refuses what breaks a limit: messages nested deeper than [`DecodeLimits::max_depth`], and messages
/// whose repeated fields would take more memory than 16 times [`DecodeLimits::max_message_bytes`] (at least
/// 32 MiB). Elements can take far more memory than bytes on the wire, so the size of the message is not enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct Protobuf;

impl<M: Message + MessageName> Codec<M> for Protobuf {
    fn subtype(&self) -> &'static str {
        SUBTYPE
    }

    fn encode(&self, message: &M, out: &mut EncodeBuffer) -> Result<(), Status> {
        let mut sizes = SizeCache::new();
        let message_bytes = buffa::checked_encode_size(message.compute_size(&mut sizes))
            .map_err(|error| encode_failure(M::FULL_NAME, &error))?;
        out.tail_mut().reserve((message_bytes as usize).min(MAX_RESERVED_BYTES));
        message.write_to(&mut sizes, &mut Sink::new(out));
        Ok(())
    }

    fn decode(&self, body: Bytes, limits: &DecodeLimits) -> Result<M, Status> {
        let mut body = body;
        options(limits).decode(&mut body).map_err(|error| decode_failure(M::FULL_NAME, error))
    }
}

/// Decodes the message `M` as its owned view, which borrows text and bytes from the received message.
///
/// Encoding a view passes its bytes on as they were received. The limits are those of [`Protobuf`].
pub struct ProtobufView<M>(PhantomData<fn() -> M>);

impl<M> ProtobufView<M> {
    /// The codec, for lists of codecs in statics.
    pub const CODEC: Self = Self(PhantomData);
}

impl<M: HasMessageView + MessageName> Codec<M::ViewHandle> for ProtobufView<M> {
    fn subtype(&self) -> &'static str {
        SUBTYPE
    }

    fn encode(&self, message: &M::ViewHandle, out: &mut EncodeBuffer) -> Result<(), Status> {
        out.put_bytes(message.as_ref().bytes().clone());
        Ok(())
    }

    fn decode(&self, body: Bytes, limits: &DecodeLimits) -> Result<M::ViewHandle, Status> {
        let view = OwnedView::<M::View<'static>>::decode_with_options(body, &options(limits));
        view.map(M::ViewHandle::from).map_err(|error| decode_failure(M::FULL_NAME, error))
    }
}

impl<M> Clone for ProtobufView<M> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<M> Copy for ProtobufView<M> {}

impl<M> Default for ProtobufView<M> {
    fn default() -> Self {
        Self::CODEC
    }
}

impl<M: MessageName> fmt::Debug for ProtobufView<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProtobufView").field(&M::FULL_NAME).finish()
    }
}

/// Repeated elements may take this many times the bytes of the largest message: an empty string costs 2 bytes
/// on the wire and 24 in memory, a typical small message is within the same factor.
const ELEMENT_MEMORY_FACTOR: usize = 16;

pub(crate) fn options(limits: &DecodeLimits) -> DecodeOptions {
    DecodeOptions::new().with_recursion_limit(limits.max_depth).with_element_memory_limit(element_bytes(limits))
}

/// How much memory the elements of a message may take.
pub(crate) fn element_bytes(limits: &DecodeLimits) -> usize {
    limits.max_message_bytes.saturating_mul(ELEMENT_MEMORY_FACTOR).max(buffa::DEFAULT_ELEMENT_MEMORY_LIMIT)
}

fn decode_failure(message: &str, error: DecodeError) -> Status {
    let text = format!("cannot decode {message}: {error}");
    let status = match error {
        DecodeError::ElementMemoryLimitExceeded => {
            Status::resource_exhausted(text).note("hint", "a larger limit on message bytes also raises this limit")
        }
        DecodeError::UnknownFieldLimitExceeded => Status::resource_exhausted(text),
        _ => Status::internal(text),
    };
    status.caused_by(error)
}

fn encode_failure(message: &str, error: &EncodeError) -> Status {
    Status::resource_exhausted(format!("cannot encode {message}: {error}"))
}
