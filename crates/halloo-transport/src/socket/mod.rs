//! Sockets: how they are opened, read, written and closed.

pub(crate) mod closing;
pub(crate) mod listener;
pub(crate) mod open;
pub(crate) mod wire;
