//! The calling side: a [`Channel`] to a service, and the calls that are made on it.
//!
//! ```text
//!  Channel ── picks ──▶ Subchannel (one address) ── has ──▶ connection (HTTP/2, in halloo-transport)
//!     ▲ addresses: Resolver      ▲ which, and when to connect: LoadBalancer
//! ```
//! Resolver, balancer and subchannels are pure and belong to `halloo-plane`; `driver.rs` gives them sockets and a
//! clock; a call reads only what they published.

mod attempt;
mod builder;
mod call;
mod channel;
mod connect;
mod credentials;
mod defaults;
mod driver;
mod failure;
#[cfg(feature = "services")]
mod health;
mod remote;

pub use builder::ChannelBuilder;
pub use call::streaming::{BidiStreamingCall, ClientStreamingCall, PendingReply, ServerStreamingCall};
pub use call::unary::UnaryCall;
pub use channel::{Channel, Error};
pub use credentials::{
    BearerToken, CallCredentials, CredentialRequest, CredentialsFuture, Token, TokenFile, TokenSource,
};
pub use halloo_core::Address;
pub use halloo_plane::{
    Backoff, Command, ConnectFailure, ConnectivityState, Control, Dns, Done, Endpoint, Fixed, LoadBalancer, OnDone,
    Pick, PickArgs, PickFirst, Picked, Picker, Resolution, Resolver, ResolverEvent, SubchannelId, SubchannelUpdate,
    Wake,
};
#[cfg(feature = "services")]
pub use health::HealthClient;
