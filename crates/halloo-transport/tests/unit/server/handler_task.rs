//! Tests of `src/server/handler_task.rs`.

use super::*;

/// In one turn, so that all of them were there before the first took long.
#[test]
fn eight_polls_of_a_slow_handler_are_enough_to_tell() {
    let placement = Placement::new(Execution::Adaptive);
    while !placement.is_inline() {
        placement.observe(Duration::ZERO);
    }
    let mut polls = InlinePolls::default();
    let mut count = 0;
    while placement.is_inline() {
        let mut slow = Handling::http(Box::pin(async {
            let started = Instant::now();
            while started.elapsed() <= LONG_POLL {
                std::hint::spin_loop();
            }
        }));
        assert!(polls.poll(&mut slow, None, &placement, &mut Context::from_waker(Waker::noop())));
        count += 1;
    }
    assert!((5..=8).contains(&count), "{count} polls");
}

#[test]
fn a_turn_that_took_long_has_the_next_one_measured() {
    for (unmeasured, watched) in [(0, 0), (1, WATCHED_POLLS)] {
        let since = Some(Instant::now() - 2 * LONG_POLL);
        let mut polls = InlinePolls { since, unmeasured, watched: 0 };
        polls.end_turn();
        assert_eq!((polls.since, polls.unmeasured, polls.watched), (None, 0, watched));
    }
}
