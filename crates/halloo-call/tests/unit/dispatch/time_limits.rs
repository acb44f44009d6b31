//! Tests of `src/dispatch/time_limits.rs`.

use super::*;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn the_earlier_of_what_the_client_wants_and_the_maximum_counts() {
    let (none, default) = (TimeLimits::none(), TimeLimits::none().default_timeout(seconds(10)));
    let (max, both) = (TimeLimits::none().max_timeout(seconds(5)), default.max_timeout(seconds(5)));
    let now = Instant::now();
    for (limits, asked, expected) in [
        (none, None, None),
        (none, Some(7), Some(7)),
        (default, None, Some(10)),
        (default, Some(70), Some(70)),
        (max, None, Some(5)),
        (max, Some(70), Some(5)),
        (max, Some(0), Some(0)),
        (both, None, Some(5)),
        (both, Some(3), Some(3)),
        (default.max_timeout(seconds(60)), None, Some(10)),
    ] {
        let (asked, expected) = (asked.map(seconds), expected.map(seconds));
        assert_eq!(limits.timeout(asked), expected, "{limits:?} {asked:?}");
        let deadline = |timeout: Option<Duration>| timeout.map(|timeout| Deadline::after(now, timeout));
        let allowance = limits.allowance(deadline(asked), now);
        assert_eq!(allowance.deadline(), deadline(expected), "{limits:?} {asked:?}");
        let is_servers = matches!(allowance, Allowance::Server(_));
        assert_eq!(is_servers, asked != expected, "{limits:?} {asked:?}");
    }
}
