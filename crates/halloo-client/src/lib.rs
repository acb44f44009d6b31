//! The calling side: a [`Channel`] to a service, and the calls that are made on it.
//!
//! ```text
//!  Channel ── picks ──▶ Subchannel (one address) ── has ──▶ connection (HTTP/2, in halloo-transport)
//!     ▲ addresses: Resolver      ▲ which, and when to connect: LoadBalancer
//! ```
//! Resolver, balancer and subchannels are pure and belong to `plane.rs`; `driver.rs` gives them sockets and a
//! clock; a call reads only what they published.

mod backoff;
mod balancer;
mod builder;
mod call;
mod channel;
mod connect;
mod credentials;
mod defaults;
mod driver;
#[cfg(test)]
mod driver_tests;
mod failure;
mod health;
mod plane;
mod remote;
mod resolver;
mod state;
mod subchannel;

pub use backoff::Backoff;
pub use balancer::{Control, LoadBalancer, Pick, PickFirst, Picker, SubchannelId, SubchannelUpdate};
pub use builder::ChannelBuilder;
pub use call::streaming::{BidiStreamingCall, ClientStreamingCall, PendingReply, ServerStreamingCall};
pub use call::unary::UnaryCall;
pub use channel::{Channel, Error};
pub use credentials::{
    BearerToken, CallCredentials, CredentialRequest, CredentialsFuture, Token, TokenFile, TokenSource,
};
pub use failure::ConnectFailure;
pub use halloo_core::Address;
pub use health::HealthClient;
pub use resolver::{Dns, Fixed, Resolver, ResolverEvent};
pub use state::ConnectivityState;
