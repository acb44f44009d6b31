//! Halloo's driver for tokio: it moves bytes between sockets and the HTTP/2 engine, and calls between the engine
//! and their exchanges.
//!
//! [`ServerConnection`] and [`connect`] run the two ends of a connection; a [`Listener`] accepts them and an
//! [`Acceptor`] finds out what they speak; [`InProcess`] carries calls without one. One task owns a connection;
//! everybody else posts to its mailbox.

mod client;
mod clock;
mod deadlines;
mod id_map;
mod in_process;
mod mailbox;
mod opening;
mod oversize;
mod response_head;
mod server;
mod socket;
mod task;
#[cfg(feature = "_tls")]
mod tls;

pub use client::connect_error::{ConnectError, ConnectErrorKind};
pub use client::handle::{ClientConnection, Closed, ConnectOptions, PlacesFreed, ReturnedCalls, connect};
pub use halloo_http2::{Config as Http2Config, Keepalive, Lifetime, Limits as Http2Limits, PingLimit};
pub use in_process::InProcess;
pub use opening::acceptor::{Acceptor, ByteStream};
pub use opening::http1::{Http1, Http1Connection};
pub use server::connection::{ServerConnection, ServerConnectionHandle};
pub use socket::listener::{Accepted, AcceptedSocket, BindError, ListenAddress, Listener};
#[cfg(feature = "_tls")]
pub use tls::{ClientCertificates, ClientTls, Tls, TlsConnector};
