//! Tests of `src/deadlines.rs`.

use std::time::Duration;

use super::*;

#[test]
fn due_entries_come_in_order_and_swept_ones_not_at_all() {
    let start = Instant::now();
    let at = |seconds| start + Duration::from_secs(seconds);
    let mut deadlines = Deadlines::default();
    for key in 0..200 {
        deadlines.insert(at(u64::from(key)), key);
    }
    assert_eq!(deadlines.next(), Some(at(0)));
    deadlines.sweep(2, |_, key| key == 7 || key == 3);
    assert_eq!(deadlines.pop_due(at(100)), Some((at(3), 3)));
    assert_eq!(deadlines.pop_due(at(6)), None);
    assert_eq!(deadlines.pop_due(at(7)), Some((at(7), 7)));
    assert_eq!(deadlines.next(), None);
}
