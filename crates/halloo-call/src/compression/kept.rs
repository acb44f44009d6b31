//! State that a thread keeps from one message to the next.

use std::cell::Cell;
use std::thread::LocalKey;

/// Where a thread keeps one state.
pub(crate) type Kept<T> = Cell<Option<T>>;

/// Takes the state that the thread has kept, if it fits. While it is out, another one would be made.
pub(crate) fn take<T>(kept: &'static LocalKey<Kept<T>>, fits: impl FnOnce(&T) -> bool) -> Option<T> {
    // A thread that is about to end keeps nothing.
    kept.try_with(Cell::take).ok().flatten().filter(fits)
}

/// Keeps `state` for the thread's next message.
pub(crate) fn put<T>(kept: &'static LocalKey<Kept<T>>, state: T) {
    let _ = kept.try_with(|kept| kept.set(Some(state)));
}
