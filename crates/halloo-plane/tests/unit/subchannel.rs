//! Tests of `src/subchannel.rs`.

use super::*;
use crate::failure::Cause;

fn pace() -> Pace {
    Pace { backoff: Backoff::new().jitter(0.0), connect_timeout: Duration::from_secs(20), max_connections: 2 }
}

fn refused() -> Unreachable {
    Unreachable { reason: "connection refused".into(), cause: Cause::Refused, hint: None }
}

fn subchannel() -> Subchannel {
    Subchannel::new(Address::Tcp("127.0.0.1:1".parse().unwrap()))
}

#[test]
fn a_back_off_counts_from_the_start_of_the_attempt() {
    let (start, mut dice, mut subchannel) = (Instant::now(), Dice::seeded(1), subchannel());
    assert!(subchannel.connect(start, AttemptId(1), &pace(), &mut dice));
    assert!(!subchannel.connect(start, AttemptId(2), &pace(), &mut dice), "one attempt at a time");
    let failure = subchannel.failed(start + Duration::from_millis(300), refused()).unwrap();
    assert_eq!(failure.took, Duration::from_millis(300));
    assert_eq!(subchannel.poll_timeout(), Some(start + Duration::from_secs(1)));
    assert!(!subchannel.connect(start, AttemptId(3), &pace(), &mut dice), "not before the back-off is over");
    assert!(subchannel.handle_timeout(start + Duration::from_millis(999)).is_none());
    assert!(matches!(subchannel.handle_timeout(start + Duration::from_secs(1)), Some(TimedOut::Backoff)));
    assert_eq!(subchannel.connectivity(), ConnectivityState::Idle);
}

#[test]
fn success_resets_the_back_off() {
    let (start, mut dice, mut subchannel) = (Instant::now(), Dice::seeded(1), subchannel());
    for attempt in 0..5 {
        subchannel.connect(start, AttemptId(attempt), &pace(), &mut dice);
        subchannel.failed(start, refused());
        subchannel.handle_timeout(start + Duration::from_secs(120));
    }
    subchannel.connect(start, AttemptId(9), &pace(), &mut dice);
    subchannel.connected();
    assert!(matches!(subchannel.closed(), Some(SubchannelUpdate::Idle)));
    subchannel.connect(start, AttemptId(10), &pace(), &mut dice);
    subchannel.failed(start, refused());
    assert_eq!(subchannel.poll_timeout(), Some(start + Duration::from_secs(1)));
}

#[test]
fn an_attempt_that_hangs_is_given_up() {
    for (accepted, reason) in
        [(false, "no answer within 20 s"), (true, "it accepted the connection, but did not answer within 20 s")]
    {
        let (start, mut dice, mut subchannel) = (Instant::now(), Dice::seeded(1), subchannel());
        subchannel.connect(start, AttemptId(4), &pace(), &mut dice);
        subchannel.progress().accepted().store(accepted, Ordering::Relaxed);
        let limit = start + Duration::from_secs(20);
        assert_eq!(subchannel.poll_timeout(), Some(limit));
        let Some(TimedOut::Attempt(AttemptId(4), Some(failure))) = subchannel.handle_timeout(limit) else {
            panic!("20 s are the limit");
        };
        assert_eq!(failure.reason, reason);
        assert!(matches!(subchannel.handle_timeout(limit), Some(TimedOut::Backoff)), "its back-off has passed too");
    }
}
