//! Measures the bandwidth-delay product: the bytes that arrive between a PING and its answer.
//! Only says what was measured; `recv.rs` sends the PINGs and lets the windows grow.

use std::time::{Duration, Instant};

/// The payload that tells these PINGs from those of the user.
pub(crate) const BANDWIDTH_PING: [u8; 8] = *b"halloBDP";

/// The state of the measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bandwidth {
    /// When the PING under way was sent.
    asked: Option<Instant>,
    /// Bytes since the PING under way, or else since the last answer.
    bytes: u64,
    /// Smoothed round-trip time.
    round_trip: Option<Duration>,
    /// The highest rate seen, in bytes a second: windows grow only while they raise it, or else they would grow with
    /// the queues that they fill.
    peak: u64,
}

impl Bandwidth {
    pub(crate) fn new() -> Self {
        Self { asked: None, bytes: 0, round_trip: None, peak: 0 }
    }

    /// Counts received bytes; true when it is time to send a PING.
    ///
    /// Below `worthwhile` bytes since the last answer nothing can be learnt, so quiet connections send none.
    #[inline]
    pub(crate) fn receive(&mut self, bytes: usize, worthwhile: u32, now: Instant) -> bool {
        self.bytes += bytes as u64;
        if self.asked.is_some() || self.bytes < u64::from(worthwhile) {
            return false;
        }
        self.asked = Some(now);
        self.bytes = 0;
        true
    }

    /// The answer to the PING: the bytes in between, if their rate is the highest so far.
    pub(crate) fn answer(&mut self, now: Instant) -> Option<u64> {
        let sample = now.saturating_duration_since(self.asked.take()?).max(Duration::from_micros(1));
        let round_trip = match self.round_trip {
            Some(before) => (before * 7 + sample) / 8,
            None => sample,
        };
        self.round_trip = Some(round_trip);
        let bytes = std::mem::take(&mut self.bytes);
        let rate = u64::try_from(u128::from(bytes) * 1_000_000 / round_trip.as_micros().max(1)).unwrap_or(u64::MAX);
        if rate <= self.peak {
            return None;
        }
        self.peak = rate;
        Some(bytes)
    }
}

/// The window after a sample: twice the sample once that fills two thirds of the window, up to `cap`.
pub(crate) fn grown(window: u32, sample: u64, cap: u32) -> u32 {
    if sample * 3 < u64::from(window) * 2 {
        return window;
    }
    u32::try_from(sample * 2).unwrap_or(u32::MAX).clamp(window, cap.max(window))
}
