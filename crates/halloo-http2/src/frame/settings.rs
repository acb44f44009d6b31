//! SETTINGS entries (RFC 9113 section 6.5).

use super::{Flags, Head, Kind};
use bytes::BufMut;

/// One entry: an identifier and its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) name: u16,
    pub(crate) value: u32,
}

impl Setting {
    pub(crate) const BYTES: usize = 6;
    pub(crate) const HEADER_TABLE_SIZE: u16 = 1;
    pub(crate) const ENABLE_PUSH: u16 = 2;
    pub(crate) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(crate) const INITIAL_WINDOW_SIZE: u16 = 4;
    pub(crate) const MAX_FRAME_SIZE: u16 = 5;
    pub(crate) const MAX_HEADER_LIST_SIZE: u16 = 6;
}

/// The entries of a payload, in order; a cut last entry is left out, so the caller checks the length first.
pub(crate) fn entries(payload: &[u8]) -> impl Iterator<Item = Setting> {
    payload.chunks_exact(Setting::BYTES).map(|entry| Setting {
        name: u16::from_be_bytes([entry[0], entry[1]]),
        value: u32::from_be_bytes([entry[2], entry[3], entry[4], entry[5]]),
    })
}

pub(crate) fn write_settings(out: &mut Vec<u8>, settings: &[Setting]) {
    let len = settings.len() * Setting::BYTES;
    Head { len, kind: Kind::SETTINGS, flags: Flags::NONE, stream: 0 }.write(out);
    for setting in settings {
        out.put_u16(setting.name);
        out.put_u32(setting.value);
    }
}

pub(crate) fn write_settings_ack(out: &mut Vec<u8>) {
    Head { len: 0, kind: Kind::SETTINGS, flags: Flags::ACK, stream: 0 }.write(out);
}
