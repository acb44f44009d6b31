//! How the driver comes to connections: a trait between it and the transport, so that tests need no sockets.

use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use halloo_call::{Carry, OutgoingCall};
use halloo_core::{Address, SecurityLevel};
use halloo_plane::{Progress, Unreachable};
use halloo_transport::{ClientConnection, ConnectOptions, PlacesFreed, ReturnedCalls};

use crate::connect::line::Line;
use crate::failure::{Said, unreachable};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes connections.
pub(crate) trait Connect: fmt::Debug + Send + Sync + 'static {
    /// Connects to `address`. It has no time limit of its own; dropping the future gives the attempt up.
    fn connect(&self, address: Address, around: Around) -> BoxFuture<Result<Arc<dyn Connection>, Unreachable>>;

    /// A server has complained of too many PINGs on a connection of this pace: further ones ask half as often (gRFC A8).
    fn ask_less(&self, _than: PingPace) {}
}

/// What a connection has around it.
#[derive(Debug)]
pub(crate) struct Around {
    /// Where calls go that the connection cannot start.
    pub(crate) returned: ReturnedCalls,
    /// Where calls above the peer's limit wait; dangling: in the connection.
    pub(crate) line: Weak<Line>,
    /// Who learns how far the attempt is.
    pub(crate) progress: Progress,
}

/// How a connection came to take no more calls.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) reason: String,
    /// The pace of its PINGs, if the server has complained of too many.
    pub(crate) too_many_pings: Option<PingPace>,
}

/// How often a connection asks whether its server is there: half as often with each complaint that came before it was
/// made. Several connections may be told the same at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PingPace(u32);

/// What calls start on: a connection, several, or one call's place at one.
pub(crate) trait Carrier: Carry {
    /// What protects the bytes on their way.
    fn security(&self) -> SecurityLevel;

    /// Where a call waits that was refused because there is no place for it; `None`: that is not why.
    fn line(&self) -> Option<Arc<Line>> {
        None
    }
}

/// A live connection. By default it has a place for every call.
pub(crate) trait Connection: Carrier + fmt::Debug {
    /// Takes a place for a call, if there is one.
    fn reserve(&self) -> bool {
        true
    }

    /// As [`reserve`](Self::reserve); if there is none, no other call starts before the connection has told its line of
    /// the next, or until [`nobody_waits`](Self::nobody_waits).
    fn reserve_or_wait(&self) -> bool {
        true
    }

    /// Starts a call at its reserved place.
    fn start_reserved(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        self.start(call)
    }

    /// Gives a reserved place back. `true`: somebody else who waits can have it.
    fn give_back(&self) -> bool {
        false
    }

    /// Lets calls start again that have not waited.
    fn nobody_waits(&self) {}

    /// Resolves when no call can start any more, and says why.
    fn closed(self: Arc<Self>) -> BoxFuture<Ended>;

    /// Starts no more calls and ends when the running ones have.
    fn shutdown(&self);
}

/// Connects by the transport: HTTP/2 over TCP or a Unix socket.
#[derive(Debug)]
pub(crate) struct Http2 {
    options: ConnectOptions,
    said: Said,
    /// How often servers have complained of too many PINGs; of connections of one pace, once.
    complaints: AtomicU32,
}

impl Http2 {
    pub(crate) fn new(options: ConnectOptions, said: Said) -> Self {
        Self { options, said, complaints: AtomicU32::new(0) }
    }
}

/// The interval after so many complaints: each doubles it.
fn slowed_down(interval: Duration, complaints: u32) -> Duration {
    interval.saturating_mul(1_u32.checked_shl(complaints).unwrap_or(u32::MAX))
}

impl Connect for Http2 {
    fn connect(&self, address: Address, around: Around) -> BoxFuture<Result<Arc<dyn Connection>, Unreachable>> {
        let mut options = self.options.clone();
        let Around { returned, line, progress } = around;
        options.returned = Some(returned);
        options.accepted = Some(progress.accepted());
        if line.strong_count() > 0 {
            let line = Weak::clone(&line);
            options.places = Some(PlacesFreed::new(move || {
                if let Some(line) = line.upgrade() {
                    line.serve();
                }
            }));
        }
        let complaints = self.complaints.load(Ordering::Relaxed);
        if let Some(keepalive) = &mut options.http2.keepalive {
            keepalive.interval = slowed_down(keepalive.interval, complaints);
        }
        let pace = PingPace(complaints);
        let said = self.said.clone();
        Box::pin(async move {
            match halloo_transport::connect(&address, options).await {
                Ok(connection) => Ok(Arc::new(Http2Connection { connection, line, pace }) as Arc<dyn Connection>),
                Err(error) => Err(unreachable(&error, &said)),
            }
        })
    }

    fn ask_less(&self, PingPace(complaints): PingPace) {
        self.complaints.fetch_max(complaints.saturating_add(1), Ordering::Relaxed);
    }
}

/// An HTTP/2 connection and the line before it.
#[derive(Debug)]
struct Http2Connection {
    connection: ClientConnection,
    line: Weak<Line>,
    pace: PingPace,
}

impl Drop for Http2Connection {
    /// A driver that ends may never have seen it.
    fn drop(&mut self) {
        self.connection.shutdown();
    }
}

impl Carry for Http2Connection {
    #[inline]
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        self.connection.start(call)
    }
}

impl Carrier for Http2Connection {
    fn security(&self) -> SecurityLevel {
        self.connection.peer().security
    }

    fn line(&self) -> Option<Arc<Line>> {
        self.line.upgrade()
    }
}

impl Connection for Http2Connection {
    fn reserve(&self) -> bool {
        self.connection.reserve()
    }

    fn reserve_or_wait(&self) -> bool {
        self.connection.reserve_or_wait()
    }

    fn start_reserved(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        self.connection.start_reserved(call)
    }

    fn give_back(&self) -> bool {
        self.connection.give_back()
    }

    fn nobody_waits(&self) {
        self.connection.nobody_waits();
    }

    fn closed(self: Arc<Self>) -> BoxFuture<Ended> {
        Box::pin(async move {
            let closed = self.connection.closed().await;
            Ended { reason: closed.reason, too_many_pings: closed.too_many_pings.then_some(self.pace) }
        })
    }

    fn shutdown(&self) {
        self.connection.shutdown();
    }
}

#[cfg(test)]
#[path = "../../tests/unit/connect/connector.rs"]
mod tests;
