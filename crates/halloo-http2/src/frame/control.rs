//! The small frames: PRIORITY, RST_STREAM, PING, GOAWAY and WINDOW_UPDATE (RFC 9113 sections 6.3 to 6.9).

use super::{Flags, Head, Kind};
use crate::error::ErrorCode;
use bytes::BufMut;

/// A 31-bit number at the start of `payload`, its reserved bit ignored; `None` when there are fewer than four bytes.
#[inline]
pub(crate) fn u31_at(payload: &[u8]) -> Option<u32> {
    payload.first_chunk().map(|bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff)
}

/// The deprecated priority fields: only the dependency matters, because a stream must not depend on itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Priority {
    pub(crate) depends_on: u32,
}

impl Priority {
    pub(crate) const BYTES: usize = 5;

    /// Reads the fields from the start of `payload`; `None` when they are cut short.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let depends_on = u31_at(payload)?;
        (payload.len() >= Self::BYTES).then_some(Self { depends_on })
    }
}

/// GOAWAY's fields (RFC 9113 section 6.8).
#[derive(Clone, Copy, Debug)]
pub(crate) struct GoAway<'a> {
    pub(crate) last_id: u32,
    pub(crate) code: ErrorCode,
    pub(crate) debug: &'a [u8],
}

impl<'a> GoAway<'a> {
    pub(crate) fn read(payload: &'a [u8]) -> Option<Self> {
        let last_id = u31_at(payload)?;
        let (code, debug) = payload.get(4..)?.split_first_chunk()?;
        let code = ErrorCode::from_u32(u32::from_be_bytes(*code));
        Some(Self { last_id, code, debug })
    }
}

#[inline]
fn head(len: usize, kind: Kind, flags: Flags, stream: u32) -> Head {
    Head { len, kind, flags, stream }
}

pub(crate) fn write_reset(out: &mut Vec<u8>, stream: u32, code: ErrorCode) {
    head(4, Kind::RST_STREAM, Flags::NONE, stream).write(out);
    out.put_u32(code.as_u32());
}

pub(crate) fn write_ping(out: &mut Vec<u8>, flags: Flags, payload: [u8; 8]) {
    head(8, Kind::PING, flags, 0).write(out);
    out.extend_from_slice(&payload);
}

pub(crate) fn write_goaway(out: &mut Vec<u8>, last_id: u32, code: ErrorCode, debug: &str) {
    head(8 + debug.len(), Kind::GOAWAY, Flags::NONE, 0).write(out);
    out.put_u32(last_id);
    out.put_u32(code.as_u32());
    out.extend_from_slice(debug.as_bytes());
}

/// `stream` 0 is the connection.
pub(crate) fn write_window_update(out: &mut Vec<u8>, stream: u32, increment: u32) {
    head(4, Kind::WINDOW_UPDATE, Flags::NONE, stream).write(out);
    out.put_u32(increment);
}
