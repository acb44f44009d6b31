//! `Backoff`: how long to wait between attempts (gRPC's connection-backoff.md). Pure: the chance is passed in.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Says how the pauses between connection attempts grow: 1 s at first, 1.6 times longer after each failure, at most
/// 120 s, each 20 % shorter or longer by chance so that clients do not come back all at once.
///
/// A pause counts from the start of the failed attempt. Success resets it.
#[derive(Clone, Debug, PartialEq)]
pub struct Backoff {
    initial: Duration,
    multiplier: f64,
    jitter: f64,
    max: Duration,
}

impl Backoff {
    /// Makes a back-off with gRPC's defaults.
    #[must_use]
    pub const fn new() -> Self {
        Self { initial: Duration::from_secs(1), multiplier: 1.6, jitter: 0.2, max: Duration::from_secs(120) }
    }

    /// Sets the pause after the first failure. Default: 1 s.
    #[must_use]
    pub const fn initial(mut self, pause: Duration) -> Self {
        self.initial = pause;
        self
    }

    /// Sets what the pause grows by after each failure; less than 1 counts as 1. Default: 1.6.
    #[must_use]
    pub const fn multiplier(mut self, factor: f64) -> Self {
        self.multiplier = factor.max(1.0);
        self
    }

    /// Sets the part of a pause that chance may take away or add, from 0 to 1. Default: 0.2.
    #[must_use]
    pub const fn jitter(mut self, part: f64) -> Self {
        self.jitter = part.clamp(0.0, 1.0);
        self
    }

    /// Sets the longest pause, before chance. Default: 120 s.
    #[must_use]
    pub const fn max(mut self, pause: Duration) -> Self {
        self.max = pause;
        self
    }

    /// The pause after `failures` failures that came before this one; `chance` is from 0 to 1.
    pub(crate) fn pause(&self, failures: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(failures.min(1000)).unwrap_or(1000);
        let grown = self.initial.as_secs_f64() * self.multiplier.powi(exponent);
        let pause = grown.min(self.max.as_secs_f64());
        let spread = self.jitter * (2.0 * chance.clamp(0.0, 1.0) - 1.0);
        Duration::try_from_secs_f64(pause * (1.0 + spread)).unwrap_or(self.max)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// A source of chance that is good enough to spread clients (SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Seeded by the randomness that the standard library's hash maps have.
    pub fn random() -> Self {
        Self(RandomState::new().build_hasher().finish())
    }

    #[cfg(test)]
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A number from 0 to 1.
    pub(crate) fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
#[path = "../tests/unit/backoff.rs"]
mod tests;
