//! Three services that stream: a chat, a rocket's telemetry, and an upload. Each module is one service; the program of
//! its name in `src/bin` serves it and is its client.

pub mod chat;
pub mod telemetry;
pub mod typed;
pub mod upload;
