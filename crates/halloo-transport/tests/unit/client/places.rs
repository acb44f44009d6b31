//! Tests of `src/client/places.rs`.

use super::*;

/// How many newcomers get in.
fn entering(places: &mut Places) -> usize {
    (0..100).take_while(|_| places.enter()).count()
}

#[test]
fn as_many_enter_as_there_are_places() {
    let mut places = Places::none();
    assert!(!places.enter());
    assert!(!places.free(3), "nobody waits");
    assert_eq!(entering(&mut places), 3);
    assert!(!places.free(2));
    assert_eq!(entering(&mut places), 2);
}

#[test]
fn who_waits_is_served_before_newcomers() {
    let mut places = Places::none();
    assert!(!places.reserve_or_wait(), "it waits");
    assert!(places.free(2), "there is room for it");
    assert!(!places.enter(), "nobody overtakes");
    assert!(places.reserve());
    places.nobody_waits();
    assert_eq!(entering(&mut places), 1);
    assert!(!places.free(1));
    assert!(places.enter(), "nobody waits any more");
}

#[test]
fn a_limit_that_sinks_below_what_runs_lets_nobody_in_until_enough_have_ended() {
    let mut places = Places::none();
    places.free(10);
    assert!(places.enter());
    assert!(!places.free(-12));
    assert_eq!(entering(&mut places), 0);
    assert!(!places.free(3));
    assert_eq!(entering(&mut places), 0);
    places.free(1);
    assert_eq!(entering(&mut places), 1);
}

#[test]
fn nothing_opens_a_door_that_is_shut() {
    let mut places = Places::unlimited();
    assert!(places.enter());
    places.shut();
    assert!(!places.free(1));
    places.nobody_waits();
    assert!(!places.enter() && !places.reserve() && !places.reserve_or_wait());
}
