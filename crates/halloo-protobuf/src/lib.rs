//! The `proto` codec, and the protobuf runtime under generated messages.
//!
//! User crates reach all of this as `halloo::protobuf`. Generated code names [`buffa`], [`well_known`],
//! [`Protobuf`] and [`ProtobufView`]; people need [`Message`] and the field types. With the feature `json`, messages
//! have a JSON form and the codec `Json`. No IO, no generation.

mod codec;
#[cfg(feature = "json")]
mod json;
mod options;
mod sink;

pub use buffa;
pub use buffa::{
    DecodeError, EnumValue, Enumeration, Extension, ExtensionSet, Map, Message, MessageField, MessageName,
};
pub use buffa_types::google::protobuf as well_known;
pub use codec::{Protobuf, ProtobufView};
#[cfg(feature = "json")]
pub use json::{Json, JsonView, RegisterTypes, register_json_types};
#[cfg(feature = "json")]
#[doc(hidden)]
pub use json::{any_from_json, any_to_json};
pub use options::CustomOptions;
/// What the JSON form of generated messages is derived with.
#[cfg(feature = "json")]
#[doc(hidden)]
pub use serde;
