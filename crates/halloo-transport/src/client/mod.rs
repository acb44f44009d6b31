//! The client's side: a connection, and the handle through which a channel starts calls on it.

pub(crate) mod connect_error;
pub(crate) mod connection;
pub(crate) mod handle;
pub(crate) mod outgoing_head;
pub(crate) mod places;
pub(crate) mod replay;
