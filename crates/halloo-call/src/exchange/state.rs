//! One RPC in flight: the shared state between the side that calls and the side that responds.
//!
//! ```text
//!  caller ── request pipe ──▶ responder        caller: a client's call, or a server's connection driver
//!  caller ◀─ head, response pipe, outcome ──   responder: a handler, or a client's connection driver
//! ```
//! In process both ends belong to tasks; over HTTP/2 a driver holds the end that the peer would hold. Wakers
//! are called outside the lock. Nothing here knows a wire, a runtime or a clock.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use halloo_core::{EncodeBuffer, Metadata, Status};

use crate::exchange::head::{LazyMetadata, ResponseHead};
use crate::exchange::pipe::{Interest, Pipe};
use crate::exchange::progress::{RequestProgress, ResponseProgress, ResponseSink, Watch};
use crate::exchange::rare::{OnEnd, RareState};

/// Says how a call ended: its trailing metadata, or the status that it failed with.
pub type Outcome = Result<Metadata, Status>;

/// Bytes that may wait in one direction before its writer has to.
pub const PIPE_LIMIT_BYTES: usize = 64 * 1024;

#[derive(Default)]
pub(crate) struct Exchange {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    request: Pipe,
    request_finished: bool,
    head: Head,
    response: Pipe,
    outcome: Option<Outcome>,
    ended: bool,
    rare: Option<Box<RareState>>,
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
        if state.is_over() {
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
        if state.has_room(direction) {
            return Poll::Ready(());
        }
        state.pipe(direction).wait_to_write(cx.waker(), 1);
        Poll::Pending
    }

    /// Whether [`poll_room`](Self::poll_room) is ready.
    pub(crate) fn has_room(&self, direction: Direction) -> bool {
        self.lock().has_room(direction)
    }

    /// Why the call is over, for a sender whose messages nobody will read.
    pub(crate) fn send_failure(&self) -> Status {
        let state = self.lock();
        match (state.cancelled(), &state.outcome) {
            (Some(status), _) | (None, Some(Err(status))) => status.clone(),
            _ => Status::cancelled("the peer has ended the call and reads no more messages"),
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.lock().is_over()
    }

    /// Makes an exchange that nobody else holds ready for another call.
    pub(crate) fn reset(&mut self) {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner).reset();
    }

    /// Adds request bytes as they came off a wire; `finished` if they are the last.
    pub(crate) fn push_request(&self, chunk: Bytes, finished: bool) {
        let mut state = self.lock();
        state.request.push(chunk);
        if state.is_over() {
            state.request.discard();
        }
        state.request_finished |= finished;
        let waker = state.request.reader_to_wake(finished);
        drop(state);
        wake(waker);
    }

    pub(crate) fn has_finished_request(&self) -> bool {
        self.lock().request_finished
    }

    /// Drops request bytes that nobody will read; returns the flow-control credit that is left.
    pub(crate) fn abandon_request(&self) -> usize {
        let mut state = self.lock();
        state.request.discard();
        state.request.take_credit()
    }

    /// Puts request bytes in front of those that wait.
    pub(crate) fn put_back_request(&self, chunks: Vec<Bytes>) {
        self.lock().request.put_back(chunks);
    }

    /// Takes the body of a request that is there whole, as one uncompressed message.
    pub(crate) fn take_whole_request(&self, max_bytes: usize) -> Option<Bytes> {
        let mut state = self.lock();
        if !state.request_finished || state.cancelled().is_some() {
            return None;
        }
        state.request.take_whole_envelope(max_bytes)
    }

    /// Takes what there is of the request, for a driver. Without `take_bytes` bytes stay.
    pub(crate) fn collect_request(
        &self,
        watch: Option<Watch<'_>>,
        take_bytes: bool,
        sink: impl FnMut(Bytes),
    ) -> RequestProgress {
        let mut state = self.lock();
        let mut progress = RequestProgress { credit: state.response.take_credit(), ..Default::default() };
        if take_bytes {
            progress.bytes = state.request.take(sink);
            progress.finished = state.request_finished;
        }
        progress.cancelled = state.cancelled().cloned();
        if let Some(watch) = watch {
            state.request.wait_to_read(watch.waker, watch.interest);
            if let Some(step) = watch.credit_step {
                state.response.wait_to_write(watch.waker, step);
            }
        }
        let writer = if progress.bytes > 0 { state.request.writer_to_wake(false) } else { None };
        drop(state);
        wake(writer);
        progress
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
        if let Some(status) = state.cancelled() {
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

    /// Takes what there is of the response. Without `take_bytes` bytes and outcome stay.
    pub(crate) fn collect_response(
        &self,
        watch: Option<Watch<'_>>,
        take_bytes: bool,
        sink: impl FnMut(Bytes),
    ) -> ResponseProgress {
        let mut state = self.lock();
        let head = state.take_head();
        let mut progress = state.collect_response(watch, take_bytes, |response| response.take(sink));
        progress.head = head;
        let writer = if progress.bytes > 0 { state.response.writer_to_wake(false) } else { None };
        drop(state);
        wake(writer);
        progress
    }

    /// As [`collect_response`](Self::collect_response), for a wire: `sink` gets head and bytes in order, small ones lent.
    pub(crate) fn collect_response_into(
        &self,
        watch: Option<Watch<'_>>,
        take_bytes: bool,
        sink: &mut impl ResponseSink,
    ) -> ResponseProgress {
        let mut state = self.lock();
        if let Some(head) = state.take_head() {
            sink.head(head);
        }
        let take = |response: &mut Pipe| response.take_pieces(|piece| sink.piece(piece));
        let progress = state.collect_response(watch, take_bytes, take);
        let writer = if progress.bytes > 0 { state.response.writer_to_wake(false) } else { None };
        drop(state);
        wake(writer);
        progress
    }

    /// Lends the response to `sink` if all of it is there, in one piece; true if `sink` took it. Else nothing has happened.
    pub(crate) fn collect_whole_response(&self, sink: &mut impl ResponseSink) -> bool {
        let mut state = self.lock();
        let State { head, outcome, response, .. } = &mut *state;
        let (Head::Ready(ready), Some(ended)) = (&*head, &*outcome) else { return false };
        if !response.take_whole(|bytes| sink.whole(ready, bytes, ended)) {
            return false;
        }
        *head = Head::Taken;
        *outcome = None;
        true
    }

    /// Writes the only message of a response, which `encode` puts behind what is there, and its head, unless one has left.
    /// The reader is woken by the outcome, which is on its heels.
    pub(crate) fn write_reply(
        &self,
        headers: LazyMetadata,
        encode: impl FnOnce(&mut EncodeBuffer) -> Result<usize, Status>,
    ) -> Result<usize, Status> {
        let mut state = self.lock();
        if state.is_over() {
            drop(state);
            return Err(self.send_failure());
        }
        let bytes = encode(state.response.encoded_mut())?;
        if matches!(state.head, Head::Waiting) {
            state.head = Head::Ready(ResponseHead::Rpc(headers));
        }
        Ok(bytes)
    }

    /// Adds response bytes as they came off a wire.
    pub(crate) fn push_response(&self, chunk: Bytes) {
        let mut state = self.lock();
        state.response.push(chunk);
        if state.is_over() {
            state.response.discard();
        }
        let waker = state.response.reader_to_wake(false);
        drop(state);
        wake(waker);
    }

    /// Why the caller gave the call up, if it has.
    pub(crate) fn cancelled(&self) -> Option<Status> {
        self.lock().cancelled().cloned()
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.lock().cancelled().is_some()
    }

    /// Lets the watcher of this number wait no longer.
    pub(crate) fn stop_watching(&self, id: u64) {
        if let Some(rare) = &mut self.lock().rare {
            rare.watchers.remove(id);
        }
    }

    /// How many watchers wait.
    #[cfg(test)]
    pub(crate) fn watchers(&self) -> usize {
        self.lock().rare.as_ref().map_or(0, |rare| rare.watchers.len())
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

    /// Lets a handler's headers leave; `false` if the call has ended.
    pub(crate) fn send_headers(&self) -> bool {
        let mut state = self.lock();
        if state.is_over() {
            return false;
        }
        state.release_head();
        let waker = state.response.reader_to_wake(false);
        drop(state);
        wake(waker);
        true
    }

    /// Changes the headers that leave with the first message; `None` if they have left.
    pub(crate) fn edit_headers<R>(&self, edit: impl FnOnce(&mut Metadata) -> R) -> Option<R> {
        let mut state = self.lock();
        matches!(state.head, Head::Waiting).then(|| edit(state.rare_mut().headers.get_or_insert_default()))
    }

    /// Changes the trailers that leave with the outcome; `None` if the call has ended.
    pub(crate) fn edit_trailers<R>(&self, edit: impl FnOnce(&mut Metadata) -> R) -> Option<R> {
        let mut state = self.lock();
        (!state.ended).then(|| edit(state.rare_mut().trailers.get_or_insert_default()))
    }

    /// Adds to `outcome` the trailers that [`edit_trailers`](Self::edit_trailers) set.
    pub(crate) fn with_trailers(&self, mut outcome: Outcome) -> Outcome {
        self.lock().add_trailers(&mut outcome);
        outcome
    }

    #[inline(always)]
    pub(crate) fn finish(&self, mut outcome: Outcome) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        if state.rare.is_some() {
            if let Some(on_end) = state.take_on_end() {
                drop(state);
                on_end(&outcome);
                return self.finish(outcome);
            }
            state.complete(&mut outcome);
        }
        state.ended = true;
        state.outcome = Some(outcome);
        if state.is_awaited() {
            wake_after_end(state);
        }
    }

    /// `status` is made only for a call that is still running: ends are dropped after every call.
    pub(crate) fn cancel_with(&self, status: impl FnOnce() -> Status) {
        let mut state = self.lock();
        if state.is_over() {
            return;
        }
        let status = status();
        let rare = state.rare_mut();
        rare.cancelled = Some(status.clone());
        let (handler, watchers) = (rare.handler.take(), rare.watchers.take());
        let on_end = rare.on_end.take();
        state.request.discard();
        let wakers = [
            state.request.reader_to_wake(true),
            state.request.writer_to_wake(true),
            state.response.reader_to_wake(true),
            state.response.writer_to_wake(true),
            handler,
        ];
        drop(state);
        wakers.into_iter().for_each(wake);
        watchers.into_iter().for_each(Waker::wake);
        if let Some(on_end) = on_end {
            on_end(&Err(status));
        }
    }

    /// Lets `on_end` hear how the call ends. There is one at a time.
    pub(crate) fn set_on_end(&self, on_end: OnEnd) {
        let mut state = self.lock();
        if !state.is_over() {
            state.rare_mut().on_end = Some(on_end);
            return;
        }
        let status = state.cancelled().cloned();
        drop(state);
        on_end(&Err(status.unwrap_or_else(|| Status::cancelled("the call has ended"))));
    }

    /// Takes back who was to hear of the end.
    pub(crate) fn take_on_end(&self) -> Option<OnEnd> {
        self.lock().take_on_end()
    }

    pub(crate) fn poll_cancelled_by_handler(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.cancelled().is_some() {
            return Poll::Ready(());
        }
        let handler = &mut state.rare_mut().handler;
        if !handler.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            *handler = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Ready once the call was cancelled or has ended. `id` is the watcher's number, 0 at first.
    pub(crate) fn poll_watch(&self, cx: &Context<'_>, id: &mut u64) -> Poll<()> {
        let mut state = self.lock();
        if state.is_over() {
            return Poll::Ready(());
        }
        state.rare_mut().watchers.watch(cx.waker(), id);
        Poll::Pending
    }
}

impl State {
    /// Makes it the state of a call that has not begun, keeping the memory that is worth keeping.
    fn reset(&mut self) {
        let Self { request, request_finished, head, response, outcome, ended, rare } = self;
        request.reset();
        *request_finished = false;
        *head = Head::Waiting;
        response.reset();
        *outcome = None;
        *ended = false;
        if let Some(rare) = rare {
            **rare = RareState::default();
        }
    }

    /// Why the caller gave the call up, if it has.
    fn cancelled(&self) -> Option<&Status> {
        self.rare.as_ref()?.cancelled.as_ref()
    }

    /// Whether the call has ended or was cancelled.
    #[inline]
    fn is_over(&self) -> bool {
        self.ended || self.cancelled().is_some()
    }

    /// Takes bytes by `take`, credit and outcome, and registers.
    fn collect_response(
        &mut self,
        watch: Option<Watch<'_>>,
        take_bytes: bool,
        take: impl FnOnce(&mut Pipe) -> usize,
    ) -> ResponseProgress {
        let mut progress = ResponseProgress { credit: self.request.take_credit(), ..Default::default() };
        if take_bytes {
            progress.bytes = take(&mut self.response);
            progress.outcome = self.take_outcome();
        }
        if let Some(watch) = watch {
            self.response.wait_to_read(watch.waker, watch.interest);
            if let Some(step) = watch.credit_step {
                self.request.wait_to_write(watch.waker, step);
            }
        }
        progress
    }

    fn take_on_end(&mut self) -> Option<OnEnd> {
        self.rare.as_mut()?.on_end.take()
    }

    fn rare_mut(&mut self) -> &mut RareState {
        self.rare.get_or_insert_default()
    }

    fn take_head(&mut self) -> Option<ResponseHead> {
        if !matches!(self.head, Head::Ready(_)) {
            return None;
        }
        match std::mem::replace(&mut self.head, Head::Taken) {
            Head::Ready(head) => Some(head),
            Head::Waiting | Head::Taken => None,
        }
    }

    /// How the call ended, if it has; to be asked when all bytes were taken.
    fn take_outcome(&mut self) -> Option<Outcome> {
        match (self.outcome.take(), self.cancelled()) {
            (None, Some(status)) => Some(Err(status.clone())),
            (outcome, _) => outcome,
        }
    }

    /// The head leaves with the first message, with the headers that were set so far.
    fn release_head(&mut self) {
        if matches!(self.head, Head::Waiting) {
            let headers = self.rare.as_mut().and_then(|rare| rare.headers.take());
            self.head = Head::Ready(ResponseHead::rpc(headers.unwrap_or_default()));
        }
    }

    /// Makes of a handler's outcome the call's, by what was said beside it.
    #[inline(never)]
    fn complete(&mut self, outcome: &mut Outcome) {
        if let Some(status) = self.cancelled() {
            // The handler was dropped because of it; what its end says of that is not why the call ended.
            *outcome = Err(status.clone());
        }
        if self.rare.as_ref().is_some_and(|rare| rare.headers.is_some()) {
            self.release_head();
        }
        self.add_trailers(outcome);
    }

    /// Whether anybody waits for anything of this call.
    fn is_awaited(&self) -> bool {
        let is_watched = self.rare.as_ref().is_some_and(|rare| !rare.watchers.is_empty());
        self.request.is_awaited() || self.response.is_awaited() || is_watched
    }

    fn add_trailers(&mut self, outcome: &mut Outcome) {
        let Some(trailers) = self.rare.as_mut().and_then(|rare| rare.trailers.take()) else { return };
        match outcome {
            Ok(metadata) => metadata.extend(trailers),
            Err(status) => status.metadata_mut().extend(trailers),
        }
    }

    fn has_room(&mut self, direction: Direction) -> bool {
        self.is_over() || self.pipe(direction).buffered() < PIPE_LIMIT_BYTES
    }

    fn pipe(&mut self, direction: Direction) -> &mut Pipe {
        match direction {
            Direction::Request => &mut self.request,
            Direction::Response => &mut self.response,
        }
    }
}

/// Wakes whom the end of a call concerns. Apart, because a handler that ran within its driver has nobody to wake.
#[inline(never)]
fn wake_after_end(mut state: MutexGuard<'_, State>) {
    let wakers =
        [state.response.reader_to_wake(true), state.request.writer_to_wake(true), state.response.writer_to_wake(true)];
    let watchers = state.rare.as_mut().map(|rare| rare.watchers.take()).unwrap_or_default();
    drop(state);
    wakers.into_iter().for_each(wake);
    watchers.into_iter().for_each(Waker::wake);
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
