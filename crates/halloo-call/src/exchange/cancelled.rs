//! How work on a call's behalf learns that the call was cancelled.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use crate::exchange::state::Exchange;

/// Resolves when work on a call's behalf is no longer wanted: its client went away or gave up, its deadline
/// passed, or it has ended.
///
/// [`is_cancelled`](Self::is_cancelled) tells a call that was cancelled from one that has ended. Clones wait on
/// their own, so a handler can hand one to every task that it spawns.
pub struct Cancelled {
    exchange: Option<Arc<Exchange>>,
    /// Its number among the exchange's watchers; 0 before it waits.
    id: u64,
}

impl Cancelled {
    pub(crate) fn of(exchange: &Arc<Exchange>) -> Self {
        Self { exchange: Some(Arc::clone(exchange)), id: 0 }
    }

    /// For a request that belongs to no call (in a test): never resolves.
    pub(crate) const fn never() -> Self {
        Self { exchange: None, id: 0 }
    }

    pub(crate) fn exchange(&self) -> Option<&Arc<Exchange>> {
        self.exchange.as_ref()
    }

    /// Says whether the call was cancelled already. A call that has ended otherwise was not.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.is_cancelled())
    }
}

impl Clone for Cancelled {
    fn clone(&self) -> Self {
        Self { exchange: self.exchange.clone(), id: 0 }
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match &this.exchange {
            Some(exchange) => exchange.poll_watch(cx, &mut this.id),
            None => Poll::Pending,
        }
    }
}

impl Cancelled {
    #[cold]
    fn stop_watching(&self) {
        if let Some(exchange) = &self.exchange {
            exchange.stop_watching(self.id);
        }
    }
}

impl Drop for Cancelled {
    #[inline]
    fn drop(&mut self) {
        if self.id != 0 {
            self.stop_watching();
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled").field("is_cancelled", &self.is_cancelled()).finish()
    }
}
