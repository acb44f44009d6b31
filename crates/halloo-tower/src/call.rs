//! One call on its way through a tower service: request body to exchange, exchange to response.
//!
//! A call begins in the task that polls its response future, where most calls also end. One whose handler has sent
//! its head and goes on moves to a task of its own: what polls the response's body waits for the peer, and a handler
//! that reads, and a deadline, must not.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use halloo_call::{Allowance, CallerEnd, Handling, RequestFeed, ResponseHead, RunningHandler};
use halloo_core::Status;
use http_body::Body;

use crate::BoxError;
use crate::clock::timer;
use crate::response::{Answered, ResponseBody, response};

/// Resolves with a response when its head is known. Dropped before, it cancels the call.
///
/// Dropping it cancels the call and drops the handler.
///
/// # Panics
/// If it is polled outside a tokio runtime and the call has a deadline or streams its response.
#[must_use = "a call does nothing unless its future is polled"]
pub struct ResponseFuture<B> {
    state: State<B>,
}

enum State<B> {
    Ready(Box<http::Response<ResponseBody>>),
    Running(Box<RunningCall<B>>),
    Taken,
}

/// Field order is drop order: the caller's end says why the call is over before the handler is dropped.
struct RunningCall<B> {
    caller: CallerEnd,
    work: CallTask<B>,
    /// An RPC's codec.
    subtype: Option<Cow<'static, str>>,
    answered: Answered,
}

impl<B> ResponseFuture<B> {
    pub(crate) fn ready(response: http::Response<ResponseBody>) -> Self {
        Self { state: State::Ready(Box::new(response)) }
    }
}

impl<B: Body<Data = Bytes>> ResponseFuture<B> {
    /// A call whose handler is `handling` and whose request is `body`; `subtype` is an RPC's codec.
    pub(crate) fn running(
        caller: CallerEnd,
        handling: Handling,
        body: B,
        subtype: Option<Cow<'static, str>>,
        allowance: Allowance,
    ) -> Self {
        let watch = caller.handler_watch();
        let request = Feed::new(body, caller.request_feed());
        let handler = RunningHandler::timed(handling, watch, allowance, timer);
        let work = CallTask { handler, request };
        let call = RunningCall { caller, work, subtype, answered: Answered::default() };
        Self { state: State::Running(Box::new(call)) }
    }
}

impl<B> Future for ResponseFuture<B>
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Output = Result<http::Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let head = match &mut self.state {
            State::Running(call) => ready!(call.poll_head(cx)),
            _ => None,
        };
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Ready(response) => Poll::Ready(Ok(*response)),
            State::Running(call) => {
                let RunningCall { caller, work, subtype, answered } = *call;
                if !answered.is_over() {
                    tokio::spawn(work);
                }
                Poll::Ready(Ok(response(subtype.as_deref(), head, answered, caller)))
            }
            // Polled again after it was ready.
            State::Taken => Poll::Pending,
        }
    }
}

impl<B> fmt::Debug for ResponseFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

impl<B> RunningCall<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    /// Ready with the head, or without one if the call has ended before.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Option<ResponseHead>> {
        // Whether its work has ended does not matter: a task of the handler's own may send the head.
        let _ = Pin::new(&mut self.work).poll(cx);
        let head = self.answered.take(&self.caller);
        if head.is_some() || self.answered.is_over() {
            return Poll::Ready(head);
        }
        self.answered.poll(&self.caller, cx)
    }
}

/// What brings a call's request and runs its handler; a task of its own once the response has begun. Resolves when there
/// is nothing left to do for the call.
struct CallTask<B> {
    handler: RunningHandler,
    request: Option<Feed<B>>,
}

impl<B> Future for CallTask<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        // The request first: a handler that finds all of it need not wait.
        if this.request.as_mut().is_some_and(|request| request.poll_feed(cx).is_ready()) {
            this.request = None;
        }
        ready!(Pin::new(&mut this.handler).poll(cx));
        match &this.request {
            // A task of the handler's own may still read it.
            Some(request) if !request.feed.is_over() => this.handler.poll_cancelled(cx),
            _ => Poll::Ready(()),
        }
    }
}

/// Moves a request's body to its call, as fast as the handler reads.
struct Feed<B> {
    body: Pin<Box<B>>,
    feed: RequestFeed,
}

impl<B: Body<Data = Bytes>> Feed<B> {
    fn new(body: B, feed: RequestFeed) -> Option<Self> {
        if body.is_end_stream() {
            feed.finish();
            return None;
        }
        Some(Self { body: Box::pin(body), feed })
    }

    /// Ready when all of the request was brought, or nobody wants more of it.
    fn poll_feed(&mut self, cx: &mut Context<'_>) -> Poll<()>
    where
        B::Error: Into<BoxError>,
    {
        loop {
            ready!(self.feed.poll_room(cx));
            if self.feed.is_over() {
                return Poll::Ready(());
            }
            match ready!(self.body.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // A request's trailers mean nothing to gRPC.
                    if let Ok(data) = frame.into_data() {
                        self.feed.push(data);
                    }
                }
                Some(Err(error)) => {
                    let error: BoxError = error.into();
                    let status = Status::cancelled(format!("the request's body broke off: {error}"));
                    self.feed.cancel(status.caused_by(error));
                    return Poll::Ready(());
                }
                None => {
                    self.feed.finish();
                    return Poll::Ready(());
                }
            }
            if self.body.is_end_stream() {
                self.feed.finish();
                return Poll::Ready(());
            }
        }
    }
}
