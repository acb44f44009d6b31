//! What a server's log says of calls that fail: one event per call, with the reasons that the client does not get.
//!
//! Called where a failure becomes what the client receives (`dispatch/handling.rs`) and by drivers that refuse a head themselves.
//! A call that succeeds never comes here.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use halloo_core::{Code, MethodRef, Status};
use tracing::Level;

/// Events that a method may write at once, per level.
const BURST: u32 = 10;

/// After a burst, one event per interval.
const INTERVAL: Duration = Duration::from_secs(1);

/// Writes the event of one failed call on a server, to the target `halloo`: the status with its cause and notes, which
/// never travel. `method` is `None` if the call named no method that the server has.
///
/// WARN for codes that speak of a fault on the server's side (UNKNOWN, INTERNAL, UNAVAILABLE, DATA_LOSS), DEBUG for all
/// others. Each method may write ten events at once and one more per second, for each of the two levels; an event after
/// others that were left out says how many (`suppressed`).
#[cold]
pub fn log_failure(method: Option<&'static MethodRef>, status: &Status) {
    macro_rules! event {
        ($level:ident) => {
            if tracing::event_enabled!(target: "halloo", Level::$level)
                && let Some(suppressed) = Buckets::take(method, Level::$level)
            {
                tracing::event!(
                    target: "halloo",
                    Level::$level,
                    method = method.map(MethodRef::full_name),
                    code = status.code().name(),
                    text = Some(status.message()).filter(|text| !text.is_empty()),
                    cause = status.cause(),
                    notes = notes_of(status),
                    suppressed = (suppressed > 0).then_some(suppressed),
                    "a call failed"
                );
            }
        };
    }
    if is_fault(method, status.code()) { event!(WARN) } else { event!(DEBUG) }
}

/// Whether `code` speaks of a fault on the server's side.
fn is_fault(method: Option<&MethodRef>, code: Code) -> bool {
    match code {
        Code::Unknown | Code::Internal | Code::DataLoss => true,
        // Watches of health and streams of reflection end so whenever their server stops.
        Code::Unavailable => !method.is_some_and(is_standard),
        _ => false,
    }
}

fn is_standard(method: &MethodRef) -> bool {
    ["grpc.health.", "grpc.reflection."].iter().any(|package| method.service().starts_with(package))
}

/// As fields, so that the subscriber escapes what a peer may have put there.
fn notes_of(status: &Status) -> Option<String> {
    let notes: Vec<_> = status.notes().iter().map(|note| format!("{}: {}", note.label(), note.text())).collect();
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// The process's buckets. Apart for each method, so that one that fails all the time does not hide why another did. Their
/// number is that of the methods in the program.
struct Buckets;

impl Buckets {
    /// Takes one event's share; see [`Bucket::take`].
    fn take(method: Option<&'static MethodRef>, level: Level) -> Option<u64> {
        static ALL: LazyLock<Mutex<HashMap<(&'static str, Level), Bucket>>> = LazyLock::new(Mutex::default);

        let now = Instant::now();
        let key = (method.map_or("", MethodRef::full_name), level);
        let mut all = ALL.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(key).or_insert_with(|| Bucket::full(now)).take(now)
    }
}

/// How much may still be written.
struct Bucket {
    left: u32,
    /// Up to when `left` is counted.
    counted_to: Instant,
    /// Events that were left out since the last one.
    suppressed: u64,
}

impl Bucket {
    fn full(now: Instant) -> Self {
        Self { left: BURST, counted_to: now, suppressed: 0 }
    }

    /// Takes one event's share, and returns how many were left out before it; `None` if it is to be left out itself.
    fn take(&mut self, now: Instant) -> Option<u64> {
        let intervals = now.saturating_duration_since(self.counted_to).as_secs() / INTERVAL.as_secs();
        match u32::try_from(intervals) {
            Ok(earned) if earned < BURST - self.left => {
                self.left += earned;
                self.counted_to += INTERVAL * earned;
            }
            _ => (self.left, self.counted_to) = (BURST, now),
        }
        let Some(left) = self.left.checked_sub(1) else {
            self.suppressed += 1;
            return None;
        };
        self.left = left;
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
#[path = "../../tests/unit/observe/failure_log.rs"]
mod tests;
