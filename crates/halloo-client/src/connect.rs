//! How the driver comes to connections: a trait between it and the transport, so that tests need no sockets.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use halloo_call::Carry;
use halloo_core::SecurityLevel;
use halloo_transport::{Address, ClientConnection, ConnectOptions, ReturnedCalls};

use crate::failure::{Said, Unreachable};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Makes connections.
pub(crate) trait Connect: fmt::Debug + Send + Sync + 'static {
    /// Connects to `address`. It has no time limit of its own; dropping the future gives the attempt up.
    /// Calls that the connection cannot start go to `returned`.
    fn connect(&self, address: Address, returned: ReturnedCalls)
    -> BoxFuture<Result<Arc<dyn Connection>, Unreachable>>;

    /// A server has complained of too many PINGs: further connections ask half as often (gRFC A8).
    fn ask_less(&self) {}
}

/// How a connection came to take no more calls.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) reason: String,
    /// The server has complained of too many PINGs.
    pub(crate) too_many_pings: bool,
}

/// A live connection.
pub(crate) trait Connection: Carry {
    /// What protects the bytes on their way.
    fn security(&self) -> SecurityLevel;

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
    /// How often servers have complained of too many PINGs.
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
    fn connect(
        &self,
        address: Address,
        returned: ReturnedCalls,
    ) -> BoxFuture<Result<Arc<dyn Connection>, Unreachable>> {
        let mut options = self.options.clone();
        options.returned = Some(returned);
        if let Some(keepalive) = &mut options.http2.keepalive {
            keepalive.interval = slowed_down(keepalive.interval, self.complaints.load(Ordering::Relaxed));
        }
        let said = self.said.clone();
        Box::pin(async move {
            match halloo_transport::connect(&address, options).await {
                Ok(connection) => Ok(Arc::new(connection) as Arc<dyn Connection>),
                Err(error) => Err(Unreachable::new(&error, &said)),
            }
        })
    }

    fn ask_less(&self) {
        self.complaints.fetch_add(1, Ordering::Relaxed);
    }
}

impl Connection for ClientConnection {
    fn security(&self) -> SecurityLevel {
        self.peer().security
    }

    fn closed(self: Arc<Self>) -> BoxFuture<Ended> {
        Box::pin(async move {
            let closed = ClientConnection::closed(&self).await;
            Ended { reason: closed.reason, too_many_pings: closed.too_many_pings }
        })
    }

    fn shutdown(&self) {
        ClientConnection::shutdown(self);
    }
}
