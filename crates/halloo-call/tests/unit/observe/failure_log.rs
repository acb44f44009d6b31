//! Tests of `src/observe/failure_log.rs`.

use halloo_core::MethodKind;

use super::*;

#[test]
fn a_burst_is_written_and_then_one_event_per_second() {
    let start = Instant::now();
    let mut bucket = Bucket::full(start);
    // (milliseconds from the start, events at that time, how many are written, what the first of them leaves out)
    for (at, events, written, left_out) in [
        (0, 14, 10, Some(0)),
        (900, 3, 0, None),
        (1_000, 2, 1, Some(7)),
        (3_500, 5, 2, Some(1)),
        (3_999, 1, 0, None),
        (4_000, 1, 1, Some(4)),
        (3_600_000, 12, 10, Some(0)),
        (3_600_999, 1, 0, None),
    ] {
        let now = start + Duration::from_millis(at);
        let taken: Vec<_> = (0..events).filter_map(|_| bucket.take(now)).collect();
        assert_eq!((taken.len(), taken.first().copied()), (written, left_out), "after {at} ms");
    }
}

#[test]
fn faults_of_the_server_are_told_from_the_rest() {
    let plain = MethodRef::learned("a.B", "C", MethodKind::Unary);
    let watch = MethodRef::learned("grpc.health.v1.Health", "Watch", MethodKind::ServerStreaming);
    let faults = [Code::Unknown, Code::Internal, Code::Unavailable, Code::DataLoss];
    for code in (0..=16).map(Code::from_u32) {
        assert_eq!(is_fault(Some(&plain), code), faults.contains(&code), "{code}");
        assert_eq!(is_fault(None, code), faults.contains(&code), "{code}");
    }
    assert!(!is_fault(Some(&watch), Code::Unavailable));
    assert!(is_fault(Some(&watch), Code::Internal));
}
