//! One RPC in flight: the shared state between the side that calls and the side that responds.
//!
//! ```text
//!  caller ── request pipe ──▶ responder        caller: a client's call, or a server's connection driver
//!  caller ◀─ head, response pipe, outcome ──   responder: a handler, or a client's connection driver
//! ```
//! In process both ends belong to tasks; over HTTP/2 a driver holds the end that the peer would hold. Wakers
//! are called outside the lock. Nothing here knows a wire, a runtime or a clock.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use halloo_core::{Codec, EncodeBuffer, Metadata, Status};

use crate::call::LazyMetadata;
use crate::dispatch::ResponseHead;
use crate::pipe::{Interest, Pipe};
use crate::sender::encode_message;

/// How a call ended: its trailing metadata, or the status that it failed with.
pub type Outcome = Result<Metadata, Status>;

/// Bytes that may wait in one direction before its writer has to.
pub const PIPE_LIMIT_BYTES: usize = 64 * 1024;

/// Makes the two ends of a call.
#[must_use]
pub fn exchange() -> (CallerEnd, ResponderEnd) {
    let exchange = Arc::new(Exchange::default());
    (CallerEnd { exchange: Some(Arc::clone(&exchange)) }, ResponderEnd { exchange: Some(exchange) })
}

#[derive(Default)]
pub(crate) struct Exchange {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    request: Pipe,
    request_finished: bool,
    head: Head,
    /// Headers that a handler set before its first message.
    headers: Option<Box<Metadata>>,
    trailers: Option<Box<Metadata>>,
    response: Pipe,
    outcome: Option<Outcome>,
    ended: bool,
    cancelled: Option<Status>,
    /// The task that runs the handler; it drops the handler when the call is cancelled.
    handler: Option<Waker>,
    watchers: Vec<(u64, Waker)>,
    next_watcher: u64,
}

#[derive(Default)]
enum Head {
    #[default]
    Waiting,
    Ready(ResponseHead),
    Taken,
}

/// Which direction of a call a message half works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

impl Exchange {
    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic inside the lock can only come from a user's `Encode`; the state stays usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `encode` on the direction's buffer and wakes the reader. `None`: the call takes no more messages.
    pub(crate) fn encode<R>(&self, direction: Direction, encode: impl FnOnce(&mut EncodeBuffer) -> R) -> Option<R> {
        let mut state = self.lock();
        if state.ended || state.cancelled.is_some() {
            return None;
        }
        if direction == Direction::Response {
            state.release_head();
        }
        let pipe = state.pipe(direction);
        let result = encode(pipe.encoded_mut());
        let waker = pipe.reader_to_wake(false);
        drop(state);
        wake(waker);
        Some(result)
    }

    /// Ready once there is room for another message, or the call has ended.
    pub(crate) fn poll_room(&self, direction: Direction, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        let dead = state.ended || state.cancelled.is_some();
        let pipe = state.pipe(direction);
        if dead || pipe.buffered() < PIPE_LIMIT_BYTES {
            return Poll::Ready(());
        }
        pipe.wait_to_write(cx.waker(), 1);
        Poll::Pending
    }

    /// Why the call is over, for a sender whose messages nobody will read.
    pub(crate) fn send_failure(&self) -> Status {
        let state = self.lock();
        match (&state.cancelled, &state.outcome) {
            (Some(status), _) | (None, Some(Err(status))) => status.clone(),
            _ => Status::cancelled("the peer has ended the call and reads no more messages"),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.ended || state.cancelled.is_some()
    }

    fn is_ended(&self) -> bool {
        self.lock().ended
    }

    pub(crate) fn finish_request(&self) {
        let mut state = self.lock();
        state.request_finished = true;
        let waker = state.request.reader_to_wake(true);
        drop(state);
        wake(waker);
    }

    /// Takes what arrived of the request. `Ready(Ok(true))`: nothing more will come.
    pub(crate) fn poll_request(
        &self,
        cx: Option<&Context<'_>>,
        interest: Interest,
        sink: impl FnMut(Bytes),
    ) -> Poll<Result<bool, Status>> {
        let mut state = self.lock();
        if let Some(status) = &state.cancelled {
            return Poll::Ready(Err(status.clone()));
        }
        let taken = state.request.take(sink);
        let finished = state.request_finished;
        let writer = state.request.writer_to_wake(false);
        let waits = match interest {
            Interest::Any => taken == 0 && !finished,
            Interest::EndOrBytes(_) => !finished,
        };
        if waits && let Some(cx) = cx {
            state.request.wait_to_read(cx.waker(), interest);
        }
        drop(state);
        wake(writer);
        if waits { Poll::Pending } else { Poll::Ready(Ok(finished)) }
    }

    pub(crate) fn send_head(&self, head: ResponseHead) {
        let mut state = self.lock();
        if state.ended || !matches!(state.head, Head::Waiting) {
            return;
        }
        state.head = Head::Ready(head);
        let waker = state.response.reader_to_wake(false);
        drop(state);
        wake(waker);
    }

    /// Changes the headers that leave with the first message; `None` if they have left.
    pub(crate) fn edit_headers<R>(&self, edit: impl FnOnce(&mut Metadata) -> R) -> Option<R> {
        let mut state = self.lock();
        matches!(state.head, Head::Waiting).then(|| edit(state.headers.get_or_insert_default()))
    }

    /// Changes the trailers that leave with the outcome; `None` if the call has ended.
    pub(crate) fn edit_trailers<R>(&self, edit: impl FnOnce(&mut Metadata) -> R) -> Option<R> {
        let mut state = self.lock();
        (!state.ended).then(|| edit(state.trailers.get_or_insert_default()))
    }

    pub(crate) fn finish(&self, mut outcome: Outcome) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        state.ended = true;
        if state.headers.is_some() {
            state.release_head();
        }
        if let Some(trailers) = state.trailers.take() {
            match &mut outcome {
                Ok(metadata) => metadata.extend(*trailers),
                Err(status) => status.metadata_mut().extend(*trailers),
            }
        }
        state.outcome = Some(outcome);
        let wakers = [
            state.response.reader_to_wake(true),
            state.request.writer_to_wake(true),
            state.response.writer_to_wake(true),
        ];
        drop(state);
        wakers.into_iter().for_each(wake);
    }

    /// `status` is made only for a call that is still running: ends are dropped after every call.
    pub(crate) fn cancel_with(&self, status: impl FnOnce() -> Status) {
        let mut state = self.lock();
        if state.ended || state.cancelled.is_some() {
            return;
        }
        state.cancelled = Some(status());
        state.request.discard();
        let wakers = [
            state.request.reader_to_wake(true),
            state.request.writer_to_wake(true),
            state.response.reader_to_wake(true),
            state.response.writer_to_wake(true),
            state.handler.take(),
        ];
        let watchers = std::mem::take(&mut state.watchers);
        drop(state);
        wakers.into_iter().for_each(wake);
        watchers.into_iter().for_each(|(_, waker)| waker.wake());
    }

    fn poll_cancelled_by_handler(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.cancelled.is_some() {
            return Poll::Ready(());
        }
        if !state.handler.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            state.handler = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    fn poll_watch(&self, cx: &Context<'_>, id: &mut Option<u64>) -> Poll<()> {
        let mut state = self.lock();
        if state.cancelled.is_some() {
            return Poll::Ready(());
        }
        let known = *id.get_or_insert_with(|| {
            state.next_watcher += 1;
            state.next_watcher
        });
        match state.watchers.iter_mut().find(|(watcher, _)| *watcher == known) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => state.watchers.push((known, cx.waker().clone())),
        }
        Poll::Pending
    }
}

impl State {
    /// The head leaves with the first message, with the headers that were set so far.
    fn release_head(&mut self) {
        if matches!(self.head, Head::Waiting) {
            let headers = self.headers.take().map(|headers| *headers).unwrap_or_default();
            self.head = Head::Ready(ResponseHead::rpc(headers));
        }
    }

    fn pipe(&mut self, direction: Direction) -> &mut Pipe {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// What a caller found when it looked at its call's response.
#[derive(Debug, Default)]
pub struct ResponseProgress {
    /// The response head, once.
    pub head: Option<ResponseHead>,
    /// How the call ended, once, after all bytes were taken.
    pub outcome: Option<Outcome>,
    /// Request bytes that the responder has consumed since the last look: flow-control credit.
    pub credit: usize,
    /// Whether any response bytes were taken.
    pub bytes: usize,
}

/// What a responder's driver found when it looked at its call's request.
#[derive(Debug, Default)]
pub struct RequestProgress {
    /// The request is complete: no byte will follow those taken.
    pub finished: bool,
    /// The caller gave the call up.
    pub cancelled: Option<Status>,
    /// Response bytes that the caller has consumed since the last look: flow-control credit.
    pub credit: usize,
    /// Request bytes taken.
    pub bytes: usize,
}

/// How a look at an exchange registers for the next one.
#[derive(Clone, Copy, Debug)]
pub struct Watch<'a> {
    /// Woken by what `interest` names, and when the peer consumed `credit_step` bytes.
    pub waker: &'a Waker,
    /// What wakes.
    pub interest: Interest,
    /// Bytes consumed that wake; `usize::MAX` for never.
    pub credit_step: usize,
}

/// The calling side of one call. Dropping it before the outcome was taken cancels the call.
pub struct CallerEnd {
    exchange: Option<Arc<Exchange>>,
}

impl CallerEnd {
    pub(crate) fn shared(&self) -> &Arc<Exchange> {
        self.exchange.as_ref().expect("an end holds its exchange until it is dropped")
    }

    /// Adds request bytes as they came off the wire; `finished` if they are the last.
    pub fn push_request(&self, chunk: Bytes, finished: bool) {
        let mut state = self.shared().lock();
        if state.cancelled.is_none() && !state.ended {
            state.request.push(chunk);
        } else {
            state.request.push(chunk);
            state.request.discard();
        }
        state.request_finished |= finished;
        let waker = state.request.reader_to_wake(finished);
        drop(state);
        wake(waker);
    }

    /// Says that the request is complete.
    pub fn finish_request(&self) {
        self.shared().finish_request();
    }

    /// Gives the call up. The responder's handler is dropped, and `status` is what both sides see.
    pub fn cancel(&self, status: Status) {
        self.shared().cancel_with(|| status);
    }

    /// Drops request bytes that nobody will read; returns the flow-control credit that is left.
    pub fn abandon_request(&self) -> usize {
        let mut state = self.shared().lock();
        state.request.discard();
        state.request.take_credit()
    }

    /// What the task that runs the handler watches, to drop the handler when the call is cancelled.
    #[must_use]
    pub fn handler_watch(&self) -> HandlerWatch {
        HandlerWatch { exchange: Arc::clone(self.shared()) }
    }

    /// Takes what there is of the response. Without `take_bytes` (the way out is full) bytes and outcome stay.
    pub fn collect(&self, watch: Option<Watch<'_>>, take_bytes: bool, sink: impl FnMut(Bytes)) -> ResponseProgress {
        let mut state = self.shared().lock();
        let mut progress = ResponseProgress { credit: state.request.take_credit(), ..Default::default() };
        if let Head::Ready(_) = state.head
            && let Head::Ready(head) = std::mem::replace(&mut state.head, Head::Taken)
        {
            progress.head = Some(head);
        }
        if take_bytes {
            progress.bytes = state.response.take(sink);
            progress.outcome = state.outcome.take();
            if progress.outcome.is_none()
                && let Some(status) = &state.cancelled
            {
                progress.outcome = Some(Err(status.clone()));
            }
        }
        if let Some(watch) = watch {
            state.response.wait_to_read(watch.waker, watch.interest);
            state.request.wait_to_write(watch.waker, watch.credit_step);
        }
        let writer = if progress.bytes > 0 { state.response.writer_to_wake(false) } else { None };
        drop(state);
        wake(writer);
        progress
    }

    /// Takes what there is of the response, waiting as `interest` says.
    pub fn poll_response(
        &self,
        cx: &Context<'_>,
        interest: Interest,
        sink: impl FnMut(Bytes),
    ) -> Poll<ResponseProgress> {
        let watch = Watch { waker: cx.waker(), interest, credit_step: usize::MAX };
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
        if let Some(exchange) = self.exchange.take() {
            exchange.cancel_with(|| Status::cancelled("the caller dropped the call"));
        }
    }
}

impl fmt::Debug for CallerEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallerEnd").finish_non_exhaustive()
    }
}

/// The responding side of one call. Dropping it before [`finish`](Self::finish) fails the call with UNAVAILABLE.
pub struct ResponderEnd {
    exchange: Option<Arc<Exchange>>,
}

impl ResponderEnd {
    pub(crate) fn shared(&self) -> &Arc<Exchange> {
        self.exchange.as_ref().expect("an end holds its exchange until it is dropped")
    }

    /// Takes what there is of the request. Without `take_bytes` (the way out is full) bytes stay.
    pub fn collect(&self, watch: Option<Watch<'_>>, take_bytes: bool, sink: impl FnMut(Bytes)) -> RequestProgress {
        let mut state = self.shared().lock();
        let mut progress = RequestProgress { credit: state.response.take_credit(), ..Default::default() };
        if take_bytes {
            progress.bytes = state.request.take(sink);
            progress.finished = state.request_finished;
        }
        progress.cancelled.clone_from(&state.cancelled);
        if let Some(watch) = watch {
            state.request.wait_to_read(watch.waker, watch.interest);
            state.response.wait_to_write(watch.waker, watch.credit_step);
        }
        let writer = if progress.bytes > 0 { state.request.writer_to_wake(false) } else { None };
        drop(state);
        wake(writer);
        progress
    }

    /// What the task that runs the handler watches, to drop the handler when the call is cancelled.
    #[must_use]
    pub fn handler_watch(&self) -> HandlerWatch {
        HandlerWatch { exchange: Arc::clone(self.shared()) }
    }

    /// Sends the head and the only message of a response.
    ///
    /// # Errors
    /// As [`MessageSender::send`](crate::MessageSender::send); the head then has not been sent either, unless the
    /// handler sent one before.
    pub fn send_reply<T: 'static>(
        &self,
        headers: LazyMetadata,
        codec: &'static dyn Codec<T>,
        message: &T,
        max_message_bytes: usize,
    ) -> Result<(), Status> {
        let exchange = self.shared();
        let mut state = exchange.lock();
        if state.ended || state.cancelled.is_some() {
            drop(state);
            return Err(exchange.send_failure());
        }
        encode_message(state.response.encoded_mut(), codec, message, max_message_bytes, Direction::Response)?;
        if matches!(state.head, Head::Waiting) {
            state.head = Head::Ready(ResponseHead::Rpc(headers));
        }
        // The reader is woken by the outcome, which is on its heels.
        Ok(())
    }

    /// Waits for body bytes of a request that is not an RPC. `Ready(Ok(None))` is its end.
    ///
    /// # Errors
    /// The status that the caller cancelled with.
    pub fn poll_body(&self, cx: &Context<'_>) -> Poll<Result<Option<Vec<Bytes>>, Status>> {
        let mut chunks = Vec::new();
        match self.shared().poll_request(Some(cx), Interest::Any, |chunk| chunks.push(chunk)) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(status)) => Poll::Ready(Err(status)),
            Poll::Ready(Ok(_)) if !chunks.is_empty() => Poll::Ready(Ok(Some(chunks))),
            Poll::Ready(Ok(_)) => Poll::Ready(Ok(None)),
        }
    }

    /// Sends the response head. Only the first counts.
    pub fn send_head(&self, head: ResponseHead) {
        self.shared().send_head(head);
    }

    /// Adds response bytes as they came off the wire.
    pub fn push_response(&self, chunk: Bytes) {
        let mut state = self.shared().lock();
        state.response.push(chunk);
        if state.ended || state.cancelled.is_some() {
            state.response.discard();
        }
        let waker = state.response.reader_to_wake(false);
        drop(state);
        wake(waker);
    }

    /// Waits until the response pipe has room again (or nobody reads it any more).
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.shared().poll_room(Direction::Response, cx)
    }

    /// Ends the call. Only the first outcome counts.
    pub fn finish(&self, outcome: Outcome) {
        self.shared().finish(outcome);
    }

    /// A future that resolves when the caller gives the call up; for tasks that work on its behalf.
    #[must_use]
    pub fn cancelled(&self) -> Cancelled {
        Cancelled { exchange: Some(Arc::clone(self.shared())), id: None }
    }
}

impl Drop for ResponderEnd {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            if !exchange.is_ended() {
                exchange.finish(Err(Status::unavailable("the connection was closed before the call ended")));
            }
        }
    }
}

impl fmt::Debug for ResponderEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponderEnd").finish_non_exhaustive()
    }
}

/// Tells the one task that runs a call's handler that the call was cancelled.
pub struct HandlerWatch {
    exchange: Arc<Exchange>,
}

impl HandlerWatch {
    /// Ready once the caller gave the call up.
    pub fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        self.exchange.poll_cancelled_by_handler(cx)
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

/// Resolves when a call was cancelled: its client went away or gave up, or its deadline passed.
///
/// It never resolves for a call that ends normally. Clones wait on their own, so a handler can hand one to
/// every task that it spawns.
pub struct Cancelled {
    exchange: Option<Arc<Exchange>>,
    id: Option<u64>,
}

impl Cancelled {
    /// For a request that belongs to no call (in a test): never resolves.
    pub(crate) const fn never() -> Self {
        Self { exchange: None, id: None }
    }

    /// Whether the call was cancelled already.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.lock().cancelled.is_some())
    }
}

impl Clone for Cancelled {
    fn clone(&self) -> Self {
        Self { exchange: self.exchange.clone(), id: None }
    }
}

impl Future for Cancelled {
    type Output = ();

    fn poll(mut self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        match &this.exchange {
            Some(exchange) => exchange.poll_watch(cx, &mut this.id),
            None => Poll::Pending,
        }
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let (Some(exchange), Some(id)) = (&self.exchange, self.id) {
            exchange.lock().watchers.retain(|(watcher, _)| *watcher != id);
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled").field("is_cancelled", &self.is_cancelled()).finish()
    }
}
