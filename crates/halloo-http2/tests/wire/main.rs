//! Wire tests of the engine: one file a chapter of RFC 9113, then limits, flow control and random sequences.
//! A test is a script as text, or two endpoints with a clock of their own; nothing sleeps.

mod ch3_starting;
mod support;
