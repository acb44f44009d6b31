//! The receiving half of a stream of messages: a handler's requests, or a client's replies.
//!
//! It takes bytes off the exchange, cuts them into envelopes and decodes them, all in the task that wants the
//! messages: the connection's task never decodes.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use halloo_core::{
    Code, Codec, Deadline, DecodeLimits, Deframer, Envelope, EnvelopeError, Extensions, Metadata, MethodRef, Peer,
    Status,
};

use crate::compression::{CallCompression, Compressions, Decompression};
use crate::dispatch::call::Call;
use crate::dispatch::interceptor::OutcomeFuture;
use crate::dispatch::scope::Scope;
use crate::exchange::cancelled::Cancelled;
use crate::exchange::ends::CallerEnd;
use crate::exchange::head::{LazyMetadata, ResponseHead};
use crate::exchange::link::CallLink;
use crate::exchange::pipe::Interest;
use crate::exchange::state::{Exchange, Outcome};
use crate::message::request::Request;
use crate::message::toll::Toll;
use crate::observe::observation::{ObservedCall, Side};

/// Bytes of a lone message that wake its reader before the end, so that flow control goes on. So few, because the
/// messages of all streams together must not fill the connection's window unseen.
const WAKE_BYTES: usize = 4 * 1024;

/// Receives messages, one after the other.
///
/// A handler gets one for its client's requests; a client, for the server's replies. Dropping a client's
/// receiver before the end cancels the call.
///
/// ```
/// use halloo::MessageReceiver;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Status> {
/// let mut requests = MessageReceiver::from([1, 2]); // in a test: what the handler will receive
/// let mut sum = 0;
/// while let Some(request) = requests.next().await? {
///     sum += request;
/// }
/// assert_eq!(sum, 3);
/// # Ok(())
/// # }
/// ```
pub struct MessageReceiver<T: 'static> {
    source: Source<T>,
    decoder: Option<Decoder<T>>,
    call: Call,
    headers: LazyMetadata,
    trailers: Option<Metadata>,
    failed: Option<Status>,
    /// The reply headers have arrived, or whatever stands for them.
    has_headers: bool,
}

enum Source<T> {
    Requests(Arc<Exchange>),
    Replies(Replies),
    Messages(VecDeque<T>),
    Ended,
}

struct Replies {
    caller: CallerEnd,
    outcome: Option<Outcome>,
    epilogue: Epilogue,
    /// Cancels the call with the one within which it was made.
    bond: Option<Box<Cancelled>>,
}

/// What a client's interceptors still have to say when the replies have ended.
enum Epilogue {
    None,
    Waiting(Box<dyn FnOnce(Outcome) -> OutcomeFuture + Send>),
    Running(OutcomeFuture),
}

/// Turns the bytes of a call's direction into messages.
pub(crate) struct Decoder<T: 'static> {
    codec: &'static dyn Codec<T>,
    limits: DecodeLimits,
    deframer: Deframer,
    toll: Toll,
    side: Side,
    decompression: Decompression,
    /// The `grpc-encoding` of a response that no wire brought.
    encoding: Option<Box<str>>,
    observed: Option<Arc<ObservedCall>>,
}

impl<T: 'static> Decoder<T> {
    pub(crate) fn new(codec: &'static dyn Codec<T>, limits: DecodeLimits, side: Side) -> Self {
        let decompression = Decompression::Agreed(None);
        let (deframer, toll) = (Deframer::default(), Toll::default());
        Self { codec, limits, deframer, toll, side, decompression, encoding: None, observed: None }
    }

    /// Keeps what a response's head says of its messages, and returns its metadata.
    fn read_head(&mut self, mut head: LazyMetadata) -> LazyMetadata {
        self.encoding = head.take_encoding();
        head
    }

    fn push(&mut self, chunk: bytes::Bytes) {
        self.deframer.push(chunk);
    }

    /// The next whole message, if all of it is here. `headers` are a response's.
    fn next(&mut self, headers: &LazyMetadata) -> Result<Option<T>, Status> {
        let limit = self.limits.max_message_bytes;
        match self.deframer.next(limit) {
            Ok(None) => Ok(None),
            Ok(Some(Envelope { mut body, compressed })) => {
                if compressed {
                    body = self
                        .decompression
                        .restore(&body, &self.limits, || self.encoding.clone().or_else(|| headers.encoding()))?;
                }
                self.toll.charge(body.len());
                if let Some(observed) = &self.observed {
                    observed.message_received(body.len());
                }
                self.codec.decode(body, &self.limits).map(Some)
            }
            Err(EnvelopeError::TooLarge { size }) => Err(self.too_large(size)),
            Err(error) => Err(Status::internal(error.to_string())),
        }
    }

    fn too_large(&self, size: usize) -> Status {
        let limit = self.limits.max_message_bytes;
        match self.side {
            Side::Client => {
                let text = format!("reply is {size} bytes, this client accepts {limit}");
                let knob = ".max_reply_bytes(..) on the call or the channel raises the limit";
                let hint = format!("{knob}, or let the server send it in pieces, as a stream");
                Status::resource_exhausted(text).note("hint", hint)
            }
            // The text alone reaches the client, so it says what to do.
            Side::Server => Status::resource_exhausted(format!(
                "request is {size} bytes, this server's max_request_bytes is {limit}; \
                 raise it, or send it in pieces, as a stream"
            )),
        }
    }

    fn check_end(&self) -> Result<(), Status> {
        if self.deframer.is_clean() {
            return Ok(());
        }
        let what = match self.side {
            Side::Client => "replies",
            Side::Server => "requests",
        };
        Err(Status::internal(format!("the {what} ended in the middle of a message")))
    }
}

impl<T: 'static> MessageReceiver<T> {
    /// Makes the receiver of a handler's requests.
    pub fn for_requests(link: &CallLink, codec: &'static dyn Codec<T>, limits: DecodeLimits, call: Call) -> Self {
        Self {
            source: Source::Requests(Arc::clone(link.shared())),
            decoder: Some(Decoder::new(codec, limits, Side::Server)),
            call,
            headers: LazyMetadata::default(),
            trailers: None,
            failed: None,
            has_headers: false,
        }
    }

    /// Makes the receiver of a client's replies.
    pub fn for_replies(
        caller: CallerEnd,
        codec: &'static dyn Codec<T>,
        limits: DecodeLimits,
        method: impl Into<MethodRef>,
    ) -> Self {
        let replies = Replies { caller, outcome: None, epilogue: Epilogue::None, bond: None };
        Self {
            source: Source::Replies(replies),
            decoder: Some(Decoder::new(codec, limits, Side::Client)),
            call: Call::new(method),
            headers: LazyMetadata::default(),
            trailers: None,
            failed: None,
            has_headers: false,
        }
    }

    /// Lets a handler's requests be compressed as `agreed`. Default: they may not be.
    #[must_use]
    pub fn agreed(mut self, agreed: Option<Arc<CallCompression>>) -> Self {
        if agreed.is_some() {
            self.set_decompression(Decompression::Agreed(agreed));
        }
        self
    }

    /// Lets a client's replies be compressed as their head says, if that is among `known`. Default: none is.
    #[must_use]
    pub fn accepting(mut self, known: &Compressions) -> Self {
        self.set_decompression(Decompression::Known(known.clone()));
        self
    }

    fn set_decompression(&mut self, decompression: Decompression) {
        if let Some(decoder) = &mut self.decoder {
            decoder.decompression = decompression;
        }
    }

    /// Cancels a client's call when the call of `scope` is cancelled or ends.
    #[must_use]
    pub fn within(mut self, scope: &Scope) -> Self {
        if let Source::Replies(replies) = &mut self.source {
            replies.bond = Some(Box::new(scope.hold(replies.caller.shared())));
        }
        self
    }

    /// Lets `epilogue` see, and change, how the replies ended. For interceptors of a client.
    #[must_use]
    pub fn with_epilogue(mut self, epilogue: impl FnOnce(Outcome) -> OutcomeFuture + Send + 'static) -> Self {
        if let Source::Replies(replies) = &mut self.source {
            replies.epilogue = Epilogue::Waiting(Box::new(epilogue));
        }
        self
    }

    /// Lets an observation know of every message, and of a client's call how it ended.
    #[must_use]
    pub fn observed(mut self, call: Option<Arc<ObservedCall>>) -> Self {
        if let Some(decoder) = &mut self.decoder {
            decoder.observed = call;
        }
        self
    }

    /// Waits for the next message; `None` after the last.
    ///
    /// Cancel safe: dropped while it waits, no message is lost.
    ///
    /// # Errors
    /// The status that the call failed with. On a server: CANCELLED or DEADLINE_EXCEEDED when the client gave
    /// up. RESOURCE_EXHAUSTED for a message over the limit, INTERNAL for one that cannot be decoded. After an
    /// error every further call returns it again.
    pub async fn next(&mut self) -> Result<Option<T>, Status> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Polls for the next message as [`next`](Self::next) does, for hand-written futures.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<T>, Status>> {
        if let Some(status) = &self.failed {
            return Poll::Ready(Err(status.clone()));
        }
        match self.poll_message(cx, Interest::Any) {
            Poll::Ready(Err(status)) => {
                let status = self.annotate(status);
                if let Source::Replies(replies) = &self.source {
                    replies.caller.cancel(Status::cancelled("the client could not read the replies"));
                }
                self.source = Source::Ended;
                self.failed = Some(status.clone());
                Poll::Ready(Err(status))
            }
            other => other,
        }
    }

    /// Whether [`next`](Self::next) has returned an error, which it repeats.
    #[cfg(feature = "stream")]
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    fn poll_message(&mut self, cx: &mut Context<'_>, interest: Interest) -> Poll<Result<Option<T>, Status>> {
        loop {
            let decoder = match (&mut self.source, &mut self.decoder) {
                (Source::Messages(messages), _) => return Poll::Ready(Ok(messages.pop_front())),
                (Source::Ended, _) | (_, None) => return Poll::Ready(Ok(None)),
                (_, Some(decoder)) => decoder,
            };
            std::task::ready!(decoder.toll.poll_paid(cx));
            match decoder.next(&self.headers) {
                Ok(Some(message)) => return Poll::Ready(Ok(Some(message))),
                Ok(None) => {}
                Err(status) => {
                    self.note_end(status.code());
                    return Poll::Ready(Err(status));
                }
            }
            match std::task::ready!(self.poll_bytes(cx, interest)) {
                Ok(More::Bytes) => {}
                Ok(More::End(trailers)) => {
                    self.trailers = Some(trailers);
                    self.source = Source::Ended;
                    if let Some(decoder) = &self.decoder {
                        decoder.check_end().inspect_err(|status| self.note_end(status.code()))?;
                    }
                    self.note_end(Code::Ok);
                    return Poll::Ready(Ok(None));
                }
                Err(status) => {
                    self.note_end(status.code());
                    return Poll::Ready(Err(status));
                }
            }
        }
    }

    fn poll_bytes(&mut self, cx: &mut Context<'_>, interest: Interest) -> Poll<Result<More, Status>> {
        let Some(decoder) = &mut self.decoder else { return Poll::Ready(Ok(More::End(Metadata::new()))) };
        match &mut self.source {
            Source::Requests(exchange) => {
                let mut any = false;
                let ready = exchange.poll_request(Some(cx), interest, |chunk| {
                    any = true;
                    decoder.push(chunk);
                });
                match ready {
                    Poll::Ready(Err(status)) => Poll::Ready(Err(status)),
                    _ if any => Poll::Ready(Ok(More::Bytes)),
                    Poll::Ready(Ok(_)) => Poll::Ready(Ok(More::End(Metadata::new()))),
                    Poll::Pending => Poll::Pending,
                }
            }
            Source::Replies(replies) => {
                let polled = replies.poll_bytes(cx, interest, decoder, &mut self.headers);
                self.has_headers |= polled.is_ready();
                polled
            }
            Source::Messages(_) | Source::Ended => Poll::Ready(Ok(More::End(Metadata::new()))),
        }
    }

    /// Waits for the reply headers (or the first reply, or the end, whichever comes first). For clients; a server that
    /// waits for a request before it sends anything, and a client that waits here before it does, wait for each other.
    ///
    /// Cancel safe: dropped while it waits, neither headers nor a message are lost.
    ///
    /// # Errors
    /// The status that the call failed with before any reply.
    pub async fn headers(&mut self) -> Result<&Metadata, Status> {
        poll_fn(|cx| self.poll_headers(cx)).await?;
        Ok(self.headers.read())
    }

    fn poll_headers(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        if let Some(status) = &self.failed {
            return Poll::Ready(Err(status.clone()));
        }
        let (Source::Replies(replies), Some(decoder)) = (&mut self.source, &mut self.decoder) else {
            return Poll::Ready(Ok(()));
        };
        if matches!(replies.epilogue, Epilogue::Running(_)) {
            // The call has failed, and an interceptor still works on how.
            return self.poll_next(cx).map(|result| result.map(|_| ()));
        }
        if self.has_headers || replies.outcome.is_some() || decoder.deframer.buffered() > 0 {
            return Poll::Ready(Ok(()));
        }
        let progress = std::task::ready!(replies.caller.poll_response(cx, Interest::Any, |chunk| decoder.push(chunk)));
        if let Some(ResponseHead::Rpc(headers)) = progress.head {
            self.headers = decoder.read_head(headers);
        }
        self.has_headers = true;
        replies.outcome = progress.outcome;
        let failed_at_once = matches!(replies.outcome, Some(Err(_))) && decoder.deframer.buffered() == 0;
        if !failed_at_once {
            return Poll::Ready(Ok(()));
        }
        self.poll_next(cx).map(|result| result.map(|_| ()))
    }

    /// Returns the request's metadata; on a client, see [`headers`](Self::headers) instead.
    pub fn metadata(&self) -> &Metadata {
        self.call.metadata()
    }

    /// Returns the trailers, once [`next`](Self::next) has returned `None`. For clients.
    pub fn trailers(&self) -> Option<&Metadata> {
        self.trailers.as_ref()
    }

    /// Returns the facts of the call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Returns when the call has to be over; see [`Call::deadline`].
    pub fn deadline(&self) -> Option<Deadline> {
        self.call.deadline()
    }

    /// Returns the time left until the deadline; see [`Call::time_left`].
    pub fn time_left(&self) -> Option<Duration> {
        self.call.time_left()
    }

    /// Returns who is at the other end; see [`Call::peer`].
    pub fn peer(&self) -> Option<&Peer> {
        self.call.peer()
    }

    /// Returns what interceptors have left for the handler; see [`Call::extensions`].
    pub fn extensions(&self) -> &Extensions {
        self.call.extensions()
    }

    /// Returns a future that resolves when the call is cancelled or has ended; see [`Call::cancelled`].
    pub fn cancelled(&self) -> Cancelled {
        self.call.cancelled()
    }

    /// Returns what the call hands down to calls that other tasks make; see [`Call::scope`].
    pub fn scope(&self) -> Scope {
        self.call.scope()
    }

    /// Waits for the one message of a direction that carries exactly one, with headers and trailers.
    ///
    /// # Errors
    /// As [`next`](Self::next); UNIMPLEMENTED if there are no messages or several (gRPC's status table names
    /// that code for both sides).
    pub async fn only_message(mut self) -> Result<(T, LazyMetadata, Metadata), Status> {
        let message = self.receive_only().await?;
        Ok((message, std::mem::take(&mut self.headers), self.trailers.take().unwrap_or_default()))
    }

    /// Waits for the one request of a method that takes exactly one.
    ///
    /// # Errors
    /// As [`only_message`](Self::only_message).
    pub async fn only_request(mut self) -> Result<Request<T>, Status> {
        let message = self.receive_only().await?;
        Ok(Request::with_call(message, self.call))
    }

    async fn receive_only(&mut self) -> Result<T, Status> {
        let interest = Interest::EndOrBytes(WAKE_BYTES);
        let mut message = None;
        loop {
            match poll_fn(|cx| self.poll_message(cx, interest)).await {
                Ok(Some(next)) if message.is_none() => message = Some(next),
                Ok(Some(_)) => return Err(self.annotate(self.cardinality("more than one"))),
                Ok(None) => break,
                Err(status) => return Err(self.annotate(status)),
            }
        }
        message.ok_or_else(|| self.annotate(self.cardinality("no")))
    }

    /// A client's call has ended; a server's ends with its handler.
    fn note_end(&self, code: Code) {
        if let Some(Decoder { side: Side::Client, observed: Some(observed), .. }) = &self.decoder {
            observed.end(code);
        }
    }

    fn cardinality(&self, count: &str) -> Status {
        let method = self.call.method.as_ref().map_or("this method", |method| method.full_name());
        match self.decoder.as_ref().map(|decoder| decoder.side) {
            Some(Side::Client) => Status::unimplemented(format!("{method} got {count} reply where one belongs")),
            _ => Status::unimplemented(format!("{method} takes one request message and got {count}")),
        }
    }

    /// Adds to a client's failure what is known of its call.
    fn annotate(&self, status: Status) -> Status {
        let Some(Decoder { side: Side::Client, .. }) = &self.decoder else { return status };
        let headers = self.headers.read();
        let status = if headers.is_empty() { status } else { status.with_headers(headers.clone()) };
        match &self.call.method {
            Some(method) if status.notes().iter().all(|note| note.label() != "calling") => {
                status.note("calling", method.full_name())
            }
            _ => status,
        }
    }
}

enum More {
    Bytes,
    End(Metadata),
}

impl Replies {
    fn poll_bytes<T: 'static>(
        &mut self,
        cx: &mut Context<'_>,
        interest: Interest,
        decoder: &mut Decoder<T>,
        headers: &mut LazyMetadata,
    ) -> Poll<Result<More, Status>> {
        while self.outcome.is_none() {
            let progress = std::task::ready!(self.caller.poll_response(cx, interest, |chunk| decoder.push(chunk)));
            if let Some(ResponseHead::Rpc(metadata)) = progress.head {
                *headers = decoder.read_head(metadata);
            }
            self.outcome = progress.outcome;
            if progress.bytes > 0 {
                return Poll::Ready(Ok(More::Bytes));
            }
        }
        if let Epilogue::Waiting(_) = self.epilogue
            && let Epilogue::Waiting(epilogue) = std::mem::replace(&mut self.epilogue, Epilogue::None)
        {
            let outcome = self.outcome.take().unwrap_or_else(|| Ok(Metadata::new()));
            self.epilogue = Epilogue::Running(epilogue(outcome.map_err(|status| self.noting_open_requests(status))));
            self.outcome = Some(Ok(Metadata::new()));
        }
        if let Epilogue::Running(future) = &mut self.epilogue {
            let outcome = std::task::ready!(future.as_mut().poll(cx));
            self.epilogue = Epilogue::None;
            self.outcome = Some(outcome);
        }
        match self.outcome.take() {
            Some(Ok(trailers)) => Poll::Ready(Ok(More::End(trailers))),
            Some(Err(status)) => Poll::Ready(Err(self.noting_open_requests(status))),
            None => Poll::Ready(Ok(More::End(Metadata::new()))),
        }
    }

    /// Adds to the status of a call that ran out of time that its requests have no end yet: the server may have waited
    /// for it, because `finish()` was forgotten.
    #[cold]
    fn noting_open_requests(&self, status: Status) -> Status {
        const LABEL: &str = "requests";
        let is_noted = || status.notes().iter().any(|note| note.label() == LABEL);
        if status.code() != Code::DeadlineExceeded || self.caller.has_finished_request() || is_noted() {
            return status;
        }
        status.note(LABEL, "their stream is still open")
    }
}

// Nothing is ever pinned to a message in here.
impl<T: 'static> Unpin for MessageReceiver<T> {}

/// Messages that no connection brings, for a test that calls a handler directly.
impl<T: 'static> From<Vec<T>> for MessageReceiver<T> {
    fn from(messages: Vec<T>) -> Self {
        Self {
            source: Source::Messages(messages.into()),
            decoder: None,
            call: Call::detached(),
            headers: LazyMetadata::default(),
            trailers: None,
            failed: None,
            has_headers: false,
        }
    }
}

/// Messages that no connection brings, for a test that calls a handler directly.
impl<T: 'static, const N: usize> From<[T; N]> for MessageReceiver<T> {
    fn from(messages: [T; N]) -> Self {
        Vec::from(messages).into()
    }
}

impl<T> From<&MessageReceiver<T>> for Scope {
    fn from(requests: &MessageReceiver<T>) -> Self {
        requests.call().into()
    }
}

impl<T: 'static> fmt::Debug for MessageReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageReceiver")
            .field("call", &self.call)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
