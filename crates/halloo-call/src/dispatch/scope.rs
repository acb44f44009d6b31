//! What a call hands down to the calls that are made within it: the time that is left, and cancellation.
//!
//! Drivers say whose handler they poll, and call builders ask. So a deadline goes on wherever a handler's own future
//! makes calls, and dropping that future cancels them. Tasks that it spawns carry a [`Scope`].

use std::cell::Cell;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};

use halloo_core::{Code, Deadline, MethodDescriptor, MethodKind, MethodRef, Status};

use crate::exchange::cancelled::Cancelled;
use crate::exchange::state::Exchange;

/// Stands for the method of a call that has none (a request that a test made, or one of another kind), and for one that
/// does not live for ever: a thread's current call is a plain value.
static UNNAMED: MethodDescriptor = MethodDescriptor::new("", "", "//", MethodKind::Unary);

thread_local! {
    static CURRENT: Cell<Option<Enclosing>> = const { Cell::new(None) };
}

/// The call whose handler a thread polls, if that call has a deadline.
#[derive(Clone, Copy, Debug)]
pub struct Enclosing {
    /// When the handler will be dropped.
    pub deadline: Deadline,
    /// What was called.
    pub method: &'static MethodDescriptor,
}

impl Enclosing {
    /// Describes a call of `method`, if that is known.
    #[must_use]
    pub fn new(deadline: Deadline, method: Option<&'static MethodDescriptor>) -> Self {
        Self { deadline, method: method.unwrap_or(&UNNAMED) }
    }

    /// Returns the call whose handler this thread polls at this moment; `None` if it polls none, or the call has no
    /// deadline.
    #[must_use]
    #[inline]
    pub fn current() -> Option<Self> {
        CURRENT.get()
    }

    /// Runs `poll`, which polls the call's handler. Within another handler the earlier deadline counts.
    pub fn during<R>(self, poll: impl FnOnce() -> R) -> R {
        /// Restores what was before, also if `poll` panics.
        struct Restore(Option<Enclosing>);

        impl Drop for Restore {
            fn drop(&mut self) {
                CURRENT.set(self.0);
            }
        }

        let outer = CURRENT.get();
        let _restore = Restore(outer);
        CURRENT.set(Some(outer.filter(|outer| outer.deadline < self.deadline).unwrap_or(self)));
        poll()
    }

    /// The status of a call that was made within this one and has had as much time as it.
    #[must_use]
    pub fn passed(method: &'static MethodDescriptor) -> Status {
        within(Status::deadline_exceeded("the deadline of the call within which this one was made has passed"), method)
            .note("hint", "that call's own client has set it; .detached() frees a call that may take longer")
    }
}

/// Names the outer call in a status.
fn within(status: Status, method: &'static MethodDescriptor) -> Status {
    if std::ptr::eq(method, &UNNAMED) { status } else { status.note("within", method.full_name()) }
}

/// Holds what a handler's call hands down to calls that other tasks make: its deadline, and its end.
///
/// Inside the handler's own future nothing of it is needed: the calls made there have no more time than the handler,
/// and are cancelled when it is dropped. A task that it spawns takes a scope along. Clones are cheap; a scope keeps
/// about half a KiB of its call as long as it lives.
///
/// ```
/// use greeter::{Greeter, GreeterClient, HelloReply, HelloRequest};
/// use halloo::Request;
///
/// struct Relay {
///     next: GreeterClient,
/// }
///
/// impl Greeter for Relay {
///     async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
///         let (next, scope) = (self.next.clone(), request.scope());
///         let asking = tokio::spawn(async move {
///             next.say_hello(HelloRequest::default().with_name("you")).within(&scope).await
///         });
///         asking.await.map_err(|_| halloo::Status::internal("the task panicked"))?
///     }
/// }
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// # let relay = GreeterClient::in_process(Relay { next: GreeterClient::in_process(greeter::MyGreeter) });
/// # assert_eq!(relay.say_hello(HelloRequest::default()).await?.message, "Hello, you!");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Scope {
    deadline: Option<Deadline>,
    method: &'static MethodDescriptor,
    cancelled: Cancelled,
}

impl Scope {
    pub(crate) fn new(deadline: Option<Deadline>, method: Option<&MethodRef>, cancelled: Cancelled) -> Self {
        Self { deadline, method: method.and_then(MethodRef::descriptor).unwrap_or(&UNNAMED), cancelled }
    }

    /// Returns when the call has to be over; `None` if it may take for ever.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Returns a future that resolves when the call is cancelled or has ended; see [`Call::cancelled`](crate::Call::cancelled).
    #[must_use]
    pub fn cancelled(&self) -> Cancelled {
        self.cancelled.clone()
    }

    /// Returns the call with its deadline, if it has one.
    #[must_use]
    pub fn enclosing(&self) -> Option<Enclosing> {
        Some(Enclosing { deadline: self.deadline?, method: self.method })
    }

    /// Says whether calls may still be made within this one.
    ///
    /// # Errors
    /// What they fail with if it was cancelled or has ended.
    pub fn check(&self) -> Result<(), Status> {
        match self.cancelled.exchange() {
            Some(exchange) if exchange.is_over() => Err(end_of(exchange, self.method)),
            _ => Ok(()),
        }
    }

    /// Cancels `inner` when this call is cancelled or ends, unless what is returned is dropped before.
    pub(crate) fn hold(&self, inner: &Arc<Exchange>) -> Cancelled {
        let mut cancelled = self.cancelled();
        if let Some(exchange) = self.cancelled.exchange() {
            let bond = Bond { outer: Arc::downgrade(exchange), inner: Arc::downgrade(inner), method: self.method };
            let waker = Waker::from(Arc::new(bond));
            if Pin::new(&mut cancelled).poll(&mut Context::from_waker(&waker)).is_ready() {
                waker.wake();
            }
        }
        cancelled
    }
}

/// Ends the inner call when the outer one ends: it waits for that in a waker's place, so that nobody has to poll.
struct Bond {
    outer: Weak<Exchange>,
    inner: Weak<Exchange>,
    method: &'static MethodDescriptor,
}

impl Wake for Bond {
    fn wake(self: Arc<Self>) {
        if let (Some(outer), Some(inner)) = (self.outer.upgrade(), self.inner.upgrade()) {
            let status = end_of(&outer, self.method);
            inner.cancel_with(|| status);
        }
    }
}

/// What calls within an `outer` one fail with that is over.
fn end_of(outer: &Exchange, method: &'static MethodDescriptor) -> Status {
    let why = outer.cancelled();
    match why {
        Some(why) if why.code() == Code::DeadlineExceeded => Enclosing::passed(method),
        Some(why) => {
            within(Status::cancelled("the call within which this one was made was cancelled"), method).caused_by(why)
        }
        None => within(Status::cancelled("the call within which this one was made has ended"), method)
            .note("hint", "wait for this one before the handler returns; without .within(..) it goes on by itself"),
    }
}

impl From<&Scope> for Scope {
    fn from(scope: &Scope) -> Self {
        scope.clone()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/dispatch/scope.rs"]
mod tests;
