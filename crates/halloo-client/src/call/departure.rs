//! What a call needs to leave, besides what the server sees of it.

use std::time::Instant;

use halloo_call::{Enclosing, HandlerWatch};

use crate::credentials::Credentials;

/// What a call needs to leave, besides what the server sees of it.
pub(crate) struct Departure {
    /// When the call began, if that had to be known for its deadline.
    pub(crate) began: Option<Instant>,
    /// The channel's and the call's own.
    pub(crate) credentials: Option<Credentials>,
    /// Whether it waits while no server can be reached.
    pub(crate) wait_for_ready: bool,
    /// The call within which it is made, if that has a deadline.
    pub(crate) enclosing: Option<Enclosing>,
    /// Tells that the call was cancelled before it left, if somebody else may do that.
    pub(crate) watch: Option<HandlerWatch>,
}
