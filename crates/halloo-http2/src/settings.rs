//! SETTINGS (RFC 9113 section 6.5): what the peer has set, and what this side sets.
//! Checks values; the effects on streams and frames are applied by `recv.rs`.

use crate::error::Violation;
use crate::frame::Setting;
use crate::hpack::INITIAL_TABLE_BYTES;
use crate::limits::Config;
use crate::window::{DEFAULT_WINDOW, MAX_WINDOW};

/// Says which end of the connection this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Client,
    Server,
}

/// The peer's settings, as far as this side heeds them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerSettings {
    pub(crate) max_concurrent_streams: u32,
    pub(crate) initial_window: u32,
    pub(crate) max_frame: usize,
    /// `usize::MAX` unless the peer has said something.
    pub(crate) max_header_list: usize,
}

/// The least that SETTINGS_MAX_FRAME_SIZE may be.
pub(crate) const MIN_FRAME: u32 = 1 << 14;
/// The most that SETTINGS_MAX_FRAME_SIZE may be.
pub(crate) const MAX_FRAME: u32 = (1 << 24) - 1;
/// How many streams a client opens before the server has said how many it allows: RFC 9113 section 6.5.2 advises
/// servers to allow no fewer.
const STREAMS_BEFORE_SETTINGS: u32 = 100;

impl PeerSettings {
    pub(crate) fn new() -> Self {
        Self {
            max_concurrent_streams: STREAMS_BEFORE_SETTINGS,
            initial_window: DEFAULT_WINDOW,
            max_frame: MIN_FRAME as usize,
            max_header_list: usize::MAX,
        }
    }
}

/// Checks the value of a received entry (RFC 9113 section 6.5.2).
pub(crate) fn check(setting: Setting, role: Role) -> Result<(), Violation> {
    let value = setting.value;
    match setting.name {
        // A server never pushes to a client that told it not to, so 1 is as wrong from it as 2.
        Setting::ENABLE_PUSH if value > 1 || (value == 1 && role == Role::Client) => Err(Violation::EnablePushValue),
        Setting::INITIAL_WINDOW_SIZE if value > MAX_WINDOW => Err(Violation::InitialWindowValue),
        Setting::MAX_FRAME_SIZE if !(MIN_FRAME..=MAX_FRAME).contains(&value) => Err(Violation::MaxFrameValue),
        _ => Ok(()),
    }
}

/// The settings that this side sends at the start; those that have their initial value are left out.
pub(crate) fn ours(config: &Config, role: Role) -> Vec<Setting> {
    let mut settings = vec![
        Setting { name: Setting::INITIAL_WINDOW_SIZE, value: config.stream_window_bytes },
        Setting { name: Setting::MAX_HEADER_LIST_SIZE, value: config.limits.max_header_list_bytes },
    ];
    settings.push(match role {
        Role::Client => Setting { name: Setting::ENABLE_PUSH, value: 0 },
        Role::Server => Setting { name: Setting::MAX_CONCURRENT_STREAMS, value: config.limits.max_concurrent_streams },
    });
    if config.max_frame_bytes != MIN_FRAME {
        settings.push(Setting { name: Setting::MAX_FRAME_SIZE, value: config.max_frame_bytes });
    }
    if config.header_table_bytes as usize != INITIAL_TABLE_BYTES {
        settings.push(Setting { name: Setting::HEADER_TABLE_SIZE, value: config.header_table_bytes });
    }
    settings
}

/// Brings values that RFC 9113 does not allow back into its bounds.
pub(crate) fn clamp(config: &mut Config) {
    config.stream_window_bytes = config.stream_window_bytes.min(MAX_WINDOW);
    config.max_stream_window_bytes = config.max_stream_window_bytes.clamp(config.stream_window_bytes, MAX_WINDOW);
    config.connection_window_bytes = config.connection_window_bytes.clamp(DEFAULT_WINDOW, MAX_WINDOW);
    config.max_connection_window_bytes =
        config.max_connection_window_bytes.clamp(config.connection_window_bytes, MAX_WINDOW);
    config.max_frame_bytes = config.max_frame_bytes.clamp(MIN_FRAME, MAX_FRAME);
}
