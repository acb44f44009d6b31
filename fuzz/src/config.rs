//! Configurations in which the edges are near: small windows, few streams, little output.

use halloo_http2::Config;

use crate::input::Input;

/// The defaults, or limits so small that a short input reaches them.
pub(crate) fn choose(input: &mut Input<'_>) -> Config {
    let mut config = Config::default();
    // As the server that ships has it; a client takes no notice.
    config.joins_requests = true;
    // As the client that ships has it; its server looks at the list.
    config.allows_padding = |_| true;
    if input.flag() {
        config.stream_window_bytes = input.choose(&[5000, 0, 300, 65_535, 100_000, 1]);
        config.max_stream_window_bytes = input.choose(&[20_000, 1, 200_000]);
        config.connection_window_bytes = 65_535;
        config.max_connection_window_bytes = input.choose(&[100_000, 65_535, 1 << 20]);
        config.header_table_bytes = input.choose(&[4096, 0, 100, 65_536]);
        config.max_send_table_bytes = input.choose(&[4096, 0, 64]);
        config.max_frame_bytes = input.choose(&[16 << 10, 100_000]);
        config.limits.max_header_list_bytes = input.choose(&[16 << 10, 1000, 100_000]);
        config.limits.max_header_fields = input.choose(&[128, 8]);
        config.limits.max_concurrent_streams = input.choose(&[6, 1, 100]);
        config.limits.max_output_bytes = input.choose(&[30_000, 1, 100]);
        config.limits.max_stuck_output_bytes = input.choose(&[60_000, 100]);
        config.limits.max_queued_control_frames = input.choose(&[10, 1]);
    }
    config
}

/// The same for two honest but restless sides: nothing that is merely odd ends the connection.
pub(crate) fn choose_patient(input: &mut Input<'_>) -> Config {
    let mut config = choose(input);
    // A byte or so at a time is legal, and takes for ever.
    config.stream_window_bytes = config.stream_window_bytes.max(300);
    let limits = &mut config.limits;
    limits.pings = None;
    limits.resets.min_requests = u32::MAX;
    limits.window_updates.base = u64::MAX / 2;
    limits.glitches.burst = u32::MAX;
    limits.empty_frames.burst = u32::MAX;
    limits.max_unread_overhead_bytes = usize::MAX / 2;
    limits.max_header_fields = 128;
    limits.max_header_list_bytes = limits.max_header_list_bytes.max(16 << 10);
    limits.stalled_socket_timeout = None;
    limits.stalled_window_timeout = None;
    config
}
