//! Lists that were handed to the connection's driver, and whose memory the decoder uses again once the driver has
//! dropped them: so a busy connection allocates nothing a request.
use std::collections::VecDeque;
use std::sync::Arc;

use crate::headers::HeaderList;

/// As many as requests may come in one batch.
const SPARES: usize = 128;

/// Larger lists are not held: few peers send them, and not for long.
const SPARE_LIST_BYTES: usize = 2048;

/// Holds the latest lists, each of them until its turn comes again.
///
/// Memory: 256 KiB at most, and as much only after so many lists were in use at once.
#[derive(Debug, Default)]
pub(super) struct Spares(VecDeque<Arc<HeaderList>>);

impl Spares {
    /// Returns a list that nobody else refers to: the one that was held longest if that is so, or else a new one.
    #[inline]
    pub(super) fn take(&mut self) -> Arc<HeaderList> {
        if let Some(mut list) = self.0.pop_front() {
            if Arc::get_mut(&mut list).is_some() {
                return list;
            }
            // One that is in use for long must not keep the others from being used.
            self.hold(list);
        }
        Arc::default()
    }

    /// Holds a list to use it again after everybody else has dropped it.
    #[inline]
    pub(super) fn hold(&mut self, list: Arc<HeaderList>) {
        if self.0.len() < SPARES && list.buffer_bytes() <= SPARE_LIST_BYTES {
            self.0.push_back(list);
        }
    }

    pub(super) fn trim(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
#[path = "../../tests/unit/hpack/spares.rs"]
mod tests;
