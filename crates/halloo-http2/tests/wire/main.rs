//! Wire tests of the engine: one file a chapter of RFC 9113, then limits, flow control and random sequences.
//! A test is a script as text, or two endpoints with a clock of their own; nothing sleeps.
#![allow(clippy::unwrap_used, reason = "a script that cannot be read is a broken test")]

mod ch3_starting;
mod ch4_frames;
mod ch5_flow_control;
mod ch5_states;
mod ch5_streams;
mod ch6_frames;
mod ch8_http;
mod life;
mod limits;
mod list_limit;
mod random;
mod response;
mod support;
