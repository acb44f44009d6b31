//! How a connection begins: what the first bytes say, and who serves it.

pub(crate) mod acceptor;
pub(crate) mod first_bytes;
pub(crate) mod http1;
pub(crate) mod refusal;
pub(crate) mod sniff;
