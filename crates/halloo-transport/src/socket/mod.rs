//! Sockets: how they are opened, read, written and closed.

pub(crate) mod address;
pub(crate) mod closing;
pub(crate) mod listener;
pub(crate) mod wire;
