//! Who takes a call, and what is known of it besides its messages.

pub(crate) mod call;
pub(crate) mod carry;
pub(crate) mod handling;
pub(crate) mod incoming;
pub(crate) mod interceptor;
pub(crate) mod interface;
pub(crate) mod placement;
pub(crate) mod route;
pub(crate) mod running;
pub(crate) mod scope;
pub(crate) mod time_limits;
