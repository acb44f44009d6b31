//! The work of answering one call: what runs a handler, whoever polls it, and ends the call's exchange.

use std::any::Any;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use halloo_core::{Code, Deadline, MethodRef, Status};

use crate::dispatch::interceptor::OutcomeFuture;
use crate::dispatch::scope::Enclosing;
use crate::exchange::ends::ResponderEnd;
use crate::observe::failure_log::log_failure;
use crate::observe::observation::ObservedCall;

/// The work of answering one call.
///
/// A driver polls it once in its own task, or lets it be run ([`RunningHandler`](crate::RunningHandler)); it ends the
/// call's exchange itself. A handler that panics
/// fails its call with UNKNOWN (gRPC's status table), and the panic's text stays in the log.
pub struct Handling {
    work: Work,
}

enum Work {
    Rpc {
        /// Until it has ended.
        future: Option<OutcomeFuture>,
        responder: ResponderEnd,
        method: &'static MethodRef,
        observed: Option<Arc<ObservedCall>>,
    },
    Http(Pin<Box<dyn Future<Output = ()> + Send>>),
    Done,
}

impl Handling {
    /// Makes the handling of an RPC by `future`, whose outcome ends the exchange. It runs in the span of `observed`,
    /// which hears how the call ended.
    #[must_use]
    pub fn rpc(
        future: OutcomeFuture,
        responder: ResponderEnd,
        method: &'static MethodRef,
        observed: Option<Arc<ObservedCall>>,
    ) -> Self {
        Self { work: Work::Rpc { future: Some(future), responder, method, observed } }
    }

    /// Makes a handling of work that holds the responder and ends the exchange itself.
    #[must_use]
    pub fn http(future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Self {
        Self { work: Work::Http(future) }
    }

    /// Makes the handling of an RPC that fails without a handler; `method` is the one that it is for, if there is one.
    #[must_use]
    pub fn refused(responder: &ResponderEnd, method: Option<&'static MethodRef>, status: Status) -> Self {
        responder.finish(Err(failed(method, status)));
        Self { work: Work::Done }
    }

    /// Polls it as the handler of a call with this deadline, which goes on to the calls that are made in it.
    pub fn poll_until(&mut self, deadline: Option<Deadline>, cx: &mut Context<'_>) -> Poll<()> {
        match deadline {
            None => Pin::new(self).poll(cx),
            Some(deadline) => self.enclosing(deadline).during(|| Pin::new(self).poll(cx)),
        }
    }

    /// Describes its call, whose deadline is `deadline`, to the calls that are made in it.
    #[must_use]
    fn enclosing(&self, deadline: Deadline) -> Enclosing {
        let method = match &self.work {
            Work::Rpc { method, .. } => Some(*method),
            Work::Http(_) | Work::Done => None,
        };
        Enclosing::new(deadline, method.and_then(MethodRef::descriptor))
    }

    /// Lets log and observation know that the call was cancelled with `status`, before its handler is dropped.
    pub(crate) fn note_cancelled(&self, status: &Status) {
        let Work::Rpc { future: Some(_), method, observed, .. } = &self.work else { return };
        let entered = observed.as_ref().map(|observed| observed.span().enter());
        log_failure(Some(method), status);
        drop(entered);
        if let Some(observed) = observed {
            observed.end(status.code());
        }
    }
}

impl Future for Handling {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match &mut this.work {
            Work::Done => return Poll::Ready(()),
            Work::Http(future) => match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
                Ok(Poll::Pending) => return Poll::Pending,
                Ok(Poll::Ready(())) => {}
                Err(panic) => drop(report("(http)", &*panic)),
            },
            Work::Rpc { future, responder, method, observed } => {
                if future.is_none() {
                    return Poll::Ready(());
                }
                let entered = observed.as_ref().map(|observed| observed.span().enter());
                let mut ended = None;
                let run = || {
                    if let Some(running) = future
                        && let Poll::Ready(outcome) = running.as_mut().poll(cx)
                    {
                        ended = Some(outcome);
                        // In place: if it panics when it is dropped, it is gone nevertheless, and its outcome stays.
                        *future = None;
                    }
                };
                let panic = catch_unwind(AssertUnwindSafe(run)).err().map(|panic| report(method.full_name(), &*panic));
                let outcome = match (ended, panic) {
                    (Some(outcome), _) => outcome.map_err(|status| failed(Some(method), status)),
                    // The panic's event is the call's. It is never left out, because the client knows its number.
                    (None, Some(status)) => Err(leaving(status)),
                    (None, None) => return Poll::Pending,
                };
                drop(entered);
                if let Some(observed) = observed {
                    observed.end(outcome.as_ref().map_or_else(Status::code, |_| Code::Ok));
                }
                responder.finish(outcome);
            }
        }
        this.end();
        Poll::Ready(())
    }
}

impl Work {
    /// Whether anything of the user's is left, which may panic when it is dropped.
    #[inline]
    fn is_untrusted(&self) -> bool {
        match self {
            Self::Rpc { future, observed, .. } => future.is_some() || observed.is_some(),
            Self::Http(_) => true,
            Self::Done => false,
        }
    }
}

impl Handling {
    /// Lets go of the work. What a handler's values do when they are dropped may panic, as the handler may.
    #[inline]
    fn end(&mut self) {
        if self.work.is_untrusted() {
            self.drop_work();
        }
    }

    #[inline(never)]
    fn drop_work(&mut self) {
        // In place: whatever the drop does, the work is done afterwards.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.work = Work::Done)) {
            drop(report("(the end of a call)", &*panic));
        }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        // In the middle of a call that was cancelled; a panic here would end the task that drops it.
        self.end();
    }
}

/// Logs why a call failed, and makes of it what leaves.
#[cold]
fn failed(method: Option<&'static MethodRef>, status: Status) -> Status {
    log_failure(method, &status);
    leaving(status)
}

/// What a wire carries of a failure, so that a client within the process learns no more: neither notes nor causes.
#[cold]
fn leaving(mut status: Status) -> Status {
    let leaving = match status.code() {
        // As it stands it would tell the client that all went well.
        Code::Ok => Status::internal("the handler failed with a status whose code is OK"),
        code => Status::new(code, status.message()),
    };
    let mut leaving = leaving.details_bytes(status.details().clone()).from_peer();
    *leaving.metadata_mut() = std::mem::take(status.metadata_mut());
    leaving
}

/// Logs a panic and makes the status that the client sees.
#[cold]
fn report(method: &str, panic: &(dyn Any + Send)) -> Status {
    let incident = RandomState::new().build_hasher().finish() & 0xffff;
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(a panic without a text)");
    tracing::error!(target: "halloo", method, incident = format_args!("{incident:04x}"), text, "a handler panicked");
    Status::unknown(format!("the server failed while handling this call (incident {incident:04x})"))
}

impl fmt::Debug for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handling").field("is_done", &matches!(self.work, Work::Done)).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/dispatch/handling.rs"]
mod tests;
