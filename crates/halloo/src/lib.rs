//! gRPC for Rust: typed services and clients from `.proto` files, over an HTTP/2 engine made for gRPC.
//!
//! This crate is what programs depend on; `halloo-build`, among their build-dependencies, turns `.proto` files into
//! Rust.
//!
#![doc = include_str!("../guide.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod macros;

#[cfg(any(feature = "gzip", feature = "zstd"))]
pub use halloo_call::Level;
#[cfg(feature = "zstd")]
pub use halloo_call::Zstd;
pub use halloo_call::{
    Call, CallId, Cancelled, Compressions, Compressor, ConnectionId, Execution, HttpRequest, Interceptor,
    MessageReceiver, MessageSender, Next, Outcome, OutcomeFuture, Reply, Request, Result, Scope, Side, StatsEvent,
    StatsHandler, TimeLimits,
};
#[cfg(feature = "gzip")]
pub use halloo_call::{Deflate, Gzip};
pub use halloo_client::{
    Address, Backoff, BearerToken, BidiStreamingCall, CallCredentials, Channel, ChannelBuilder, ClientStreamingCall,
    Command, ConnectFailure, ConnectivityState, Control, CredentialRequest, CredentialsFuture, Dns, Done, Endpoint,
    Error, Fixed, LoadBalancer, OnDone, PendingReply, Pick, PickArgs, PickFirst, Picked, Picker, Resolution, Resolver,
    ResolverEvent, ServerStreamingCall, SubchannelId, SubchannelUpdate, Token, TokenFile, TokenSource, UnaryCall, Wake,
};
pub use halloo_core::{
    CertificateChain, Code, Codec, Codecs, Compression, Deadline, DecodeLimits, DecompressBuffer, DecompressError,
    EncodeBuffer, Extensions, Idempotency, Metadata, MetadataError, Method, MethodDescriptor, MethodKind, Origin, Peer,
    PeerAddress, SecurityLevel, ServiceDescriptor, Status, Value,
};
#[cfg(feature = "jwt")]
#[doc(inline)]
pub use halloo_jwt as jwt;
#[cfg(feature = "protobuf")]
#[cfg_attr(docsrs, doc(cfg(feature = "protobuf")))]
pub use halloo_protobuf as protobuf;
pub use halloo_server::{
    Fallback, HttpResponder, MethodExecution, Methods, Router, Server, ServerHandle, Service, Services,
};
#[cfg(feature = "protobuf")]
#[cfg_attr(docsrs, doc(cfg(feature = "protobuf")))]
pub use halloo_services::{StatusDetails, details::rpc};
#[cfg(feature = "tower")]
#[doc(inline)]
pub use halloo_tower as tower;
pub use halloo_transport::{BindError, Http2Config, Http2Limits, ListenAddress, Listener};
#[cfg(any(feature = "tls", feature = "tls-ring"))]
#[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
pub use halloo_transport::{ClientCertificates, ClientTls, Tls};

#[cfg(feature = "services")]
#[cfg_attr(docsrs, doc(cfg(feature = "services")))]
pub mod health {
    //! Health checks (`grpc.health.v1`): what a server says of itself, and how a client asks.
    //!
    //! A server answers health checks by default; [`Server::health`](crate::Server::health) is the handle to what it
    //! says. [`HealthClient`] asks, and so do grpc-health-probe and Kubernetes, which needs no more than
    //!
    //! ```yaml
    //! readinessProbe:
    //!   grpc:
    //!     port: 50051
    //!     service: greeter.Greeter # without it: the server as a whole
    //! ```
    //!
    //! Probes carry no token, and interceptors do not see them. A server that demands client certificates is probed on
    //! a second port, where another [`Server`](crate::Server) serves its handle.
    //!
    //! ```
    //! use halloo::health::{Health, HealthClient, ServingStatus};
    //! use halloo::{Channel, Router};
    //!
    //! # #[tokio::main]
    //! # async fn main() -> Result<(), halloo::Error> {
    //! let health = Health::default();
    //! let client = HealthClient::new(Channel::in_process(Router::new(health.clone())));
    //! let mut states = client.watch("greeter.Greeter").await?;
    //! assert_eq!(states.next().await?.unwrap().status, ServingStatus::SERVICE_UNKNOWN);
    //! health.set_serving("greeter.Greeter");
    //! assert_eq!(states.next().await?.unwrap().status, ServingStatus::SERVING);
    //! # Ok(())
    //! # }
    //! ```

    pub use halloo_client::HealthClient;
    pub use halloo_services::health::{
        Health, HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse, ServingStatus,
    };
}

/// Tests the code of the page on security.
#[cfg(all(doctest, feature = "jwt", feature = "tls"))]
#[doc = include_str!("../../../docs/security.md")]
mod security_page {}
