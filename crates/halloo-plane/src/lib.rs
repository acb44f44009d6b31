//! The control plane of a channel, without sockets, runtime or clock: which servers there are, and which of them a call
//! goes to.
//!
//! ```text
//!  Resolver ── addresses ──▶ LoadBalancer ── creates, connects ──▶ Subchannel (one address: attempts, back-off)
//!                                 │ publishes
//!                                 ▼
//!                              Picker ── a call's subchannel
//! ```
//! [`Plane`] carries messages between the three. Whoever drives it gives it events and the time, and does what it asks for.

mod backoff;
mod balancer;
mod failure;
mod plane;
mod resolver;
mod state;
mod subchannel;

pub use backoff::{Backoff, Dice};
pub use balancer::{
    Command, Control, Done, LoadBalancer, OnDone, Pick, PickArgs, PickFirst, Picked, Picker, SubchannelId,
    SubchannelUpdate, Wait,
};
pub use failure::{Cause, ConnectFailure, Unreachable, duration_text};
pub use plane::{Action, Plane};
pub use resolver::{Dns, Endpoint, Fixed, Resolution, Resolver, ResolverEvent, Wake};
pub use state::ConnectivityState;
pub use subchannel::{AttemptId, Pace, Progress};
