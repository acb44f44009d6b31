//! Counts flow-control credit on the wire, from what both sides write: what we let the peer send, as RFC 9113
//! section 6.9 has it. So credit that is lost shows at the end of a short input, long before it stops a connection.

use std::collections::HashMap;

use halloo_http2::Config;

use crate::frame_cutter::{Cut, FrameCutter};

/// What every window has before SETTINGS and WINDOW_UPDATE.
const DEFAULT_WINDOW: i64 = 65_535;

/// The windows that we gave the peer.
#[derive(Debug)]
pub(crate) struct Credit {
    ours: FrameCutter,
    peers: FrameCutter,
    connection: i64,
    /// What the connection's window is at least while nothing is unread.
    least: i64,
    streams: HashMap<u32, i64>,
    initial: i64,
}

impl Credit {
    pub(crate) fn new(we_are_client: bool, config: &Config) -> Self {
        let size = i64::from(config.connection_window_bytes.min(config.max_connection_window_bytes));
        // Credit is given back in quarters; of a window that has grown, in quarters of more.
        let may_grow = config.max_connection_window_bytes > config.connection_window_bytes;
        Self {
            ours: FrameCutter::new(we_are_client),
            peers: FrameCutter::new(!we_are_client),
            connection: DEFAULT_WINDOW,
            least: if may_grow { size / 2 } else { size - size / 4 },
            streams: HashMap::new(),
            initial: i64::from(config.stream_window_bytes),
        }
    }

    /// Takes what we wrote.
    pub(crate) fn give(&mut self, bytes: &[u8]) {
        self.ours.push(bytes);
        while let Some(Cut { kind, stream, payload, .. }) = self.ours.next() {
            if let (8, [a, b, c, d]) = (kind, payload[..].try_into().unwrap_or([0; 4])) {
                let increment = i64::from(u32::from_be_bytes([a, b, c, d]));
                match stream {
                    0 => self.connection += increment,
                    _ => *self.streams.entry(stream).or_insert(self.initial) += increment,
                }
            }
        }
        assert!(self.connection <= i64::from(i32::MAX), "a window over 2^31-1");
    }

    /// Takes what the peer wrote.
    pub(crate) fn use_up(&mut self, bytes: &[u8]) {
        self.peers.push(bytes);
        while let Some(Cut { kind, stream, payload, .. }) = self.peers.next() {
            if kind == 0 {
                self.connection -= payload.len() as i64;
                *self.streams.entry(stream).or_insert(self.initial) -= payload.len() as i64;
            }
        }
    }

    /// Nothing is unread: the connection's window has to be open.
    pub(crate) fn check_connection(&self) {
        assert!(self.connection >= self.least, "the window is {} and not {}", self.connection, self.least);
    }

    /// So has the window of a stream that may still get DATA.
    pub(crate) fn check_stream(&self, id: u32) {
        let window = self.streams.get(&id).copied().unwrap_or(self.initial);
        assert!(window >= self.initial / 2, "the window of stream {id} is {window} of {}", self.initial);
    }
}
