//! `grpc.reflection.v1` and `v1alpha`: the services' contract, and the index that answers them.

mod answers;
mod descriptor;
mod index;
mod messages;
mod methods;

pub use answers::{Reflection, Session};
pub use messages::server_reflection_request::MessageRequest;
pub use messages::server_reflection_response::MessageResponse;
pub use messages::{
    ErrorResponse, ExtensionNumberResponse, ExtensionRequest, FileDescriptorResponse, ListServiceResponse,
    ServerReflectionRequest, ServerReflectionResponse, ServiceResponse,
};
pub use methods::{INFO, INFO_ALPHA, REFLECTION, REFLECTION_ALPHA};
