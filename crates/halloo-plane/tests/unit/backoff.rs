//! Tests of `src/backoff.rs`.

use super::*;

#[test]
fn pauses_grow_by_the_multiplier_up_to_the_maximum() {
    let backoff = Backoff::new();
    let pauses: Vec<_> = (0..12).map(|failures| backoff.pause(failures, 0.5).as_secs_f64()).collect();
    assert_eq!(&pauses[..3], [1.0, 1.6, 2.56]);
    assert_eq!(&pauses[11..], [120.0]);
    assert_eq!(backoff.pause(u32::MAX, 0.5), Duration::from_secs(120));
}

#[test]
fn chance_moves_a_pause_by_a_fifth_at_most() {
    let backoff = Backoff::new();
    assert_eq!(backoff.pause(0, 0.0), Duration::from_millis(800));
    assert_eq!(backoff.pause(0, 1.0), Duration::from_millis(1200));
    assert_eq!(backoff.clone().jitter(0.0).pause(0, 1.0), Duration::from_secs(1));
}

#[test]
fn dice_stay_in_range_and_differ() {
    let mut dice = Dice::seeded(7);
    let rolls: Vec<_> = (0..1000).map(|_| dice.roll()).collect();
    assert!(rolls.iter().all(|roll| (0.0..=1.0).contains(roll)));
    let mean = rolls.iter().sum::<f64>() / 1000.0;
    assert!((0.45..0.55).contains(&mean), "{mean}");
}
