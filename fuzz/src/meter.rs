//! Counts the bytes that Rust code holds, so that a target can say how much an endpoint may keep.
//! Runaway memory shows in one short input this way, long before it would be seen from outside.

#![expect(unsafe_code, reason = "an allocator cannot be written without, and only a test counts this way")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// A target runs in one thread, and the fuzzer's other threads must not count.
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator, counted.
#[derive(Debug)]
struct Metered;

#[global_allocator]
static ALLOCATOR: Metered = Metered;

/// Bytes that this thread has allocated and nobody has freed.
pub(crate) fn held() -> isize {
    HELD.with(Cell::get)
}

fn count(change: isize) {
    HELD.with(|held| held.set(held.get() + change));
}

// SAFETY: every call goes to the system's allocator unchanged; the counter allocates nothing.
unsafe impl GlobalAlloc for Metered {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller's promise is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: as above.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: as above.
        unsafe { System.realloc(place, layout, size) }
    }
}
