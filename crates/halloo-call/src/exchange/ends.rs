//! The two ends of a call: what a driver or a client may do with an exchange. What a handler may do is in `link.rs`.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use halloo_core::Status;

use crate::exchange::link::CallLink;
use crate::exchange::pipe::Interest;
use crate::exchange::progress::{RequestProgress, ResponseProgress, ResponseSink, Watch};
use crate::exchange::rare::OnEnd;
use crate::exchange::state::{Direction, Exchange, Outcome};

/// Exchanges that a pool keeps for the next calls.
const POOLED_EXCHANGES: usize = 128;

/// Makes the two ends of a call.
#[must_use]
pub fn exchange() -> (CallerEnd, ResponderEnd) {
    ends_of(Arc::new(Exchange::default()))
}

fn ends_of(exchange: Arc<Exchange>) -> (CallerEnd, ResponderEnd) {
    let responder = responder_of(Arc::clone(&exchange));
    (CallerEnd { exchange, is_over: false }, responder)
}

fn responder_of(exchange: Arc<Exchange>) -> ResponderEnd {
    ResponderEnd { link: CallLink::new(exchange), is_finished: AtomicBool::new(false) }
}

/// Keeps the exchanges of calls that have ended for those that begin, so that a call need not allocate one.
///
/// Memory: at most 128 exchanges of about half a KiB, each with a buffer of at most 4 KiB.
#[derive(Default)]
pub struct ExchangePool {
    /// Each is the only holder of its exchange.
    free: Vec<CallerEnd>,
}

impl ExchangePool {
    /// Makes the two ends of a call.
    pub fn exchange(&mut self) -> (CallerEnd, ResponderEnd) {
        let Some(mut caller) = self.free.pop() else { return exchange() };
        caller.is_over = false;
        let responder = responder_of(Arc::clone(&caller.exchange));
        (caller, responder)
    }

    /// Takes back a call's exchange, unless somebody still holds it.
    #[inline(always)]
    pub fn recycle(&mut self, mut caller: CallerEnd) {
        if self.free.len() < POOLED_EXCHANGES
            && let Some(unshared) = Arc::get_mut(&mut caller.exchange)
        {
            unshared.reset();
            caller.is_over = true;
            self.free.push(caller);
        }
    }

    /// Gives its memory back.
    pub fn trim(&mut self) {
        self.free = Vec::new();
    }
}

impl fmt::Debug for ExchangePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangePool").field("free", &self.free.len()).finish()
    }
}

/// The calling side of one call. Dropping it before the outcome was taken cancels the call.
pub struct CallerEnd {
    exchange: Arc<Exchange>,
    /// The outcome was taken, so there is nothing to cancel.
    is_over: bool,
}

impl CallerEnd {
    pub(crate) fn shared(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// Adds request bytes as they came off the wire; `finished` if they are the last.
    pub fn push_request(&self, chunk: Bytes, finished: bool) {
        self.exchange.push_request(chunk, finished);
    }

    /// Says that the request is complete.
    pub fn finish_request(&self) {
        self.shared().finish_request();
    }

    /// Says whether the request is complete.
    pub(crate) fn has_finished_request(&self) -> bool {
        self.shared().has_finished_request()
    }

    /// Gives the call up. The responder's handler is dropped, and `status` is what both sides see.
    pub fn cancel(&self, status: Status) {
        self.shared().cancel_with(|| status);
    }

    /// Drops request bytes that nobody will read; returns the flow-control credit that is left.
    pub fn abandon_request(&self) -> usize {
        self.shared().abandon_request()
    }

    /// Returns what the task that runs the handler watches, to drop the handler when the call is cancelled.
    #[must_use]
    pub fn handler_watch(&self) -> HandlerWatch {
        HandlerWatch { exchange: Arc::clone(self.shared()) }
    }

    /// Returns what brings the request, where another task than this end's does.
    #[must_use]
    pub fn request_feed(&self) -> RequestFeed {
        RequestFeed { exchange: Arc::clone(self.shared()) }
    }

    /// Takes what there is of the response. Without `take_bytes` (the way out is full) bytes and outcome stay.
    pub fn collect(&self, watch: Option<Watch<'_>>, take_bytes: bool, sink: impl FnMut(Bytes)) -> ResponseProgress {
        self.shared().collect_response(watch, take_bytes, sink)
    }

    /// Lends the response to `sink` if all of it is there, in one piece; true if `sink` took it, and with it the call
    /// is over. Else nothing has happened.
    pub fn collect_whole(&mut self, sink: &mut impl ResponseSink) -> bool {
        let is_taken = self.exchange.collect_whole_response(sink);
        self.is_over |= is_taken;
        is_taken
    }

    /// As [`collect`](Self::collect), for a wire: `sink` gets head and bytes in order, small ones lent.
    pub fn collect_into(
        &mut self,
        watch: Option<Watch<'_>>,
        take_bytes: bool,
        sink: &mut impl ResponseSink,
    ) -> ResponseProgress {
        let progress = self.exchange.collect_response_into(watch, take_bytes, sink);
        self.is_over |= progress.outcome.is_some();
        progress
    }

    /// Takes what there is of the response, waiting as `interest` says.
    pub fn poll_response(
        &self,
        cx: &Context<'_>,
        interest: Interest,
        sink: impl FnMut(Bytes),
    ) -> Poll<ResponseProgress> {
        let watch = Watch { waker: cx.waker(), interest, credit_step: None };
        let progress = self.collect(Some(watch), true, sink);
        let ready = match interest {
            Interest::Any => progress.outcome.is_some() || progress.bytes > 0 || progress.head.is_some(),
            Interest::EndOrBytes(_) => progress.outcome.is_some(),
        };
        if ready || progress.bytes > 0 || progress.head.is_some() { Poll::Ready(progress) } else { Poll::Pending }
    }
}

impl Drop for CallerEnd {
    fn drop(&mut self) {
        if !self.is_over {
            self.exchange.cancel_with(|| Status::cancelled("the caller dropped the call"));
        }
    }
}

impl fmt::Debug for CallerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerEnd").finish_non_exhaustive()
    }
}

/// The responding side of one call. Dropping it before [`finish`](Self::finish) fails the call with UNAVAILABLE.
///
/// It dereferences to the [`CallLink`] that handlers work on.
pub struct ResponderEnd {
    link: CallLink,
    is_finished: AtomicBool,
}

impl ResponderEnd {
    /// Takes what there is of the request. Without `take_bytes` (the way out is full) bytes stay.
    pub fn collect(&self, watch: Option<Watch<'_>>, take_bytes: bool, sink: impl FnMut(Bytes)) -> RequestProgress {
        self.shared().collect_request(watch, take_bytes, sink)
    }

    /// Puts request bytes back that were taken and that no handler has seen, in front of those that wait, so that
    /// somebody else can take them.
    pub fn put_back_request(&self, chunks: Vec<Bytes>) {
        self.shared().put_back_request(chunks);
    }

    /// Returns what the task that runs the handler watches, to drop the handler when the call is cancelled.
    #[must_use]
    pub fn handler_watch(&self) -> HandlerWatch {
        HandlerWatch { exchange: Arc::clone(self.shared()) }
    }

    /// Lets `on_end` hear how the call ends: by [`finish`](Self::finish), or because its caller gives it up. It is called
    /// outside of any lock, from whatever task ends the call, and must not block. There is one at a time.
    pub fn on_end(&self, on_end: OnEnd) {
        self.shared().set_on_end(on_end);
    }

    /// Takes back who was to hear of the end, if it was not called yet.
    #[must_use]
    pub fn take_on_end(&self) -> Option<OnEnd> {
        self.shared().take_on_end()
    }

    /// Ends the call. Only the first outcome counts.
    #[inline(always)]
    pub fn finish(&self, outcome: Outcome) {
        self.is_finished.store(true, Ordering::Relaxed);
        self.shared().finish(outcome);
    }
}

impl ResponderEnd {
    #[cold]
    #[inline(never)]
    fn give_up(&self) {
        self.finish(Err(Status::unavailable("the connection was closed before the call ended")));
    }
}

impl Deref for ResponderEnd {
    type Target = CallLink;

    fn deref(&self) -> &CallLink {
        &self.link
    }
}

impl Drop for ResponderEnd {
    fn drop(&mut self) {
        if !*self.is_finished.get_mut() {
            self.give_up();
        }
    }
}

impl fmt::Debug for ResponderEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponderEnd").finish_non_exhaustive()
    }
}

/// Brings a call's request to it, from a task that need not hold the calling end. Dropping it changes nothing.
pub struct RequestFeed {
    exchange: Arc<Exchange>,
}

impl RequestFeed {
    /// Waits until the request pipe has room (or nobody reads it any more).
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.exchange.poll_room(Direction::Request, cx)
    }

    /// Adds request bytes; those that nobody will read are dropped.
    pub fn push(&self, chunk: Bytes) {
        self.exchange.push_request(chunk, false);
    }

    /// Says that the request is complete.
    pub fn finish(&self) {
        self.exchange.finish_request();
    }

    /// Gives the call up: its request broke off.
    pub fn cancel(&self, status: Status) {
        self.exchange.cancel_with(|| status);
    }

    /// Says whether the call has ended or was cancelled, so that nobody waits for the rest of the request.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.exchange.is_over()
    }
}

impl fmt::Debug for RequestFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestFeed").finish_non_exhaustive()
    }
}

/// Tells the one task that runs a call's handler that the call was cancelled.
pub struct HandlerWatch {
    exchange: Arc<Exchange>,
}

impl HandlerWatch {
    /// Is ready once the caller gave the call up.
    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        self.exchange.poll_cancelled_by_handler(cx)
    }

    /// Returns what the call was cancelled with.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.exchange.cancelled()
    }

    /// Gives the call up in the caller's place, for a deadline that passed.
    pub fn cancel(&self, status: Status) {
        self.exchange.cancel_with(|| status);
    }
}

impl fmt::Debug for HandlerWatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HandlerWatch").finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/exchange/ends.rs"]
mod tests;
