//! The service's descriptor and its methods.

use halloo_core::{Codecs, Method, MethodDescriptor, MethodKind, ServiceDescriptor};
use halloo_protobuf::Protobuf;

use super::messages::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};

const NAME: &str = "grpc.health.v1.Health";

/// Describes the service `grpc.health.v1.Health`.
pub static HEALTH: ServiceDescriptor =
    ServiceDescriptor::new(NAME, &METHODS, include_bytes!("../../generated/grpc.health.v1.bin"));

static METHODS: [MethodDescriptor; 3] = [
    MethodDescriptor::new(NAME, "Check", "/grpc.health.v1.Health/Check", MethodKind::Unary),
    MethodDescriptor::new(NAME, "List", "/grpc.health.v1.Health/List", MethodKind::Unary),
    MethodDescriptor::new(NAME, "Watch", "/grpc.health.v1.Health/Watch", MethodKind::ServerStreaming),
];

/// Says how a service is at this moment.
pub static CHECK: Method<HealthCheckRequest, HealthCheckResponse> =
    Method::new(&METHODS[0], Codecs::new(&[&Protobuf]), Codecs::new(&[&Protobuf]));

/// Says how all services are.
pub static LIST: Method<HealthListRequest, HealthListResponse> =
    Method::new(&METHODS[1], Codecs::new(&[&Protobuf]), Codecs::new(&[&Protobuf]));

/// Says how a service is, at once and after each change.
pub static WATCH: Method<HealthCheckRequest, HealthCheckResponse> =
    Method::new(&METHODS[2], Codecs::new(&[&Protobuf]), Codecs::new(&[&Protobuf]));
