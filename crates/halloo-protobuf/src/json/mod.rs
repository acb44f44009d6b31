//! Messages as JSON: the codec behind `application/grpc+json`, and what it knows of the types within an `Any`.

mod any;
mod codec;
mod limited;
mod registry;

#[doc(hidden)]
pub use any::{any_from_json, any_to_json};
pub use codec::{Json, JsonView};
pub use registry::{RegisterTypes, register_json_types};
