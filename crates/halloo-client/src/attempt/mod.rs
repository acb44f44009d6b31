//! An attempt of a call: its way from the caller to a connection, and the next one when it comes back.

pub(crate) mod selection;
pub(crate) mod state;
