//! How the driver comes to connections: a trait between it and the transport, so that tests need no sockets.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

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
}

/// A live connection.
pub(crate) trait Connection: Carry {
    /// What protects the bytes on their way.
    fn security(&self) -> SecurityLevel;

    /// Resolves with the reason when no call can start any more.
    fn closed(self: Arc<Self>) -> BoxFuture<String>;

    /// Starts no more calls and ends when the running ones have.
    fn shutdown(&self);
}

/// Connects by the transport: HTTP/2 over TCP or a Unix socket.
#[derive(Debug)]
pub(crate) struct Http2 {
    pub(crate) options: ConnectOptions,
    pub(crate) said: Said,
}

impl Connect for Http2 {
    fn connect(
        &self,
        address: Address,
        returned: ReturnedCalls,
    ) -> BoxFuture<Result<Arc<dyn Connection>, Unreachable>> {
        let mut options = self.options.clone();
        options.returned = Some(returned);
        let said = self.said.clone();
        Box::pin(async move {
            match halloo_transport::connect(&address, options).await {
                Ok(connection) => Ok(Arc::new(connection) as Arc<dyn Connection>),
                Err(error) => Err(Unreachable::new(&error, &said)),
            }
        })
    }
}

impl Connection for ClientConnection {
    fn security(&self) -> SecurityLevel {
        self.peer().security
    }

    fn closed(self: Arc<Self>) -> BoxFuture<String> {
        Box::pin(async move { ClientConnection::closed(&self).await.reason })
    }

    fn shutdown(&self) {
        ClientConnection::shutdown(self);
    }
}
