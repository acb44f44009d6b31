//! One direction of one call: bytes that can be told from all others, and how far they have come.

use std::sync::LazyLock;

use bytes::Bytes;

/// How a direction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Data,
    Trailers,
}

/// What was sent and what has arrived.
#[derive(Debug)]
pub(crate) struct Flow {
    seed: usize,
    pub(crate) sent: usize,
    pub(crate) arrived: usize,
    pub(crate) ending: Option<Ending>,
    pub(crate) is_over: bool,
}

impl Flow {
    pub(crate) fn new(seed: usize) -> Self {
        Self { seed, sent: 0, arrived: 0, ending: None, is_over: false }
    }

    /// The next `len` bytes to send.
    pub(crate) fn make(&self, len: usize) -> Bytes {
        Bytes::from_static(self.part(self.sent, len))
    }

    pub(crate) fn arrive(&mut self, bytes: &[u8]) {
        assert!(!self.is_over, "bytes after the end");
        assert!(self.arrived + bytes.len() <= self.sent, "more bytes than were sent");
        assert!(bytes == self.part(self.arrived, bytes.len()), "other bytes from {} on: {self:?}", self.arrived);
        self.arrived += bytes.len();
    }

    pub(crate) fn end(&mut self, with_trailers: bool) {
        assert!(!self.is_over, "a second end");
        self.is_over = true;
        let ending = self.ending.expect("an end that the sender set");
        assert_eq!(ending == Ending::Trailers, with_trailers);
        assert_eq!(self.arrived, self.sent, "the end before the last byte");
    }

    /// The `len` bytes that begin at `at`.
    fn part(&self, at: usize, len: usize) -> &'static [u8] {
        let start = (at + self.seed * 37) % PERIOD;
        &PATTERN[start..start + len]
    }
}

/// A prime, so that no window or frame size repeats the pattern.
const PERIOD: usize = 251;

/// The most that is sent or arrives at once.
pub(crate) const MAX_BYTES: usize = 1 << 20;

static PATTERN: LazyLock<Vec<u8>> = LazyLock::new(|| (0..MAX_BYTES + PERIOD).map(|at| (at % PERIOD) as u8).collect());
