//! Runs a call's handler: once in the connection's task if its method earned that, else in a task of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use halloo_call::{HandlerWatch, Handling};
use tokio::task::coop;

use crate::mailbox::CallWaker;

/// Polls `handling` once, here and now. Gives it back if it is not done.
///
/// The handler gets what is left of the task's cooperative budget, and the task gets it back afterwards, so
/// that a hundred handlers in one turn do not use up each other's share. It is polled with a waker that wakes
/// nobody: a handler that is not ready moves to a task of its own, whose first poll leaves the real one.
pub(crate) fn poll_inline(mut handling: Handling, cx: &mut Context<'_>) -> Option<Handling> {
    let Poll::Ready(budget) = coop::poll_proceed(cx) else { return Some(handling) };
    let started = Instant::now();
    let done = Pin::new(&mut handling).poll(&mut Context::from_waker(Waker::noop())).is_ready();
    handling.placement().observe(started.elapsed());
    // Dropped without `made_progress`, it restores the budget as it was before the handler.
    drop(budget);
    if done { None } else { Some(handling) }
}

/// Runs `handling` to its end in a task of its own, or until its call is cancelled.
pub(crate) fn spawn<S: Send + 'static>(handling: Handling, watch: HandlerWatch, waker: Arc<CallWaker<S>>) {
    let ended = EndNotice(waker);
    tokio::spawn(HandlerTask { handling: Some(handling), watch, _ended: ended });
}

struct HandlerTask<S: Send + 'static> {
    handling: Option<Handling>,
    watch: HandlerWatch,
    _ended: EndNotice<S>,
}

impl<S: Send + 'static> Future for HandlerTask<S> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(handling) = &mut this.handling else { return Poll::Ready(()) };
        if this.watch.poll_cancelled(cx).is_ready() {
            if let Some(code) = this.watch.code() {
                handling.note_cancelled(code);
            }
            this.handling = None;
            return Poll::Ready(());
        }
        let started = Instant::now();
        let poll = Pin::new(&mut *handling).poll(cx);
        handling.placement().observe(started.elapsed());
        poll
    }
}

/// Tells the connection that the handler no longer runs, however it ended.
struct EndNotice<S: Send + 'static>(Arc<CallWaker<S>>);

impl<S: Send + 'static> Drop for EndNotice<S> {
    fn drop(&mut self) {
        self.0.handler_ended();
    }
}
