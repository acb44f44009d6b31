//! Tests of `src/dispatch/placement.rs`.

use super::*;

const TOO_LONG: Duration = Duration::from_micros(201);

fn observe_short(placement: &Placement, polls: u32) {
    for _ in 0..polls {
        placement.observe(LONG_POLL);
    }
}

fn lose(placement: &Placement) {
    for _ in 0..LONG_POLLS {
        placement.observe(TOO_LONG);
    }
    assert!(!placement.is_inline());
}

#[test]
fn a_method_earns_inline_polling_by_short_polls_and_loses_it_by_long_ones() {
    let placement = Placement::new(Execution::Adaptive);
    assert!(!placement.is_inline(), "the first calls are spawned");
    observe_short(&placement, FIRST_TRIAL_POLLS);
    assert!(placement.is_inline());
    for _ in 1..LONG_POLLS {
        placement.observe(TOO_LONG);
        assert!(placement.is_inline(), "a few may be the kernel's doing");
    }
    placement.observe(TOO_LONG);
    assert!(!placement.is_inline());
    observe_short(&placement, 2 * FIRST_TRIAL_POLLS - 1);
    assert!(!placement.is_inline(), "the second trial is longer");
    observe_short(&placement, 1);
    assert!(placement.is_inline());
}

/// As on a machine that takes the thread away now and then.
#[test]
fn long_polls_that_are_few_cost_nothing() {
    let placement = Placement::new(Execution::Adaptive);
    observe_short(&placement, FIRST_TRIAL_POLLS);
    for _ in 0..1000 {
        for _ in 1..LONG_POLLS {
            placement.observe(TOO_LONG);
        }
        assert!(placement.is_inline());
        observe_short(&placement, (LONG_POLLS - 1) * SHORT_FOR_LONG);
    }
}

#[test]
fn a_method_that_often_takes_long_is_spawned() {
    let placement = Placement::new(Execution::Adaptive);
    observe_short(&placement, FIRST_TRIAL_POLLS);
    let mut polls = 0;
    while placement.is_inline() {
        placement.observe(TOO_LONG);
        observe_short(&placement, SHORT_FOR_LONG / 2);
        polls += 1;
    }
    assert!(polls < 2 * LONG_POLLS, "{polls} long polls");
}

/// A trial is passed in spite of long polls if they are few.
#[test]
fn a_long_trial_can_be_passed_on_a_busy_machine() {
    let placement = Placement::new(Execution::Adaptive);
    for _ in 0..4 {
        observe_short(&placement, 16 * FIRST_TRIAL_POLLS);
        lose(&placement);
    }
    for _ in 0..16 * FIRST_TRIAL_POLLS / SHORT_FOR_LONG {
        observe_short(&placement, 2 * SHORT_FOR_LONG);
        placement.observe(TOO_LONG);
    }
    assert!(placement.is_inline());
}

#[test]
fn a_method_that_was_slow_at_first_is_tried_like_any_other() {
    let placement = Placement::new(Execution::Adaptive);
    for _ in 0..100 {
        placement.observe(Duration::from_secs(1));
    }
    observe_short(&placement, FIRST_TRIAL_POLLS);
    assert!(placement.is_inline());
}

#[test]
fn short_polls_make_up_for_losses() {
    let placement = Placement::new(Execution::Adaptive);
    for _ in 0..3 {
        observe_short(&placement, 8 * FIRST_TRIAL_POLLS);
        lose(&placement);
    }
    observe_short(&placement, 8 * FIRST_TRIAL_POLLS - 1);
    assert!(!placement.is_inline());
    observe_short(&placement, 1 + 3 * FORGIVING_POLLS);
    lose(&placement);
    observe_short(&placement, 2 * FIRST_TRIAL_POLLS);
    assert!(placement.is_inline(), "the trial is the second one's again");
}

#[test]
fn a_fixed_choice_is_not_moved_by_measurements() {
    let inline = Placement::new(Execution::Inline);
    inline.observe(Duration::from_secs(1));
    inline.observe(Duration::from_secs(1));
    assert!(inline.is_inline());
    let spawn = Placement::new(Execution::Spawn);
    observe_short(&spawn, 2 * LONGEST_TRIAL_POLLS);
    assert!(!spawn.is_inline());
}

#[test]
fn the_trial_stays_reachable_after_many_losses() {
    let placement = Placement::new(Execution::Adaptive);
    for _ in 0..20 {
        while !placement.is_inline() {
            placement.observe(Duration::ZERO);
        }
        lose(&placement);
    }
    observe_short(&placement, LONGEST_TRIAL_POLLS - 1);
    assert!(!placement.is_inline());
    observe_short(&placement, 1);
    assert!(placement.is_inline());
}
