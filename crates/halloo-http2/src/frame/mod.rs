//! The wire form of frames (RFC 9113 sections 4 and 6): reading them from slices and appending them to a buffer.
//! Knows layouts only; which frame is legal when is the business of `recv.rs`.

mod control;
mod head;
mod padding;
mod settings;

pub(crate) use control::{GoAway, Priority, u31_at, write_goaway, write_ping, write_reset, write_window_update};
pub(crate) use head::{Flags, HEAD_BYTES, Head, Kind};
pub(crate) use padding::unpad;
pub(crate) use settings::{Setting, entries, write_settings, write_settings_ack};
