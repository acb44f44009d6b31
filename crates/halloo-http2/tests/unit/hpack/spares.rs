//! Tests of `src/hpack/spares.rs`.

use super::*;

#[test]
fn a_list_comes_back_when_it_was_dropped() {
    let mut spares = Spares::default();
    let first = spares.take();
    spares.hold(Arc::clone(&first));
    let second = spares.take();
    assert!(!Arc::ptr_eq(&first, &second), "the first one is in use");
    let address = Arc::as_ptr(&first);
    drop(first);
    assert_eq!(Arc::as_ptr(&spares.take()), address);
}

#[test]
fn lists_in_use_are_held_up_to_a_number_and_large_ones_never() {
    let mut spares = Spares::default();
    let lists: Vec<_> = (0..2 * SPARES).map(|_| spares.take()).collect();
    for list in &lists {
        spares.hold(Arc::clone(list));
        spares.take();
    }
    assert_eq!(spares.0.len(), SPARES);
    spares.trim();
    let mut large = HeaderList::new();
    large.push(b"name", &[b'v'; SPARE_LIST_BYTES]);
    spares.hold(Arc::new(large));
    assert!(spares.0.is_empty());
}
