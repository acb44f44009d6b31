//! The descriptors of both versions, and their one method.

use halloo_core::{Codecs, Method, MethodDescriptor, MethodKind, ServiceDescriptor};
use halloo_protobuf::Protobuf;

use super::messages::{ServerReflectionRequest, ServerReflectionResponse};

const NAME: &str = "grpc.reflection.v1.ServerReflection";
const NAME_ALPHA: &str = "grpc.reflection.v1alpha.ServerReflection";

/// Describes the service `grpc.reflection.v1.ServerReflection`.
pub static REFLECTION: ServiceDescriptor =
    ServiceDescriptor::new(NAME, &METHODS, include_bytes!("../../generated/grpc.reflection.v1.bin"));

/// Describes the service `grpc.reflection.v1alpha.ServerReflection`, the only one that older tools know.
pub static REFLECTION_ALPHA: ServiceDescriptor =
    ServiceDescriptor::new(NAME_ALPHA, &METHODS_ALPHA, include_bytes!("../../generated/grpc.reflection.v1alpha.bin"));

static METHODS: [MethodDescriptor; 1] = [MethodDescriptor::new(
    NAME,
    "ServerReflectionInfo",
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    MethodKind::BidiStreaming,
)];

static METHODS_ALPHA: [MethodDescriptor; 1] = [MethodDescriptor::new(
    NAME_ALPHA,
    "ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    MethodKind::BidiStreaming,
)];

/// Answers questions about the server.
pub static INFO: Method<ServerReflectionRequest, ServerReflectionResponse> =
    Method::new(&METHODS[0], Codecs::new(&[&Protobuf]), Codecs::new(&[&Protobuf]));

/// Answers questions about the server. The messages of both versions are the same bytes.
pub static INFO_ALPHA: Method<ServerReflectionRequest, ServerReflectionResponse> =
    Method::new(&METHODS_ALPHA[0], Codecs::new(&[&Protobuf]), Codecs::new(&[&Protobuf]));
