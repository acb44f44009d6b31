//! `Timeout`: the value of the `grpc-timeout` header, to and from its text. Allocates nothing.
//!
//! ```text
//! grpc-timeout = 1*8DIGIT unit        unit = H | M | S | m (milli) | u (micro) | n (nano)
//! ```

use std::fmt;
use std::time::Duration;

/// A call's time limit as it travels in the `grpc-timeout` header.
///
/// `Display` writes the wire's text.
///
/// ```
/// use halloo_core::Timeout;
/// use std::time::Duration;
///
/// let timeout = Timeout::parse(b"200m")?;
/// assert_eq!(timeout.duration(), Duration::from_millis(200));
/// assert_eq!(Timeout::encode(Duration::from_secs(2)).as_str(), "2000000u");
/// # Ok::<(), halloo_core::TimeoutError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timeout(Duration);

impl Timeout {
    /// Makes a timeout of a duration.
    pub const fn new(duration: Duration) -> Self {
        Self(duration)
    }

    /// Returns the duration.
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Reads the value of a `grpc-timeout` header. Zero is accepted: a call that has no time left.
    ///
    /// # Errors
    /// When the text is not one to eight digits and a unit; gRPC answers such a call with INTERNAL.
    pub fn parse(text: &[u8]) -> Result<Self, TimeoutError> {
        let (unit, digits) = text.split_last().ok_or(TimeoutError::Empty)?;
        if digits.is_empty() {
            return Err(TimeoutError::NoDigits);
        }
        if digits.len() > MAX_DIGITS {
            return Err(TimeoutError::TooLong);
        }
        let amount = u64::from(number(digits).ok_or(TimeoutError::NoDigits)?);
        // Eight digits of hours are 3.6e11 seconds, so no product overflows.
        Ok(Self(match unit {
            b'H' => Duration::from_secs(amount * 3600),
            b'M' => Duration::from_secs(amount * 60),
            b'S' => Duration::from_secs(amount),
            b'm' => Duration::from_millis(amount),
            b'u' => Duration::from_micros(amount),
            b'n' => Duration::from_nanos(amount),
            _ => return Err(TimeoutError::UnknownUnit),
        }))
    }

    /// Writes a duration as the value of a `grpc-timeout` header, in the finest unit that eight digits can hold.
    ///
    /// What the unit cannot express is rounded up, so the peer never gives up before we do, and only a duration of
    /// zero is written as zero. Durations above 99 999 999 hours are written as that.
    pub fn encode(duration: Duration) -> TimeoutText {
        // All but five centuries and more fit 64 bits, whose division is far cheaper.
        let Ok(nanos) = u64::try_from(duration.as_nanos()) else {
            let seconds = duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0));
            let hours = seconds.div_ceil(3600).min(MAX_AMOUNT);
            return TimeoutText::new(hours as u32, b'H');
        };
        for (unit, nanos_of_unit) in UNITS {
            let amount = nanos.div_ceil(nanos_of_unit);
            if amount <= MAX_AMOUNT {
                return TimeoutText::new(amount as u32, unit);
            }
        }
        unreachable!("64 bits of nanoseconds are less than 99 999 999 hours")
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(Self::encode(self.0).as_str())
    }
}

const MAX_DIGITS: usize = 8;
const MAX_AMOUNT: u64 = 99_999_999;

/// Reads at most eight digits, all at once: a byte of a word each.
#[inline]
fn number(digits: &[u8]) -> Option<u32> {
    // Zeros fill the front. Two loads may overlap, where they are the same.
    let word = match (digits.first_chunk::<4>(), digits.last_chunk::<4>()) {
        (Some(first), Some(last)) => {
            u64::from(u32::from_be_bytes(*first)) << (8 * (digits.len() - 4)) | u64::from(u32::from_be_bytes(*last))
        }
        _ => digits.iter().fold(0, |word, digit| word << 8 | u64::from(*digit)),
    };
    let word = word ^ (u64::from_ne_bytes([b'0'; 8]) >> (64 - 8 * digits.len()));
    // A byte is over 9 exactly if its high half is not empty, or becomes so when 6 is added to the low one.
    let low_halves = word & u64::from_ne_bytes([0x0f; 8]);
    let high_halves = (word | (low_halves + u64::from_ne_bytes([6; 8]))) & u64::from_ne_bytes([0xf0; 8]);
    // Of neighbours, the left one counts for ten, a hundred, and ten thousand times the right one.
    let twos = (word & 0x00ff_00ff_00ff_00ff) + 10 * (word >> 8 & 0x00ff_00ff_00ff_00ff);
    let fours = (twos & 0x0000_ffff_0000_ffff) + 100 * (twos >> 16 & 0x0000_ffff_0000_ffff);
    let eight = (fours & 0xffff_ffff) + 10_000 * (fours >> 32);
    (high_halves == 0).then_some(eight as u32)
}

/// Units and their nanoseconds, finest first.
const UNITS: [(u8, u64); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// The text of a `grpc-timeout` header: at most nine bytes, kept in place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TimeoutText {
    /// Right-aligned, so that digits are written from the last to the first.
    bytes: [u8; MAX_DIGITS + 1],
    start: u8,
}

impl TimeoutText {
    fn new(mut amount: u32, unit: u8) -> Self {
        let mut bytes = [b'0'; MAX_DIGITS + 1];
        bytes[MAX_DIGITS] = unit;
        let mut start = MAX_DIGITS;
        loop {
            start -= 1;
            bytes[start] = b'0' + (amount % 10) as u8;
            amount /= 10;
            if amount == 0 || start == 0 {
                break;
            }
        }
        Self { bytes, start: start as u8 }
    }

    /// Returns the text as bytes, ready for the header.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[usize::from(self.start)..]
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).expect("only digits and a letter were written")
    }
}

impl AsRef<[u8]> for TimeoutText {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Debug for TimeoutText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for TimeoutText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says why a `grpc-timeout` header cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimeoutError {
    /// The header is empty.
    Empty,
    /// Something else than digits stands before the unit.
    NoDigits,
    /// More than eight digits.
    TooLong,
    /// The last character is not one of `H M S m u n`.
    UnknownUnit,
}

impl fmt::Display for TimeoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "grpc-timeout is empty",
            Self::NoDigits => "grpc-timeout does not begin with a whole number",
            Self::TooLong => "grpc-timeout has more than 8 digits",
            Self::UnknownUnit => "grpc-timeout does not end in one of the units H, M, S, m, u, n",
        })
    }
}

impl std::error::Error for TimeoutError {}
