//! One call from its builder to its reply: options, deadline, codec, interceptors, and the four kinds. How far a call is,
//! says `state.rs`.

pub(crate) mod codec;
pub(crate) mod compression;
pub(crate) mod deadline;
pub(crate) mod intercepted;
pub(crate) mod options;
pub(crate) mod state;
pub(crate) mod streaming;
pub(crate) mod unary;
