//! HTTP/2 (RFC 9113) and HPACK (RFC 7541) as a state machine without IO.
#![deny(unsafe_code)]

mod headers;
mod hpack;

pub use headers::{EntryId, Field, Fields, HeaderList, Template};
