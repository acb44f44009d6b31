//! Flow-control windows (RFC 9113 section 5.2 and 6.9), as arithmetic without frames.
//!
//! A stream's credit comes back when its bytes are consumed. The connection's comes back on receipt, as long as all
//! unread bytes together stay under a cap: so a stream that nobody reads holds its own window and never the others'.

/// The largest window (RFC 9113 section 6.9.1).
pub(crate) const MAX_WINDOW: u32 = 0x7fff_ffff;
/// Every window before SETTINGS and WINDOW_UPDATE (RFC 9113 section 6.9.2).
pub(crate) const DEFAULT_WINDOW: u32 = 65_535;

/// What this side may send; negative after the peer made its initial window smaller (RFC 9113 section 6.9.2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SendWindow(i64);

impl SendWindow {
    pub(crate) fn new(bytes: u32) -> Self {
        Self(i64::from(bytes))
    }

    /// Bytes that may be sent.
    #[inline]
    pub(crate) fn available(self) -> usize {
        self.0.max(0) as usize
    }

    #[inline]
    pub(crate) fn consume(&mut self, bytes: usize) {
        self.0 -= bytes as i64;
    }

    /// Adds an increment or the change of the initial window; `None` above 2^31-1.
    #[must_use]
    pub(crate) fn add(&mut self, change: i64) -> Option<()> {
        let sum = self.0 + change;
        (sum <= i64::from(MAX_WINDOW)).then(|| self.0 = sum)
    }
}

/// Bytes that were delivered and not released yet, and what small events among them cost besides.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unread {
    pub(crate) bytes: usize,
    pub(crate) overhead: usize,
}

/// An event that carries less than this is charged with the difference.
const OVERHEAD_BYTES: usize = 256;

impl Unread {
    /// Accounts for an event of its own.
    #[inline]
    pub(crate) fn add_event(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.overhead += OVERHEAD_BYTES.saturating_sub(bytes);
    }

    /// Accounts for bytes that joined an event, whose cost is counted already.
    #[inline]
    pub(crate) fn add_joined(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Takes out at most `bytes`, and the share of the overhead that goes with them.
    #[inline]
    pub(crate) fn release(&mut self, bytes: usize) -> Self {
        let share = if bytes >= self.bytes {
            *self
        } else {
            let overhead = (self.overhead as u64 * bytes as u64 / self.bytes as u64) as usize;
            Self { bytes, overhead }
        };
        self.subtract(share);
        share
    }

    #[inline]
    pub(crate) fn subtract(&mut self, share: Self) {
        self.bytes = self.bytes.saturating_sub(share.bytes);
        self.overhead = self.overhead.saturating_sub(share.overhead);
    }

    pub(crate) fn absorb(&mut self, other: Self) {
        self.bytes += other.bytes;
        self.overhead += other.overhead;
    }
}

/// What the peer may still send on a stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecvWindow {
    available: i64,
    pub(crate) unread: Unread,
}

impl RecvWindow {
    pub(crate) fn new(bytes: u32) -> Self {
        Self { available: i64::from(bytes), unread: Unread::default() }
    }

    /// Takes a frame's payload, padding included; `None` when the peer overran the window.
    #[inline]
    #[must_use]
    pub(crate) fn receive(&mut self, bytes: usize) -> Option<()> {
        let rest = self.available - bytes as i64;
        (rest >= 0 || bytes == 0).then(|| self.available = rest)
    }

    /// Takes back what the peer had before it knew of our smaller initial window.
    pub(crate) fn shrink(&mut self, bytes: u32) {
        self.available -= i64::from(bytes);
    }

    /// The increment that brings the window back to `target`, once that is worth a frame.
    #[inline]
    pub(crate) fn replenish(&mut self, target: u32) -> Option<u32> {
        let missing = i64::from(target) - self.available - self.unread.bytes as i64;
        if missing < i64::from(target / 2).max(1) {
            return None;
        }
        // At most 2^31-1 is missing of a window that is not negative; of one that is, the rest follows later.
        let increment = missing.min(i64::from(MAX_WINDOW));
        self.available += increment;
        Some(increment as u32)
    }
}

/// What the peer may still send on the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ConnectionWindow {
    available: u32,
    /// The size that credit on receipt restores.
    pub(crate) size: u32,
    /// The most bytes that may be unread on all streams.
    unread_cap: u32,
    pub(crate) unread: Unread,
}

impl ConnectionWindow {
    pub(crate) fn new(size: u32, unread_cap: u32) -> Self {
        Self { available: DEFAULT_WINDOW, size, unread_cap, unread: Unread::default() }
    }

    #[inline]
    #[must_use]
    pub(crate) fn receive(&mut self, bytes: usize) -> Option<()> {
        // A frame's length has 24 bits.
        self.available = self.available.checked_sub(bytes as u32)?;
        Some(())
    }

    /// Whether unread bytes keep the window smaller than it should be.
    #[inline]
    pub(crate) fn is_limited(&self) -> bool {
        self.unread.bytes + self.size as usize > self.unread_cap as usize
    }

    /// The increment that restores the window as far as the unread bytes allow, once that is worth a frame.
    ///
    /// Worth a frame is a quarter of the window, or half of what the unread bytes leave of it: so the peer is never
    /// left without credit while there is room.
    #[inline]
    pub(crate) fn replenish(&mut self) -> Option<u32> {
        // While less than a quarter is missing nothing is worth a frame, whatever unread bytes leave of the window.
        if u64::from(self.available) + u64::from(self.size / 4) > u64::from(self.size) {
            return None;
        }
        let room = (self.unread_cap as usize).saturating_sub(self.unread.bytes);
        let target = (self.size as usize).min(room) as u32;
        let missing = target.saturating_sub(self.available);
        if missing < (self.size / 4).min(target / 2) || missing == 0 {
            return None;
        }
        self.available += missing;
        Some(missing)
    }

    /// The window that a stream may be given: the measured one, but at most half of the room that is left, so that
    /// streams which are read slowly leave room for those which are not.
    #[inline]
    pub(crate) fn stream_target(&self, initial: u32, measured: u32) -> u32 {
        let room = (self.unread_cap as usize).saturating_sub(self.unread.bytes);
        measured.min((room / 2) as u32).max(initial)
    }
}
