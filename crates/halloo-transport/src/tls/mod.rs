//! TLS on rustls, on both sides of a connection: what users configure, the handshakes, and their faults in words.
//!
//! No type of rustls is in what users see, but for the doors that are named after it.

mod accept;
mod client;
mod connect;
mod fault;
mod material;
mod probe;
mod provider;
mod reload;
mod server;

pub(crate) use accept::{Handshakes, accept};
pub use client::ClientTls;
pub use connect::TlsConnector;
pub(crate) use fault::Fault;
pub(crate) use probe::probe;
pub use server::{ClientCertificates, Tls};
