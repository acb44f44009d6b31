//! Halloo's server: it binds, routes calls to services, and drains when it is told to stop.
//!
//! [`Server`] owns the listening socket and the connections' lives; [`Router`] owns the services and answers the
//! calls that a driver brings, over HTTP/2 or in process. Wire formats are the transport's business.

mod bind;
#[cfg(feature = "services")]
mod bypass;
mod compression;
mod connection_life;
mod duplicates;
mod fallback;
mod foreign;
mod handler;
mod port_owner;
mod router;
mod server;
mod service;
mod shutdown;
#[cfg(feature = "services")]
mod standard;
mod time_limits;
mod unary;

pub use fallback::{Fallback, HttpResponder};
pub use handler::{MethodExecution, Methods};
pub use router::Router;
pub use server::{Server, ServerHandle};
pub use service::{Service, Services};
pub use unary::UnaryFunction;
