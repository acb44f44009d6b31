//! The one runner of handlers: a future that polls a call's handler until it has ended, its call is cancelled, or its
//! deadline has passed.
//!
//! It is the task of a connection's call and of a call in process, and runs within the task of a tower service's. It knows
//! no runtime: a timer is handed in. Only the first poll in a connection's own task goes without it, since that task
//! cancels the call itself: nothing has to be watched, and most calls end there.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use halloo_core::{Deadline, Status};

use crate::dispatch::handling::Handling;
use crate::dispatch::time_limits::Allowance;
use crate::exchange::ends::HandlerWatch;

/// A future that resolves at a deadline, by the clock of a driver's runtime.
pub type DeadlineTimer = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Runs a call's handler to its end.
///
/// It resolves when the handler has ended, or was dropped because its call was cancelled or has had its time. When it is
/// dropped before, so is the handler. Log and observation learn of each such end.
pub struct RunningHandler {
    /// `None` once the handler has ended or was dropped.
    handling: Option<Handling>,
    watch: HandlerWatch,
    time: Time,
    /// It was polled, so that the end of its call wakes it.
    is_waiting: bool,
}

/// Who ends the call at its deadline.
enum Time {
    /// The driver, by a timer of its own; or nobody, without a deadline.
    Driver(Option<Deadline>),
    /// This, by a timer that is made for a handler which does not end at its first poll.
    Unset(Allowance, fn(Deadline) -> DeadlineTimer),
    /// This, by its timer.
    Set(Allowance, DeadlineTimer),
}

impl RunningHandler {
    /// Runs `handling`, whose driver cancels the call at its `deadline`.
    #[must_use]
    pub fn new(handling: Handling, watch: HandlerWatch, deadline: Option<Deadline>) -> Self {
        Self { handling: Some(handling), watch, time: Time::Driver(deadline), is_waiting: false }
    }

    /// Runs `handling` and cancels the call itself when its time is up, by what `timer` makes.
    #[must_use]
    pub fn timed(
        handling: Handling,
        watch: HandlerWatch,
        allowance: Allowance,
        timer: fn(Deadline) -> DeadlineTimer,
    ) -> Self {
        Self { handling: Some(handling), watch, time: Time::Unset(allowance, timer), is_waiting: false }
    }

    /// Is ready once the call is cancelled: for a driver that goes on with it after the handler has ended.
    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        self.watch.poll_cancelled(cx)
    }

    /// Returns why the handler is to be dropped; if it is not, `cx` is woken once it is.
    fn given_up(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if self.watch.poll_cancelled(cx).is_ready() {
            return self.watch.status();
        }
        self.time.poll_passed(cx)
    }

    /// Drops the handler of a call that is over by `status`.
    #[cold]
    fn give_up(&mut self, status: Status) {
        if let Some(handling) = &self.handling {
            handling.note_cancelled(&status);
        }
        // Before the handler is dropped, which would end the call by another status.
        self.watch.cancel(status);
        self.handling = None;
    }
}

impl Future for RunningHandler {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if this.handling.is_none() {
            return Poll::Ready(());
        }
        // Most handlers end at their first poll. Waiting for the end of a call costs an allocation, so it begins later.
        let is_first = !std::mem::replace(&mut this.is_waiting, true);
        let given_up = if is_first { this.watch.status() } else { this.given_up(cx) };
        if let Some(status) = given_up {
            this.give_up(status);
        }
        let Some(handling) = &mut this.handling else { return Poll::Ready(()) };
        if handling.poll_until(this.time.deadline(), cx).is_ready() {
            this.handling = None;
            return Poll::Ready(());
        }
        if is_first && let Some(status) = this.given_up(cx) {
            this.give_up(status);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Time {
    fn deadline(&self) -> Option<Deadline> {
        match self {
            Self::Driver(deadline) => *deadline,
            Self::Unset(allowance, _) | Self::Set(allowance, _) => allowance.deadline(),
        }
    }

    /// Returns the status of a call whose time is up; if it is not, `cx` is woken once it is.
    fn poll_passed(&mut self, cx: &mut Context<'_>) -> Option<Status> {
        if let Self::Unset(allowance, timer) = *self
            && let Some(deadline) = allowance.deadline()
        {
            *self = Self::Set(allowance, timer(deadline));
        }
        let Self::Set(allowance, timer) = self else { return None };
        timer.as_mut().poll(cx).is_ready().then(|| allowance.passed())
    }
}

impl Drop for RunningHandler {
    fn drop(&mut self) {
        if let Some(handling) = &self.handling {
            let why = self.watch.status();
            handling.note_cancelled(&why.unwrap_or_else(|| Status::cancelled("the task of the handler was dropped")));
        }
    }
}

impl fmt::Debug for RunningHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningHandler").field("is_running", &self.handling.is_some()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/dispatch/running.rs"]
mod tests;
