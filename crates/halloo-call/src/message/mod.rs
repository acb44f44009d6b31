//! Requests and replies: single ones, and the halves of a stream.

pub(crate) mod receiver;
pub(crate) mod request;
pub(crate) mod sender;
#[cfg(feature = "stream")]
pub(crate) mod stream;
pub(crate) mod toll;
