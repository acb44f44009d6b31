//! `Json` and `JsonView`: messages, or views, in the canonical JSON form of protobuf, under the subtype `json`.

use std::fmt;
use std::io;
use std::marker::PhantomData;
use std::sync::Once;

use buffa::{HasMessageView, Message, MessageName, OwnedView};
use bytes::{Bytes, BytesMut};
use halloo_core::{Codec, DecodeLimits, EncodeBuffer, Status};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::limited::{self, Fault};
use super::registry::{RegisterTypes, register_json_types};
use crate::codec::options;

/// The content-subtype of JSON; gRPC's documents name it as their example of another format.
const SUBTYPE: &str = "json";

/// No message is longer in protobuf either.
const MAX_MESSAGE_BYTES: usize = i32::MAX as usize;

/// Encodes and decodes generated messages in the canonical JSON form of protobuf (ProtoJSON).
///
/// Generated code with a JSON form has one for each package. Fields that are at their default are left out, names are
/// in camelCase; the names of the `.proto` file are read, too. Unknown fields are skipped, as a newer peer may send
/// them; an unknown name of an enum is an error.
///
/// Decoding refuses what breaks a limit: messages nested deeper than [`DecodeLimits::max_depth`], or than 128 objects
/// and lists together; and messages whose elements would take more memory than 16 times
/// [`DecodeLimits::max_message_bytes`] (at least 32 MiB), as for [`Protobuf`](crate::Protobuf). The paths of a
/// `FieldMask` are one text, and not counted: each of its bytes may take about 30 of memory.
///
/// ```
/// # use halloo_protobuf as protobuf;
/// use halloo::codec::{Codec, DecodeLimits};
/// use protobuf::Json;
/// use protobuf::well_known::Duration;
///
/// static JSON: Json = Json::new(&[]); // no packages beside the well-known types
///
/// let took: Duration = JSON.decode(r#""1.5s""#.into(), &DecodeLimits::default())?;
/// assert_eq!((took.seconds, took.nanos), (1, 500_000_000));
/// # Ok::<(), halloo::Status>(())
/// ```
pub struct Json {
    packages: &'static [RegisterTypes],
    registered: Once,
}

impl Json {
    /// Makes a codec that knows the messages of `packages` within a `google.protobuf.Any`; see
    /// [`register_json_types`].
    pub const fn new(packages: &'static [RegisterTypes]) -> Self {
        Self { packages, registered: Once::new() }
    }

    /// Registers what this codec has to know, the first time.
    fn register(&self) {
        self.registered.call_once(|| register_json_types(self.packages));
    }

    fn read<M: MessageName + DeserializeOwned>(&self, body: &[u8], limits: &DecodeLimits) -> Result<M, Status> {
        self.register();
        let read = || {
            let mut text = serde_json::Deserializer::from_slice(body);
            let message = limited::read(&mut text)?;
            text.end()?;
            Ok(message)
        };
        limited::within(limits, read).map_err(|fault| read_failure(M::FULL_NAME, fault))
    }

    fn write<M: MessageName + Serialize>(&self, message: &M, out: &mut EncodeBuffer) -> Result<(), Status> {
        self.register();
        let sink = Sink { out: out.tail_mut(), room: MAX_MESSAGE_BYTES };
        serde_json::to_writer(sink, message).map_err(|error| {
            let text = format!("cannot encode {} as JSON: {}", M::FULL_NAME, short(&error));
            let status = if error.is_io() { Status::resource_exhausted(text) } else { Status::internal(text) };
            status.caused_by(error)
        })
    }
}

impl<M: Message + MessageName + Serialize + DeserializeOwned> Codec<M> for Json {
    fn subtype(&self) -> &'static str {
        SUBTYPE
    }

    fn encode(&self, message: &M, out: &mut EncodeBuffer) -> Result<(), Status> {
        self.write(message, out)
    }

    fn decode(&self, body: Bytes, limits: &DecodeLimits) -> Result<M, Status> {
        self.read(&body, limits)
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Json").field("packages", &self.packages.len()).finish_non_exhaustive()
    }
}

/// Decodes the message `M` from JSON as its owned view, for handlers that take views.
///
/// A view borrows from bytes in protobuf's own form, so the message is decoded, and encoded once more.
pub struct JsonView<M> {
    json: &'static Json,
    message: PhantomData<fn() -> M>,
}

impl<M> JsonView<M> {
    /// Makes a codec with what `json` knows.
    pub const fn new(json: &'static Json) -> Self {
        Self { json, message: PhantomData }
    }
}

impl<M> Codec<M::ViewHandle> for JsonView<M>
where
    M: Message + HasMessageView + MessageName + Serialize + DeserializeOwned,
{
    fn subtype(&self) -> &'static str {
        SUBTYPE
    }

    fn encode(&self, message: &M::ViewHandle, out: &mut EncodeBuffer) -> Result<(), Status> {
        let message = M::decode(&mut message.as_ref().bytes().clone()).map_err(|error| {
            Status::internal(format!("cannot encode {} as JSON: {error}", M::FULL_NAME)).caused_by(error)
        })?;
        self.json.write(&message, out)
    }

    fn decode(&self, body: Bytes, limits: &DecodeLimits) -> Result<M::ViewHandle, Status> {
        let message: M = self.json.read(&body, limits)?;
        let view = OwnedView::<M::View<'static>>::decode_with_options(message.encode_to_bytes(), &options(limits));
        view.map(M::ViewHandle::from).map_err(|error| {
            Status::internal(format!("cannot decode {} from JSON: {error}", M::FULL_NAME)).caused_by(error)
        })
    }
}

impl<M: MessageName> fmt::Debug for JsonView<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("JsonView").field(&M::FULL_NAME).finish()
    }
}

/// The most of an error's text that is told: it may repeat what a peer has sent.
const MAX_ERROR_BYTES: usize = 300;

fn read_failure(message: &str, fault: Fault<serde_json::Error>) -> Status {
    let Fault { error, place, is_too_large } = fault;
    let place = if place.is_empty() { place } else { format!("{place}: ") };
    let text = format!("cannot decode {message} from JSON: {place}{}", short(&error));
    let status = match is_too_large {
        true => Status::resource_exhausted(text).note("hint", "a larger limit on message bytes also raises this limit"),
        false => Status::internal(text),
    };
    status.caused_by(error)
}

fn short(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.char_indices().find(|(at, _)| *at >= MAX_ERROR_BYTES) {
        Some((end, _)) if error.line() == 0 => format!("{}…", &text[..end]),
        Some((end, _)) => format!("{}… at line {} column {}", &text[..end], error.line(), error.column()),
        None => text,
    }
}

/// Takes the text of one message, as far as an envelope can carry it.
struct Sink<'a> {
    out: &'a mut BytesMut,
    room: usize,
}

impl io::Write for Sink<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.room = self.room.checked_sub(bytes.len()).ok_or_else(|| io::Error::other("the message has over 2 GiB"))?;
        self.out.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
