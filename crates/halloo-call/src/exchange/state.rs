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

use crate::exchange::head::ResponseHead;
use crate::exchange::pipe::{Interest, Pipe};

/// Says how a call ended: its trailing metadata, or the status that it failed with.
pub type Outcome = Result<Metadata, Status>;

/// Hears how a call, or an attempt of it, has ended; once.
pub type OnEnd = Box<dyn FnOnce(&Outcome) + Send>;

/// Bytes that may wait in one direction before its writer has to.
pub const PIPE_LIMIT_BYTES: usize = 64 * 1024;

#[derive(Default)]
pub(crate) struct Exchange {
    state: Mutex<State>,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) request: Pipe,
    pub(crate) request_finished: bool,
    pub(crate) head: Head,
    pub(crate) response: Pipe,
    pub(crate) outcome: Option<Outcome>,
    pub(crate) ended: bool,
    rare: Option<Box<RareState>>,
}

/// What a call that is answered at once does not have. Apart, because an exchange is made ready again for every call.
#[derive(Default)]
struct RareState {
    /// Headers that a handler set before its first message.
    headers: Option<Metadata>,
    trailers: Option<Metadata>,
    cancelled: Option<Status>,
    /// The task that runs the handler; it drops the handler when the call is cancelled.
    handler: Option<Waker>,
    watchers: Vec<(u64, Waker)>,
    next_watcher: u64,
    on_end: Option<OnEnd>,
}

#[derive(Default)]
pub(crate) enum Head {
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
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
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
        let (handler, watchers) = (rare.handler.take(), std::mem::take(&mut rare.watchers));
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
        watchers.into_iter().for_each(|(_, waker)| waker.wake());
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
        let RareState { watchers, next_watcher, .. } = state.rare_mut();
        if *id == 0 {
            *next_watcher += 1;
            *id = *next_watcher;
        }
        match watchers.iter_mut().find(|(watcher, _)| watcher == id) {
            Some((_, waker)) => waker.clone_from(cx.waker()),
            None => watchers.push((*id, cx.waker().clone())),
        }
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
    pub(crate) fn cancelled(&self) -> Option<&Status> {
        self.rare.as_ref()?.cancelled.as_ref()
    }

    /// Whether the call has ended or was cancelled.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.ended || self.cancelled().is_some()
    }

    /// Lets the watcher of this number wait no longer.
    pub(crate) fn stop_watching(&mut self, id: u64) {
        if let Some(rare) = &mut self.rare {
            rare.watchers.retain(|(watcher, _)| *watcher != id);
        }
    }

    /// How many watchers wait.
    #[cfg(test)]
    pub(crate) fn watchers(&self) -> usize {
        self.rare.as_ref().map_or(0, |rare| rare.watchers.len())
    }

    fn take_on_end(&mut self) -> Option<OnEnd> {
        self.rare.as_mut()?.on_end.take()
    }

    fn rare_mut(&mut self) -> &mut RareState {
        self.rare.get_or_insert_default()
    }

    pub(crate) fn take_head(&mut self) -> Option<ResponseHead> {
        if !matches!(self.head, Head::Ready(_)) {
            return None;
        }
        match std::mem::replace(&mut self.head, Head::Taken) {
            Head::Ready(head) => Some(head),
            Head::Waiting | Head::Taken => None,
        }
    }

    /// How the call ended, if it has; to be asked when all bytes were taken.
    pub(crate) fn take_outcome(&mut self) -> Option<Outcome> {
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
    let watchers = state.rare.as_mut().map(|rare| std::mem::take(&mut rare.watchers)).unwrap_or_default();
    drop(state);
    wakers.into_iter().for_each(wake);
    watchers.into_iter().for_each(|(_, waker)| waker.wake());
}

pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
