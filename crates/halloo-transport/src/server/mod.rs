//! The server's side: a connection, its calls, and who runs their handlers.

pub(crate) mod answer;
pub(crate) mod call;
pub(crate) mod connection;
pub(crate) mod handler_task;
pub(crate) mod request_head;
