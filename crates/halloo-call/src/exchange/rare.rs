//! What an exchange has only for few calls, and who watches one.

use std::task::Waker;

use halloo_core::{Metadata, Status};

use crate::exchange::state::Outcome;

/// Hears how a call, or an attempt of it, has ended; once.
pub type OnEnd = Box<dyn FnOnce(&Outcome) + Send>;

/// What a call that is answered at once does not have. Apart, because an exchange is made ready again for every call.
#[derive(Default)]
pub(super) struct RareState {
    /// Headers that a handler set before its first message.
    pub(super) headers: Option<Metadata>,
    pub(super) trailers: Option<Metadata>,
    pub(super) cancelled: Option<Status>,
    /// The task that runs the handler; it drops the handler when the call is cancelled.
    pub(super) handler: Option<Waker>,
    pub(super) watchers: Watchers,
    pub(super) on_end: Option<OnEnd>,
}

/// Who waits for the end of a call.
#[derive(Default)]
pub(super) struct Watchers {
    each: Vec<(u64, Waker)>,
    last: u64,
}

impl Watchers {
    /// Notes whom to wake for the watcher of this number, which it gets if it is 0.
    pub(super) fn watch(&mut self, waker: &Waker, id: &mut u64) {
        if *id == 0 {
            self.last += 1;
            *id = self.last;
        }
        match self.each.iter_mut().find(|(watcher, _)| watcher == id) {
            Some((_, known)) => known.clone_from(waker),
            None => self.each.push((*id, waker.clone())),
        }
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.each.retain(|(watcher, _)| *watcher != id);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.each.is_empty()
    }

    /// Whom to wake; nobody waits any more.
    pub(super) fn take(&mut self) -> Vec<Waker> {
        std::mem::take(&mut self.each).into_iter().map(|(_, waker)| waker).collect()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.each.len()
    }
}
