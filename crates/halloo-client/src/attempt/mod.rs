//! An attempt of a call: its way from the caller to a connection, and the next one when it comes back.

pub(crate) mod route;
pub(crate) mod state;
