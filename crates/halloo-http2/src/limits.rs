//! Every limit on what a peer can make this side keep, do or wait for, with its default and its reason.
//! What happens at a limit is in the doc of its field; the counting is in `budget.rs`, `window.rs` and `timer.rs`.

use crate::headers::HeaderList;
use std::time::Duration;

/// Sets how a connection behaves: its flow-control windows and its [`Limits`].
///
/// ```
/// let mut config = halloo_http2::Config::default();
/// config.limits.max_concurrent_streams = 100;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// What a peer may cost.
    pub limits: Limits,
    /// Bytes that the peer may send on a stream before any were consumed. Default 256 KiB; at most 2^31-1.
    pub stream_window_bytes: u32,
    /// Bytes that the peer may have in flight on the connection at first. Default 1 MiB; at least 65 535.
    pub connection_window_bytes: u32,
    /// The size to which a stream's window may grow with the measured bandwidth-delay product, while the stream is
    /// read. Default 8 MiB, half of the connection's, so that no single stream can use up what is unread.
    pub max_stream_window_bytes: u32,
    /// The size to which the connection's window may grow, and at the same time the most bytes of DATA that may be
    /// unread on all streams together. Default 16 MiB.
    pub max_connection_window_bytes: u32,
    /// The largest frame payload that the peer may send (SETTINGS_MAX_FRAME_SIZE). Default and least 16 KiB.
    pub max_frame_bytes: u32,
    /// The size of the HPACK table for received headers (SETTINGS_HEADER_TABLE_SIZE). Default 4 KiB.
    pub header_table_bytes: u32,
    /// The most that the HPACK table for sent headers may use, whatever the peer allows. Default 4 KiB.
    pub max_send_table_bytes: u32,
    /// PINGs that find out whether the peer is still there. Default: none.
    pub keepalive: Option<Keepalive>,
    /// How long the connection may live. Default: without limit.
    pub lifetime: Lifetime,
    /// Sorts names of received fields into classes of the driver's own, which [`Field::class`](crate::Field::class)
    /// tells: asked once for a name that enters a table, and else for each literal name, also for illegal ones. So a
    /// driver matches the names that it knows by number. Default: 0 for every name.
    pub name_class: fn(&[u8]) -> u8,
    /// Decides whether values of a list may have spaces and tabs around them, which RFC 9113 section 8.2.1 forbids and
    /// some protocols on top of it do not. Asked only about a list that has such values, as it came; if it agrees, the
    /// driver sees them without. Names that mean something to the engine are left out of this: pseudo-headers, `te`, `host`,
    /// `content-length` and fields of a connection make a list malformed. Default: never.
    pub allows_padding: fn(&HeaderList) -> bool,
    /// Lets a server hear of requests by [`Event::Request`](crate::Event::Request), which is one event for most of them,
    /// rather than by `Headers` and `Data`. Default: false.
    pub joins_requests: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            stream_window_bytes: 256 << 10,
            connection_window_bytes: 1 << 20,
            max_stream_window_bytes: 8 << 20,
            max_connection_window_bytes: 16 << 20,
            max_frame_bytes: 16 << 10,
            header_table_bytes: 4 << 10,
            max_send_table_bytes: 4 << 10,
            keepalive: None,
            lifetime: Lifetime::default(),
            name_class: |_| 0,
            allows_padding: |_| false,
            joins_requests: false,
        }
    }
}

/// Asks a peer that was silent for a while for a sign of life (gRFC A8 and A9): a PING, and anything that arrives is an
/// answer. Without one the connection ends with [`Error::Silent`](crate::Error::Silent).
///
/// It costs a timestamp a read, and while nothing arrives a timer and a PING an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Time without input before a PING. Default 2 h, as gRPC's servers have it.
    pub interval: Duration,
    /// Time that the peer has for an answer. Default 20 s.
    pub timeout: Duration,
    /// Whether to ask as well while no stream is open. Default: yes. If not, a stream that is opened after a longer
    /// silence than `interval` is followed by a PING at once.
    pub without_streams: bool,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self { interval: Duration::from_secs(2 * 60 * 60), timeout: Duration::from_secs(20), without_streams: true }
    }
}

/// Limits how long a server keeps a connection (gRFC A9). At a limit the connection is shut down gracefully, in two
/// steps, with the limit's name in its GOAWAY. Each costs a timer a connection. A client heeds `max_idle` alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifetime {
    /// Time without an open stream, counted from the last one's end or from the start (`max_idle`). Default: none.
    pub max_idle: Option<Duration>,
    /// Time from the start (`max_age`). The driver adds what keeps all connections from ending at once. Default: none.
    pub max_age: Option<Duration>,
    /// Time that streams have to end after `max_age` has refused further ones; then the connection ends under them.
    /// Default: none, so as long as they take.
    pub max_age_grace: Option<Duration>,
    /// Requests before the peer is asked to open another connection (`max_requests`); those that cross this are served.
    /// Default: none.
    pub max_requests: Option<u32>,
}

/// Limits what a peer can make one connection keep, do or wait for.
///
/// Unless a field says otherwise, going over it ends the connection with ENHANCE_YOUR_CALM.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Size of a header list: names, values and 32 bytes a field (RFC 9113 section 6.5.2). Default 16 KiB, which is
    /// what Rust's other servers allow. Over it the driver hears [`Event::HeadersTooLarge`](crate::Event); over four
    /// times of it, or when a block is over twice of it before decoding, the connection ends.
    pub max_header_list_bytes: u32,
    /// Fields in a header list. Default 128: thousands of one-byte references to the table would otherwise unfold
    /// into far more memory than they cost to send. Same answer as to a list that is too large.
    pub max_header_fields: usize,
    /// CONTINUATION frames beyond what a header block of the largest legal size needs. Default 5.
    pub min_continuations: u32,
    /// Streams that the peer may have open (SETTINGS_MAX_CONCURRENT_STREAMS). Default 1024. A stream counts until
    /// [`finish_stream`](crate::Connection::finish_stream), also after it was reset, so that resets buy no more
    /// handlers than that; one that has ended well makes room at once, as long as there are fewer than twice as many.
    /// Further ones are refused with REFUSED_STREAM.
    pub max_concurrent_streams: u32,
    /// Resets of requests that are not served yet, theirs and those they provoke. See [`ResetLimit`].
    pub resets: ResetLimit,
    /// Empty DATA, HEADERS and CONTINUATION frames that end nothing. Default 100, refilled with 100 a second.
    pub empty_frames: Rate,
    /// Frames without use: PRIORITY, unknown types, informational responses, frames on streams long gone. Default
    /// 1000, refilled with 100 a second: browsers and proxies send some of these honestly.
    pub glitches: Rate,
    /// What unread small DATA may cost: each event with less than 256 bytes is charged with what it lacks, until it
    /// is released. Default 64 MiB, which is 260 000 unread one-byte messages. An event costs some 40 bytes beside its
    /// data, so this bounds about 10 MiB of real memory, and honest readers that pause never get there.
    pub max_unread_overhead_bytes: usize,
    /// Answers (acknowledgements and RST_STREAM) that may wait to be written before
    /// [`wants_input`](crate::Connection::wants_input) turns false. Default 100. Ends no connection.
    pub max_queued_control_frames: usize,
    /// Entries in one SETTINGS frame. Default 32; RFC 9113 knows 6.
    pub max_settings_entries: usize,
    /// How many WINDOW_UPDATE frames are in proportion. See [`WindowUpdateLimit`].
    pub window_updates: WindowUpdateLimit,
    /// PINGs that come too soon. See [`PingLimit`]. `None` allows any number. Servers only.
    pub pings: Option<PingLimit>,
    /// DATA is moved to the output until so many bytes wait there. Default 256 KiB: enough for one large write, and
    /// the unit in which streams take turns.
    pub max_output_bytes: usize,
    /// A server takes no input while its output holds more than this, because the peer does not read its answers.
    /// Default 1 MiB. Ends no connection; see `stalled_socket_timeout`.
    pub max_stuck_output_bytes: usize,
    /// Time from the start to the peer's preface and SETTINGS. Default 10 s. Over it: SETTINGS_TIMEOUT.
    pub handshake_timeout: Duration,
    /// Time for the peer to acknowledge SETTINGS. Default 10 s. Over it: SETTINGS_TIMEOUT.
    pub settings_ack_timeout: Duration,
    /// Time to finish a header block, or a frame other than DATA. Default 30 s.
    pub header_block_timeout: Duration,
    /// Time that the socket may take no byte of what waits: nobody reads at the other end. Default 60 s; `None` waits
    /// for ever. Over it the connection ends.
    pub stalled_socket_timeout: Option<Duration>,
    /// Time that the peer may open no window for DATA that waits. Default 5 minutes, as an honest reader may pause,
    /// and what waits is bounded; `None` waits for ever. Over it the stream is reset, or the connection ends if it is
    /// the connection's window.
    pub stalled_window_timeout: Option<Duration>,
    /// Time that a graceful shutdown waits for the answer to its PING before the last GOAWAY. Default 5 s.
    pub shutdown_ping_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_header_list_bytes: 16 << 10,
            max_header_fields: 128,
            min_continuations: 5,
            max_concurrent_streams: 1024,
            resets: ResetLimit::default(),
            empty_frames: Rate { burst: 100, per_second: 100 },
            glitches: Rate { burst: 1000, per_second: 100 },
            max_unread_overhead_bytes: 64 << 20,
            max_queued_control_frames: 100,
            max_settings_entries: 32,
            window_updates: WindowUpdateLimit::default(),
            pings: Some(PingLimit::default()),
            max_output_bytes: 256 << 10,
            max_stuck_output_bytes: 1 << 20,
            handshake_timeout: Duration::from_secs(10),
            settings_ack_timeout: Duration::from_secs(10),
            header_block_timeout: Duration::from_secs(30),
            stalled_socket_timeout: Some(Duration::from_secs(60)),
            stalled_window_timeout: Some(Duration::from_secs(300)),
            shutdown_ping_timeout: Duration::from_secs(5),
        }
    }
}

/// Allows a burst, and then so many a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How many are given back in each second, up to `burst`.
    pub per_second: u32,
}

/// Limits requests that are reset before they were served (CVE-2023-44487, CVE-2025-8671).
///
/// The connection ends when, within `window`, more than half of at least `min_requests` requests were reset at an age
/// under `max_age` while their handler was still at work. Older streams do not count: a client that cancels thousands
/// of calls on their deadlines is honest, and [`Limits::max_concurrent_streams`] bounds what it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResetLimit {
    /// Default 1 s.
    pub window: Duration,
    /// Default 500, where Envoy's limit is as well.
    pub min_requests: u32,
    /// Default 10 ms.
    pub max_age: Duration,
}

impl Default for ResetLimit {
    fn default() -> Self {
        Self { window: Duration::from_secs(1), min_requests: 500, max_age: Duration::from_millis(10) }
    }
}

/// Limits WINDOW_UPDATE frames to `base + per_stream * streams + per_data_frame * DATA frames sent`, all counted from
/// the start of the connection; Envoy's formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowUpdateLimit {
    /// Default 5.
    pub base: u64,
    /// Default 2.
    pub per_stream: u64,
    /// Default 20.
    pub per_data_frame: u64,
}

impl Default for WindowUpdateLimit {
    fn default() -> Self {
        Self { base: 5, per_stream: 2, per_data_frame: 20 }
    }
}

/// Limits PINGs as gRPC's keepalive rules do: one that comes sooner than allowed is a strike, anything sent to the
/// client in between forgives all strikes, and one strike too many ends the connection with `too_many_pings`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PingLimit {
    /// Default 2.
    pub max_strikes: u32,
    /// Least time between PINGs while a stream is open. Default 5 min.
    pub min_interval: Duration,
    /// Least time between PINGs while no stream is open, if it is more than `min_interval`. Default 2 h.
    pub min_idle_interval: Duration,
}

impl Default for PingLimit {
    fn default() -> Self {
        Self {
            max_strikes: 2,
            min_interval: Duration::from_secs(5 * 60),
            min_idle_interval: Duration::from_secs(2 * 60 * 60),
        }
    }
}
