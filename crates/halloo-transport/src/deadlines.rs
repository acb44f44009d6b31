//! The deadlines of a connection's calls: one timer serves them all.
//!
//! A call that ends leaves its entry behind; entries are swept when they outnumber the live calls, so the
//! queue stays within twice their number.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    heap: BinaryHeap<Reverse<(Instant, u32)>>,
}

impl Deadlines {
    pub(crate) fn insert(&mut self, at: Instant, key: u32) {
        self.heap.push(Reverse((at, key)));
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// The key of an entry whose time has come.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<(Instant, u32)> {
        self.heap.peek().filter(|Reverse((at, _))| *at <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// Drops the entries that `is_live` disowns, once they may be the majority.
    pub(crate) fn sweep(&mut self, live: usize, is_live: impl Fn(Instant, u32) -> bool) {
        if self.heap.len() > 2 * live + 64 {
            self.heap.retain(|Reverse((at, key))| is_live(*at, *key));
        }
    }
}

#[cfg(test)]
#[path = "../tests/unit/deadlines.rs"]
mod tests;
