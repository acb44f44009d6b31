//! The vocabulary of gRPC, without IO: what a call is named, what it carries, how long it may take, how it ends,
//! and how its messages are framed.
//!
//! Every other crate of Halloo speaks in these types. Nothing here opens a socket, takes a lock, knows an async
//! runtime or reads a clock: whoever needs the time passes `now`.

mod address;
mod code;
mod codec;
mod compression;
mod content_type;
mod deadline;
mod deframer;
mod details_text;
mod encode_buffer;
mod extensions;
mod message_text;
mod metadata;
mod method;
mod peer;
mod rare_list;
mod status;
mod status_fields;
mod target;
mod timeout;

pub use address::Address;
pub use code::Code;
pub use codec::{Codec, Codecs, DEFAULT_MAX_MESSAGE_BYTES, DecodeLimits};
pub use compression::{Compression, DecompressBuffer, DecompressError};
pub use content_type::content_subtype;
pub use deadline::Deadline;
pub use deframer::{Deframer, Envelope, EnvelopeError};
pub use encode_buffer::{DrainedPiece, EncodeBuffer, EnvelopeMark, SEGMENT_MIN_BYTES};
pub use extensions::Extensions;
pub use message_text::{percent_decode_message, percent_encode_message};
pub use metadata::{Metadata, MetadataError, Value};
pub use method::{Idempotency, Method, MethodDescriptor, MethodKind, MethodRef, ServiceDescriptor};
pub use peer::{CertificateChain, Peer, PeerAddress, SecurityLevel};
pub use status::{Note, Origin, Status};
pub use target::{Escaped, Host, HostPort, Purpose, Scheme, Target, TargetError, Zone};
pub use timeout::{Timeout, TimeoutError, TimeoutText};
