//! The interface between what brings calls and what answers them: heads, and who takes a call.
//!
//! Drivers (HTTP/2, in process) bring an `IncomingCall` or an `HttpRequest`; a router answers with the future
//! that runs the handler. Neither knows the other's types.

use std::any::Any;
use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use halloo_core::{Code, Deadline, Extensions, Metadata, MethodDescriptor, Peer, Status};

use crate::call::{Call, LazyMetadata};
use crate::compression::Encodings;
use crate::ends::ResponderEnd;
use crate::failure_log::log_failure;
use crate::interceptor::OutcomeFuture;
use crate::observe::ObservedCall;
use crate::placement::Placement;
use crate::scope::Enclosing;
use crate::time_limits::TimeLimits;

/// Takes the calls that drivers bring.
pub trait Dispatch: Send + Sync + 'static {
    /// Finds the route of a request path such as `/greeter.Greeter/SayHello`. Drivers may keep the answer for
    /// as long as they hold this dispatch.
    fn find(&self, path: &str) -> Option<Route>;

    /// Returns where RPCs of `route` are answered.
    fn placement(&self, route: Option<Route>) -> &Arc<Placement>;

    /// Returns where requests that are not RPCs are answered.
    fn http_placement(&self) -> &Arc<Placement>;

    /// Returns the `grpc-accept-encoding` of responses: the compressions that requests may have. `None` if there is none; then
    /// replies are not compressed either, and nobody has to say what the client accepts.
    fn accepted_encodings(&self) -> Option<&Arc<str>> {
        None
    }

    /// Says whether any call may have time limits. A driver may ask once for as long as it holds this dispatch.
    fn limits_time(&self) -> bool {
        false
    }

    /// Returns how long calls of `route` may take, for drivers to enforce. They may keep the answer as that of
    /// [`find`](Self::find).
    fn time_limits(&self, route: Option<Route>) -> TimeLimits {
        let _ = route;
        TimeLimits::none()
    }

    /// Answers an RPC. `route` is what [`find`](Self::find) said of its path.
    fn respond(&self, route: Option<Route>, call: IncomingCall, responder: ResponderEnd) -> Handling;

    /// Answers a request that is not an RPC.
    fn respond_http(&self, request: HttpRequest, responder: ResponderEnd) -> Handling;
}

/// A route's number in its dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route(pub u32);

/// The head of an RPC as a driver brings it.
#[derive(Debug)]
pub struct IncomingCall {
    /// What most RPCs do not have.
    pub unusual: Option<Arc<Unusual>>,
    /// The request's metadata.
    pub metadata: LazyMetadata,
    /// When the caller gives up.
    pub deadline: Option<Deadline>,
    /// Who calls.
    pub peer: Arc<Peer>,
    /// What interceptors and handler find among the call's extensions from the start.
    pub extensions: Extensions,
    /// All of the request's body, if it was there with the head. `None`: it is read from the exchange.
    pub arrived: Option<Bytes>,
}

/// What few RPCs have in their heads; apart, because heads are moved several times a call.
#[derive(Clone, Debug)]
pub struct Unusual {
    /// The request path, `/package.Service/Method`, if the dispatch has no route for it.
    pub unknown_path: Option<Box<str>>,
    /// What follows `application/grpc+` in the content type; `proto` if nothing does.
    pub subtype: Cow<'static, str>,
    /// What the request says of compression, if it says anything.
    pub encodings: Option<Arc<Encodings>>,
    /// The response's `grpc-accept-encoding`, for a request that speaks of compression.
    pub accepted_encodings: Option<Arc<str>>,
}

impl Unusual {
    /// The subtype of a head that is not unusual.
    pub const USUAL_SUBTYPE: &'static str = "proto";

    /// Shares what is unusual; `None` if nothing is.
    #[must_use]
    pub fn or_none(self) -> Option<Arc<Self>> {
        let is_usual = self.unknown_path.is_none() && self.subtype == Self::USUAL_SUBTYPE && self.encodings.is_none();
        (!is_usual).then(|| Arc::new(self))
    }

    /// Says whether the subtype is that of most heads.
    #[must_use]
    pub fn has_usual_subtype(&self) -> bool {
        self.subtype == Self::USUAL_SUBTYPE
    }

    /// The content-subtype of a head.
    #[must_use]
    pub fn subtype_of(unusual: Option<&Arc<Self>>) -> &str {
        unusual.map_or(Self::USUAL_SUBTYPE, |unusual| &unusual.subtype)
    }
}

impl IncomingCall {
    /// The request path if the dispatch has no route for it, else nothing.
    #[must_use]
    pub fn unknown_path(&self) -> &str {
        self.unusual.as_ref().and_then(|unusual| unusual.unknown_path.as_deref()).unwrap_or_default()
    }

    /// What follows `application/grpc+` in the content type; `proto` if nothing does.
    #[must_use]
    pub fn subtype(&self) -> &str {
        Unusual::subtype_of(self.unusual.as_ref())
    }

    /// Returns what the request says of compression, if it says anything.
    #[must_use]
    pub fn encodings(&self) -> Option<&Arc<Encodings>> {
        self.unusual.as_ref()?.encodings.as_ref()
    }
}

/// The head of an RPC as a client hands it to a connection.
#[derive(Debug)]
pub struct OutgoingCall {
    /// The method.
    pub method: &'static MethodDescriptor,
    /// The codec's content-subtype.
    pub subtype: &'static str,
    /// The call's facts: metadata and deadline.
    pub call: Call,
    /// What the request says of compression, if it says anything.
    pub encodings: Option<Arc<Encodings>>,
    /// A server has refused it before any handler saw it, and it was sent again: that is done once (gRFC A6).
    pub was_refused: bool,
    /// It waits while its channel cannot reach any server, rather than fail.
    pub wait_for_ready: bool,
}

impl OutgoingCall {
    /// Makes a call that was not sent yet.
    #[must_use]
    pub fn new(method: &'static MethodDescriptor, subtype: &'static str, call: Call) -> Self {
        Self { method, subtype, call, encodings: None, was_refused: false, wait_for_ready: false }
    }

    /// Says how the messages are compressed, and how the replies may be.
    #[must_use]
    pub fn encodings(mut self, encodings: Option<Arc<Encodings>>) -> Self {
        self.encodings = encodings;
        self
    }
}

/// Something that can carry an RPC to a responder: a connection, or a router in the same process.
pub trait Carry: Send + Sync + 'static {
    /// Starts the call.
    ///
    /// # Errors
    /// Gives call and responder back untouched if this carrier takes no more calls.
    fn start(&self, call: OutgoingCall, responder: ResponderEnd) -> Result<(), Refused>;
}

/// A call that a carrier did not take; the peer has not seen it.
#[derive(Debug)]
pub struct Refused {
    /// The call's head.
    pub call: Box<OutgoingCall>,
    /// The responding end of the call.
    pub responder: ResponderEnd,
}

/// Describes a request that is not an RPC. Its body is read from what answers it.
#[derive(Debug)]
pub struct HttpRequest {
    /// `GET`, `POST`, ...
    pub method: Bytes,
    /// `http` or `https`; empty for CONNECT.
    pub scheme: Bytes,
    /// Host and port, as the client named them: `:authority`, or else the field `host`.
    pub authority: Bytes,
    /// Path and query.
    pub path: Bytes,
    /// The other header fields, in order, names in lower case. `host` is not among them (gRFC A41).
    pub headers: Vec<(Bytes, Bytes)>,
    /// Who asks.
    pub peer: Arc<Peer>,
    /// What the way here has added.
    pub extensions: Extensions,
}

/// Begins a response: its status and headers.
#[derive(Debug)]
pub enum ResponseHead {
    /// An RPC's initial metadata.
    Rpc(LazyMetadata),
    /// The answer to a request that is not an RPC.
    Http {
        /// The status code, 200 to 599.
        status: u16,
        /// The header fields; names in lower case.
        headers: Vec<(Bytes, Bytes)>,
    },
}

impl ResponseHead {
    /// Makes an RPC's head with `metadata`.
    #[must_use]
    pub fn rpc(metadata: Metadata) -> Self {
        Self::Rpc(metadata.into())
    }
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::Rpc(LazyMetadata::default())
    }
}

/// The work of answering one call.
///
/// A driver polls it, in its own task or in another; it ends the call's exchange itself. A handler that panics
/// fails its call with UNKNOWN (gRPC's status table), and the panic's text stays in the log.
pub struct Handling {
    work: Work,
}

enum Work {
    Rpc {
        /// Until it has ended.
        future: Option<OutcomeFuture>,
        responder: ResponderEnd,
        method: &'static MethodDescriptor,
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
        method: &'static MethodDescriptor,
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
    pub fn refused(responder: &ResponderEnd, method: Option<&'static MethodDescriptor>, status: Status) -> Self {
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
    pub fn enclosing(&self, deadline: Deadline) -> Enclosing {
        let method = match &self.work {
            Work::Rpc { method, .. } => Some(*method),
            Work::Http(_) | Work::Done => None,
        };
        Enclosing::new(deadline, method)
    }

    /// Lets log and observation know that the call was cancelled with `status`, before its handler is dropped.
    pub fn note_cancelled(&self, status: &Status) {
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
fn failed(method: Option<&'static MethodDescriptor>, status: Status) -> Status {
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
    tracing::error!(method, incident = format_args!("{incident:04x}"), text, "a handler panicked");
    Status::unknown(format!("the server failed while handling this call (incident {incident:04x})"))
}

impl fmt::Debug for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handling").field("is_done", &matches!(self.work, Work::Done)).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use halloo_core::MethodKind;

    use super::*;
    use crate::ends::exchange;
    use crate::exchange::Outcome;

    static METHOD: MethodDescriptor = MethodDescriptor::new("a.B", "C", "/a.B/C", MethodKind::Unary);

    /// Panics when it is dropped.
    struct Grenade {
        is_ready: bool,
    }

    impl Future for Grenade {
        type Output = Outcome;

        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Outcome> {
            if self.is_ready { Poll::Ready(Ok(Metadata::new())) } else { Poll::Pending }
        }
    }

    impl Drop for Grenade {
        fn drop(&mut self) {
            panic!("boom");
        }
    }

    #[test]
    fn a_handler_that_panics_when_it_is_dropped_harms_nobody_else() {
        for is_ready in [true, false] {
            let (caller, responder) = exchange();
            let mut handling = Handling::rpc(Box::pin(Grenade { is_ready }), responder, &METHOD, None);
            let polled = Pin::new(&mut handling).poll(&mut Context::from_waker(std::task::Waker::noop()));
            assert_eq!(polled.is_ready(), is_ready);
            drop(handling);
            let outcome = caller.collect(None, true, drop).outcome.expect("the call has ended");
            assert_eq!(outcome.is_ok(), is_ready);
        }
    }
}
