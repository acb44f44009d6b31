//! Runs the examples as their users do: programs that talk to each other, and to whoever types and reads.

#![cfg(unix)]

mod chat;
mod program;
mod telemetry;
mod tour;
mod upload;
