//! Runs a call's handler: once in the connection's task if its method earned that, else in a task of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use halloo_call::{Execution, Handling, LONG_POLL, Placement, Route, RunningHandler};
use halloo_core::Deadline;
use tokio::task::coop;

use crate::mailbox::CallWaker;

/// Inline polls between two looks at the clock.
const POLLS_PER_LOOK: u32 = 4;

/// Polls that are measured one by one after several took long together.
const WATCHED_POLLS: u32 = 256;

/// Polls the handlers of one connection in its own task, and tells their placements of polls that take long.
///
/// A look at the clock costs as much as a good part of a short call. So it is looked at before the first poll of a
/// turn, after every fourth and after the last. If the time between two looks is short, so was each poll between
/// them. If not, each of the next polls is measured by itself; thus a handler that always takes long is polled here
/// eight times at most.
#[derive(Debug, Default)]
pub(crate) struct InlinePolls {
    /// The last look at the clock in this turn.
    since: Option<Instant>,
    /// Polls since then.
    unmeasured: u32,
    /// Polls that are still to be measured one by one.
    watched: u32,
}

impl InlinePolls {
    /// Polls `handling` once, here and now; true if it is done.
    ///
    /// The handler gets what is left of the task's cooperative budget, and the task gets it back afterwards, so
    /// that a hundred handlers in one turn do not use up each other's share. It is polled with a waker that wakes
    /// nobody: a handler that is not ready moves to a task of its own, whose first poll leaves the real one.
    pub(crate) fn poll(
        &mut self,
        handling: &mut Handling,
        deadline: Option<Deadline>,
        placement: &Placement,
        cx: &mut Context<'_>,
    ) -> bool {
        let Poll::Ready(budget) = coop::poll_proceed(cx) else { return false };
        let poll = || handling.poll_until(deadline, &mut Context::from_waker(Waker::noop())).is_ready();
        let is_done = self.measured(placement, poll);
        // Dropped without `made_progress`, it restores the budget as it was before the handler.
        drop(budget);
        is_done
    }

    fn measured(&mut self, placement: &Placement, poll: impl FnOnce() -> bool) -> bool {
        if placement.execution() != Execution::Adaptive {
            return poll();
        }
        if self.watched > 0 {
            self.watched -= 1;
            return measured(placement, poll);
        }
        let since = *self.since.get_or_insert_with(Instant::now);
        let done = poll();
        self.unmeasured += 1;
        if self.unmeasured == POLLS_PER_LOOK {
            let now = Instant::now();
            let took = now - since;
            if took <= LONG_POLL {
                placement.observe(took);
            }
            self.measure(took);
            self.since = (self.watched == 0).then_some(now);
        }
        done
    }

    /// To be called when the polls of a turn are done.
    pub(crate) fn end_turn(&mut self) {
        if self.unmeasured > 0
            && let Some(since) = self.since
        {
            self.measure(since.elapsed());
        }
        self.since = None;
    }

    fn measure(&mut self, took: Duration) {
        self.unmeasured = 0;
        if took > LONG_POLL {
            self.watched = WATCHED_POLLS;
        }
    }
}

fn measured<R>(placement: &Placement, poll: impl FnOnce() -> R) -> R {
    let started = Instant::now();
    let result = poll();
    placement.observe(started.elapsed());
    result
}

/// Runs a handler in a task of its own. `waker` learns when it no longer runs.
pub(crate) fn spawn<S: Send + 'static>(running: RunningHandler, route: Arc<Route>, waker: Arc<CallWaker<S>>) {
    tokio::spawn(HandlerTask { running, route, _ended: EndNotice(waker) });
}

/// A handler that runs in a task of its own, each of its polls measured for its placement.
struct HandlerTask<S: Send + 'static> {
    running: RunningHandler,
    route: Arc<Route>,
    _ended: EndNotice<S>,
}

impl<S: Send + 'static> Future for HandlerTask<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        measured(&this.route.placement, || Pin::new(&mut this.running).poll(cx))
    }
}

/// Tells the connection that the handler no longer runs, however it ended.
struct EndNotice<S: Send + 'static>(Arc<CallWaker<S>>);

impl<S: Send + 'static> Drop for EndNotice<S> {
    fn drop(&mut self) {
        self.0.handler_ended();
    }
}

#[cfg(test)]
#[path = "../../tests/unit/server/handler_task.rs"]
mod tests;
