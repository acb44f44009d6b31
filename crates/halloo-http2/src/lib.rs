//! HTTP/2 (RFC 9113) with HPACK (RFC 7541) as a state machine without IO: bytes and the time in, events and bytes out.
//!
//! [`Connection`] is both ends of the protocol and the only entry; its documentation is the contract with a driver.
//! No socket, thread, lock or clock is used here, and no peer input panics, hangs or grows without bound.
#![deny(unsafe_code)]

mod bandwidth;
mod block;
mod budget;
mod connection;
mod control;
mod error;
mod event;
mod frame;
mod headers;
mod hpack;
mod life;
mod limits;
mod record;
mod recv;
mod response;
mod rule;
mod schedule;
mod send;
mod settings;
mod stream;
mod streams;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
mod timer;
mod transmit;
mod validate;
mod window;

pub use connection::Connection;
pub use error::{Error, ErrorCode, OpenError, SendError, Violation};
pub use event::{End, Event, Origin, StreamId};
pub use headers::{Block, EntryId, Field, Fields, HeaderList, Template};
pub use limits::{Config, Keepalive, Lifetime, Limits, PingLimit, Rate, ResetLimit, WindowUpdateLimit};
pub use transmit::Transmit;
