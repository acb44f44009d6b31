//! gRPC for Rust: typed services and clients from `.proto` files, over an HTTP/2 engine made for gRPC.
//!
//! This crate is what programs depend on; `halloo-build`, among their build-dependencies, turns `.proto` files into
//! Rust. Its root has the names that most programs use; everything else is in modules, and each says when it is needed.
//!
#![doc = include_str!("../guide.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod macros;

pub use halloo_call::{MessageReceiver, MessageSender, Reply, Request, Result};
pub use halloo_client::{Channel, ChannelBuilder, Error};
pub use halloo_core::{Code, Deadline, Metadata, Origin, Peer, PeerAddress, Status};
#[cfg(feature = "jwt")]
#[doc(inline)]
pub use halloo_jwt as jwt;
#[cfg(feature = "protobuf")]
#[cfg_attr(docsrs, doc(cfg(feature = "protobuf")))]
#[doc(inline)]
pub use halloo_protobuf as protobuf;
pub use halloo_server::{Router, Server, ServerHandle};
#[cfg(feature = "protobuf")]
#[cfg_attr(docsrs, doc(cfg(feature = "protobuf")))]
pub use halloo_services::StatusDetails;
#[cfg(feature = "tower")]
#[doc(inline)]
pub use halloo_tower as tower;

pub mod balance {
    //! Load balancing: which of a target's servers are connected, and which of them each call goes to.
    //!
    //! A channel has [`PickFirst`] unless [`ChannelBuilder::balance`](crate::ChannelBuilder::balance) gives it another
    //! [`LoadBalancer`]. Needed for a policy of your own; the example is at [`LoadBalancer`].

    pub use halloo_client::{
        Command, ConnectFailure, Control, Done, LoadBalancer, OnDone, Pick, PickArgs, PickFirst, Picked, Picker,
        SubchannelId, SubchannelUpdate,
    };
}

pub mod client {
    //! What a client has besides its [`Channel`](crate::Channel): the calls that it returns, a channel's state, and the
    //! back-off between connection attempts.
    //!
    //! Needed for functions that take or return a call which has not been awaited, and to watch or tune connections.
    //!
    //! ```
    //! use std::time::Duration;
    //!
    //! use halloo::Channel;
    //! use halloo::client::{Backoff, ConnectivityState};
    //!
    //! # #[tokio::main]
    //! # async fn main() -> Result<(), halloo::Error> {
    //! let quick = Backoff::new().initial(Duration::from_millis(100)).max(Duration::from_secs(5));
    //! let channel = Channel::builder("http://localhost:50051").backoff(quick).build()?;
    //! assert_eq!(channel.state(), ConnectivityState::Idle); // it connects at the first call
    //! # Ok(())
    //! # }
    //! ```

    pub use halloo_client::{
        Backoff, BidiStreamingCall, ClientStreamingCall, ConnectivityState, PendingReply, ServerStreamingCall,
        UnaryCall,
    };
}

pub mod codec {
    //! Codecs: messages to bytes and back, chosen per call by the content-subtype.
    //!
    //! [`protobuf`](crate::protobuf) has those for protobuf and JSON. Needed for messages in another format; the
    //! example is at [`Codec`].

    pub use halloo_core::{Codec, Codecs, DecodeLimits, EncodeBuffer};
}

pub mod compression {
    //! Compression of messages: the algorithms, and the trait for others.
    //!
    //! `Gzip` and `Deflate` come with the feature `gzip`, `Zstd` with the feature `zstd`. Servers and channels accept
    //! what is there; they compress only where `.compress(..)` says so. For another algorithm, implement
    //! [`Compression`], which has an example.
    //!
    //! ```
    //! # #[cfg(feature = "gzip")]
    //! # fn main() -> Result<(), halloo::Error> {
    //! use halloo::Channel;
    //! use halloo::compression::Gzip;
    //!
    //! let channel = Channel::builder("http://localhost:50051").compress(Gzip::level(1)).build()?;
    //! # Ok(())
    //! # }
    //! # #[cfg(not(feature = "gzip"))]
    //! # fn main() {}
    //! ```

    #[cfg(any(feature = "gzip", feature = "zstd"))]
    pub use halloo_call::Level;
    #[cfg(feature = "zstd")]
    pub use halloo_call::Zstd;
    pub use halloo_call::{Compressions, Compressor};
    #[cfg(feature = "gzip")]
    pub use halloo_call::{Deflate, Gzip};
    pub use halloo_core::{Compression, DecompressBuffer, DecompressError};
}

pub mod credentials {
    //! Call credentials: metadata that proves to a server who calls, and the protection that it needs on the way.
    //!
    //! Needed by a client whose server wants a token: [`BearerToken`], [`TokenFile`], [`TokenSource`], or a
    //! [`CallCredentials`] of your own. The server's side is `halloo::jwt`.
    //!
    //! ```
    //! use halloo::Channel;
    //! use halloo::credentials::BearerToken;
    //!
    //! let channel = Channel::builder("unix:greeter.sock").credentials(BearerToken::new("secret")?).build()?;
    //! # Ok::<(), halloo::Error>(())
    //! ```

    pub use halloo_client::{
        BearerToken, CallCredentials, CredentialRequest, CredentialsFuture, Token, TokenFile, TokenSource,
    };
    pub use halloo_core::SecurityLevel;
}

pub mod descriptor {
    //! Descriptors: what a `.proto` says of services and methods, at run time.
    //!
    //! Generated code makes them. Needed by interceptors and balancers that decide by method, and for calls without
    //! generated code, which a [`Method`] describes.
    //!
    //! ```
    //! use greeter::GreeterClient;
    //! use halloo::descriptor::MethodKind;
    //!
    //! let say_hello = &GreeterClient::DESCRIPTOR.methods()[0];
    //! assert_eq!(say_hello.full_name(), "greeter.Greeter/SayHello");
    //! assert_eq!(say_hello.kind(), MethodKind::Unary);
    //! ```

    pub use halloo_core::{Idempotency, Method, MethodDescriptor, MethodKind, MethodRef, ServiceDescriptor};
}

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

pub mod http2 {
    //! Settings of HTTP/2 connections: flow-control windows, and the limits on what a peer can cost.
    //!
    //! The defaults suit most servers; [`Server::http2`](crate::Server::http2) takes others.
    //!
    //! ```
    //! use halloo::Server;
    //! use halloo::http2::Http2Config;
    //!
    //! # #[tokio::main]
    //! # async fn main() -> Result<(), halloo::Error> {
    //! let mut config = Http2Config::default();
    //! config.limits.max_concurrent_streams = 100;
    //! let server = Server::bind("127.0.0.1:0").await?.http2(config);
    //! # Ok(())
    //! # }
    //! ```

    pub use halloo_transport::{Http2Config, Http2Limits};
}

pub mod interceptor {
    //! Interceptors: code around every call of a server or a channel.
    //!
    //! Needed for what is the same for many methods: authentication, logging, limits. The examples are at
    //! [`Interceptor`] and [`Next`]. What an interceptor puts into the [`Extensions`] of a [`Call`], the handler finds
    //! in its request.

    pub use halloo_call::{Call, Interceptor, Next, Outcome, OutcomeFuture};
    pub use halloo_core::Extensions;
}

pub mod metadata {
    //! The parts of [`Metadata`](crate::Metadata): values, and the error for keys and values that metadata cannot have.
    //!
    //! ```
    //! use halloo::Metadata;
    //! use halloo::metadata::Value;
    //!
    //! let mut metadata = Metadata::new();
    //! metadata.append("x-user", "ada")?;
    //! for (key, value) in metadata.iter() {
    //!     assert!(key == "x-user" && matches!(value, Value::Ascii(text) if text == "ada"));
    //! }
    //! # Ok::<(), halloo::metadata::MetadataError>(())
    //! ```

    pub use halloo_core::{MetadataError, Value};
}

pub mod resolve {
    //! Name resolution: the addresses behind a channel's target.
    //!
    //! A target's scheme chooses between [`Dns`] and [`Fixed`], unless
    //! [`ChannelBuilder::resolver`](crate::ChannelBuilder::resolver) gives the channel another [`Resolver`]. Needed for
    //! servers that a registry of your own lists; the examples are at [`Resolver`].

    pub use halloo_client::{Address, Dns, Endpoint, Fixed, Resolution, Resolver, ResolverEvent, Wake};
}

#[cfg(feature = "protobuf")]
#[cfg_attr(docsrs, doc(cfg(feature = "protobuf")))]
pub mod rpc {
    //! The messages of `google.rpc`: the standard details of a [`Status`](crate::Status).
    //!
    //! [`StatusDetails`](crate::StatusDetails) writes and reads them. Needed for those that it has no method for:
    //!
    //! ```
    //! use halloo::rpc::DebugInfo;
    //! use halloo::{Status, StatusDetails as _};
    //!
    //! let status = Status::internal("the query failed").detail(&DebugInfo::default().with_detail("table `users`"));
    //! assert_eq!(status.details_of::<DebugInfo>()[0].detail, "table `users`");
    //! ```

    pub use halloo_services::details::rpc::*;
}

pub mod server {
    //! What a server has besides [`Server`](crate::Server) and [`Router`](crate::Router): listeners, time limits, where
    //! handlers run, and answers to requests that are not RPCs.
    //!
    //! [`Cancelled`] and [`Scope`] are what a handler gets from its request for the tasks that it spawns. Generated code
    //! registers handlers with [`Service`], [`Services`] and [`Methods`]; functions that are generic over services name
    //! them, too:
    //!
    //! ```
    //! use std::time::Duration;
    //!
    //! use greeter::{GreeterServer, MyGreeter};
    //! use halloo::Server;
    //! use halloo::server::{Services, TimeLimits};
    //!
    //! async fn serve(services: impl Services) -> Result<(), halloo::Error> {
    //!     let limits = TimeLimits::none().max_timeout(Duration::from_secs(60));
    //!     let server = Server::bind("127.0.0.1:0").await?.time_limits(limits);
    //! #   let server = server.shutdown_on(std::future::ready(()));
    //!     server.serve(services).await
    //! }
    //! # #[tokio::main]
    //! # async fn main() -> Result<(), halloo::Error> {
    //! #     serve(GreeterServer::new(MyGreeter)).await
    //! # }
    //! ```

    pub use halloo_call::{Cancelled, Execution, HttpRequest, Scope, TimeLimits};
    pub use halloo_server::{Fallback, HttpResponder, MethodExecution, Methods, Service, Services};
    pub use halloo_transport::{BindError, ListenAddress, Listener};
}

pub mod stats {
    //! Statistics: events of calls, messages and connections, for metrics.
    //!
    //! Implement [`StatsHandler`], which has an example, and give it to `.stats(..)` of a server or a channel.

    pub use halloo_call::{CallId, ConnectionId, Side, StatsEvent, StatsHandler};
}

pub mod tls {
    //! TLS: certificates, keys and authorities of servers and clients.
    //!
    //! `Tls` is for a server, `ClientTls` for a channel; both come with the feature `tls` or `tls-ring`. A handler finds
    //! the client's [`CertificateChain`] in [`Peer::certificates`](crate::Peer::certificates). The guide has
    //! [an example](crate#tls).

    pub use halloo_core::CertificateChain;
    #[cfg(any(feature = "tls", feature = "tls-ring"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "tls", feature = "tls-ring"))))]
    pub use halloo_transport::{ClientCertificates, ClientTls, Tls};
}

/// Tests the code of the page on security.
#[cfg(all(doctest, feature = "jwt", feature = "tls"))]
#[doc = include_str!("../../../docs/security.md")]
mod security_page {}
