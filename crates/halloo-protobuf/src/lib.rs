//! The `proto` codec, and the protobuf runtime under generated messages.
//!
//! User crates reach all of this as `halloo::protobuf`. Generated code names [`buffa`], [`well_known`],
//! [`Protobuf`] and [`ProtobufView`]; people need [`Message`] and the field types. No IO, no generation.

mod codec;
mod sink;

pub use buffa;
pub use buffa::{
    DecodeError, EnumValue, Enumeration, Extension, ExtensionSet, Map, Message, MessageField, MessageName,
};
pub use buffa_types::google::protobuf as well_known;
pub use codec::{Protobuf, ProtobufView};
