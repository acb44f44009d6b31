//! Messages as JSON: the codec behind `application/grpc+json`, and what it knows of the types within an `Any`.

mod codec;
mod registry;

pub use codec::{Json, JsonView};
pub use registry::{RegisterTypes, register_json_types};
