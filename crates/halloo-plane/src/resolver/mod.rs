//! `Resolver`: a channel's name to addresses.

mod dns;
mod fixed;
mod resolution;
mod wake;

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use halloo_core::Status;

pub use dns::Dns;
pub use fixed::Fixed;
pub use resolution::{Endpoint, Resolution};
pub use wake::Wake;

/// Finds the addresses of a channel's target, at first and again when connections fail.
///
/// Pure: called serially with the time, it does no IO. What it wants done or said it returns from
/// [`poll_event`](Self::poll_event), which is called after every `handle_*` and [`Wake`] until it returns `None`.
///
/// ```
#[doc = include_str!("../../doc/table.rs")]
///
/// # use halloo::Channel;
/// # fn main() -> Result<(), halloo::Error> {
/// let table = Table::new(|| vec![Address::Tcp(([127, 0, 0, 1], 50051).into())], Duration::from_secs(10));
/// let channel = Channel::builder("greeter.internal:50051").resolver(table).build()?;
/// # Ok(())
/// # }
/// ```
///
/// One that learns of changes by itself, and [wakes](Wake) the channel:
///
/// ```
#[doc = include_str!("../../doc/watched.rs")]
///
/// # use halloo::Channel;
/// # fn main() -> Result<(), halloo::Error> {
/// let watched = Watched::default();
/// let channel = Channel::builder("greeter.internal:50051").resolver(watched.clone()).build()?;
/// watched.set(vec![Address::Tcp(([127, 0, 0, 1], 50051).into())]);
/// # Ok(())
/// # }
/// ```
pub trait Resolver: Send + 'static {
    /// Hears how to wake its channel, once and before anything else. The default forgets it: for resolvers that only
    /// answer and wait for times.
    fn start(&mut self, wake: Wake) {
        drop(wake);
    }

    /// Hears that the channel wants addresses: at first, after a connection was lost, or when all addresses failed. How
    /// often it really looks is the resolver's decision.
    fn handle_request(&mut self, now: Instant);

    /// Hears that a [look-up](ResolverEvent::Lookup) has ended. The default ignores it.
    fn handle_lookup(&mut self, now: Instant, result: io::Result<Vec<SocketAddr>>) {
        let _ = (now, result);
    }

    /// Hears that the time of [`poll_timeout`](Self::poll_timeout) has come. The default does nothing.
    fn handle_timeout(&mut self, now: Instant) {
        let _ = now;
    }

    /// Returns what the resolver wants done or has to say.
    fn poll_event(&mut self) -> Option<ResolverEvent>;

    /// Returns when it wants [`handle_timeout`](Self::handle_timeout). The default is never.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Says what a resolver wants done, or has found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ResolverEvent {
    /// Ask the system for the addresses of a host; the answer comes by [`Resolver::handle_lookup`]. One at a
    /// time.
    Lookup {
        /// The name.
        host: String,
        /// The port that the addresses get.
        port: u16,
    },
    /// The target's servers, all of them.
    Resolved(Resolution),
    /// There is no answer. Addresses that the balancer has stay in use. The resolver looks again by itself, after a
    /// pause: a channel that has no addresses does not ask twice.
    Failed(Status),
}
