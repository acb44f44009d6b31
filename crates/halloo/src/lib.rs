//! gRPC for Rust: typed services and clients from `.proto` files, over an HTTP/2 engine made for gRPC.
//!
//! This crate is what programs depend on; `halloo-build`, among their build-dependencies, turns `.proto` files into
//! Rust.
//!
#![doc = include_str!("../guide.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

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

/// Brings in what `halloo_build` made of one package: its messages, service traits, servers and clients.
///
/// ```text
/// halloo::include_proto!("greeter");
/// ```
///
/// The items land where the macro stands, together with the packages within that one and the top-level modules of
/// the packages that it imports. A package that is not there is a compile error that names those that are. For
/// several packages in one crate, [`include_protos!`] once is the better choice: what they share is then one type.
#[macro_export]
macro_rules! include_proto {
    ($($package:tt)*) => {
        // In a block of its own, so that a mistake is shown at the user's line.
        const _: () = {
            mod __halloo_check {
                $crate::__include_generated!("/check_package.rs");
                __halloo_check_package!($($package)*);
            }
        };
        macro_rules! __halloo_wanted {
            ($include:ident) => {
                $include! { $($package)* }
            };
        }
        $crate::__include_generated!("/include_proto.rs");
    };
}

/// Brings in everything that `halloo_build` made, as a tree of modules, one a part of each package's name.
///
/// ```text
/// mod proto {
///     halloo::include_protos!();
/// }
/// use proto::shop::v1::Order;
/// ```
#[macro_export]
macro_rules! include_protos {
    () => {
        $crate::__include_generated!("/include_protos.rs");
    };
}

/// What generated code says of itself: which kind of it this is. Counted up when code of before no longer fits.
#[doc(hidden)]
#[macro_export]
macro_rules! __expect_generated_code {
    (1) => {};
    ($other:tt) => {
        ::core::compile_error!(
            "this code was generated for another version of halloo; generate it anew with halloo-build or \
             protoc-gen-halloo of the version that halloo has"
        );
    };
}

/// What generated code with a JSON form asks for.
#[cfg(feature = "json")]
#[doc(hidden)]
#[macro_export]
macro_rules! __expect_json {
    () => {};
}

/// What generated code with a JSON form asks for.
#[cfg(not(feature = "json"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __expect_json {
    () => {
        ::core::compile_error!(
            "this code was generated with a JSON form; add the feature `json` to halloo in Cargo.toml: \
             halloo = { version = \"..\", features = [\"json\"] }"
        );
    };
}

/// Tests the code of the page on security.
#[cfg(all(doctest, feature = "jwt", feature = "tls"))]
#[doc = include_str!("../../../docs/security.md")]
mod security_page {}

#[doc(hidden)]
#[macro_export]
macro_rules! __include_generated {
    ($file:literal) => {
        ::core::include!(::core::concat!(
            ::core::env!(
                "HALLOO_PROTO_DIR",
                "no .proto file was compiled for this crate; add halloo-build to [build-dependencies] in Cargo.toml, and a build.rs with: fn main() { halloo_build::compile(\"greeter.proto\") }"
            ),
            $file
        ));
    };
}
