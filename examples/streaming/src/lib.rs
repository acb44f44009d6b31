//! Three services that stream: a chat, a rocket's telemetry, and an upload; each module is one, and the program of its name
//! in `src/bin` serves it and is its client. `numbers` is the smallest service with all four kinds of call.

pub mod chat;
pub mod numbers;
pub mod telemetry;
pub mod typed;
pub mod upload;
