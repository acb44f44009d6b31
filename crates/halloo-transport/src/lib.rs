//! Halloo's driver for tokio: it moves bytes between sockets and the HTTP/2 engine, and calls between the engine
//! and their exchanges.
//!
//! [`ServerConnection`] and [`connect`] run the two ends of a connection; a [`Listener`] accepts them and an
//! [`Acceptor`] finds out what they speak; [`InProcess`] carries calls without one. One task owns a connection;
//! everybody else posts to its mailbox.

mod address;
mod answer;
mod client;
mod client_handle;
mod closing;
mod connect_error;
mod deadlines;
mod first_bytes;
mod handler_task;
mod http1;
mod id_map;
mod in_process;
mod listener;
mod mailbox;
mod millis;
mod opening;
mod outgoing_head;
mod oversize;
mod places;
mod refusal;
mod request_head;
mod response_head;
mod server;
mod server_call;
mod sniff;
#[cfg(feature = "_tls")]
mod tls;
mod unanswered;
mod wire;

pub use address::Address;
pub use client_handle::{ClientConnection, Closed, ConnectOptions, PlacesFreed, ReturnedCalls, connect};
pub use connect_error::{ConnectError, ConnectErrorKind};
pub use halloo_http2::{Config as Http2Config, Keepalive, Lifetime, Limits as Http2Limits, PingLimit};
pub use http1::{Http1, Http1Connection};
pub use in_process::InProcess;
pub use listener::{Accepted, AcceptedSocket, BindError, ListenAddress, Listener};
pub use opening::{Acceptor, ByteStream};
pub use server::{ServerConnection, ServerConnectionHandle};
#[cfg(feature = "_tls")]
pub use tls::{ClientCertificates, ClientTls, Tls, TlsConnector};
