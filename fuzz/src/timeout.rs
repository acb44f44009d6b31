//! `grpc-timeout`: any text is read as the grammar says, and what is written is never shorter than what was meant.

use std::time::Duration;

use halloo_core::Timeout;

use crate::input::Input;

/// The longest timeout that the text can say.
const LONGEST: Duration = Duration::from_secs(99_999_999 * 3600);

/// Runs one input: the whole of it as a text, and its first twelve bytes as a duration.
pub fn run(data: &[u8]) {
    let parsed = Timeout::parse(data).ok().map(Timeout::duration);
    assert_eq!(parsed.map(|duration| duration.as_nanos()), read_by_hand(data));
    if let Some(duration) = parsed {
        check(duration);
    }
    let mut input = Input::new(data);
    let nanos = input.u32() % 1_000_000_000;
    check(Duration::new(input.u64(), nanos));
    check(Duration::from_nanos(u64::from(nanos)));
}

fn check(duration: Duration) {
    let text = Timeout::encode(duration);
    assert_eq!(text.as_str(), Timeout::new(duration).to_string());
    let read = Timeout::parse(text.as_bytes()).expect("what we write we can read").duration();
    assert!(read >= duration.min(LONGEST), "{duration:?} became shorter: {text}");
    assert!(read <= duration.saturating_mul(2), "{duration:?} became longer: {text}");
    assert_eq!(read.is_zero(), duration.is_zero());
}

/// The oracle: 1*8DIGIT and a unit, in nanoseconds.
fn read_by_hand(text: &[u8]) -> Option<u128> {
    let text = std::str::from_utf8(text).ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let scale = match unit {
        "H" => 3_600_000_000_000,
        "M" => 60_000_000_000,
        "S" => 1_000_000_000,
        "m" => 1_000_000,
        "u" => 1000,
        "n" => 1,
        _ => return None,
    };
    Some(digits.parse::<u128>().ok()? * scale)
}
