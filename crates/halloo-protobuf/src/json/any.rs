//! A message within a `google.protobuf.Any`, to JSON and back, under the limits of the message around it.
//!
//! Generated code registers these functions for each message type.

use std::cell::Cell;

use buffa::type_registry::{JsonAnyEntry, TypeRegistry};
use buffa::{DecodeOptions, Message, MessageName};
use buffa_types::google::protobuf::{Any, ListValue, Struct, Value as AnyValue};
use halloo_core::DecodeLimits;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::limited;

thread_local! {
    /// How many messages of `Any`s are being written around this one.
    static AROUND: Cell<u32> = const { Cell::new(0) };
}

/// Puts back how many there were, also where writing panics.
struct Restored(u32);

impl Drop for Restored {
    fn drop(&mut self) {
        AROUND.set(self.0);
    }
}

/// Writes the message that an `Any` holds as `bytes`.
///
/// Decoding does not look into an `Any`, so a message may hold one at its deepest place, and that one another, and so on:
/// a short one would need a stack of any size. Each may be half as deep as the one around it, 200 messages in all.
///
/// # Errors
/// Bytes that are not such a message, or nested too deeply.
pub fn any_to_json<M: Message + Serialize>(bytes: &[u8]) -> Result<Value, String> {
    let around = AROUND.get();
    let depth = DecodeLimits::default().max_depth.checked_shr(around).unwrap_or(0);
    if depth == 0 {
        return Err("too many messages of the type google.protobuf.Any are within each other".to_owned());
    }
    let options = DecodeOptions::new().with_recursion_limit(depth);
    let message: M = options.decode_from_slice(bytes).map_err(|error| error.to_string())?;
    let _restored = Restored(AROUND.replace(around + 1));
    serde_json::to_value(&message).map_err(|error| error.to_string())
}

/// Reads a message that an `Any` is to hold.
///
/// # Errors
/// What is not such a message, or exceeds what is left of the limits of the message around it; the default ones where
/// that is read by serde alone.
pub fn any_from_json<M: Message + DeserializeOwned>(value: Value) -> Result<Vec<u8>, String> {
    let message: M = limited::read_part(value).map_err(|error: serde_json::Error| error.to_string())?;
    message.try_encode_to_vec().map_err(|error| error.to_string())
}

/// Registers the well-known types, and again those that can hold much.
pub(super) fn register_well_known(registry: &mut TypeRegistry) {
    fn register<M: Message + MessageName + Serialize + DeserializeOwned>(registry: &mut TypeRegistry) {
        let (to_json, from_json) = (any_to_json::<M>, any_from_json::<M>);
        registry.register_json_any(JsonAnyEntry { type_url: M::TYPE_URL, to_json, from_json, is_wkt: true });
    }
    buffa_types::register_wkt_types(registry);
    register::<Any>(registry);
    register::<AnyValue>(registry);
    register::<ListValue>(registry);
    register::<Struct>(registry);
}
