//! One call from its builder to its reply: start, with or without interceptors, and the unary kind.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;

use halloo_call::{
    CallerEnd, HandlerWatch, LazyMetadata, MessageReceiver, MessageSender, OutgoingCall, Reply, ResponderEnd, exchange,
};
use halloo_core::{Metadata, Method, Status};

use crate::call::codec::CallCodecs;
use crate::call::deadline::Limit;
use crate::call::departure::Departure;
use crate::call::intercepted::Passage;
use crate::call::options::{CallOptions, Opened, call_options};
use crate::channel::Channel;
use crate::failure::calling;

/// The future of a call builder.
pub(crate) type CallFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// The future of the one reply of a call.
pub(crate) type ReplyFuture<A> = CallFuture<'static, halloo_call::Result<A>>;

/// Makes a call with one request and one reply, once it is awaited. The reply comes with headers and trailers.
///
/// Cancel safe: dropped while it waits, the call is cancelled on both sides.
///
/// ```
/// use std::time::Duration;
///
/// use greeter::{GreeterClient, HelloRequest, MyGreeter};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let greeter = GreeterClient::in_process(MyGreeter);
/// let call = greeter.say_hello(HelloRequest::default().with_name("Edison")); // nothing has been sent
/// let reply = call.timeout(Duration::from_secs(2)).metadata("x-request-id", "42").await?;
/// assert_eq!(reply.message, "Hello, Edison!");
/// # Ok(())
/// # }
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct UnaryCall<'c, Q: 'static, A: 'static> {
    channel: &'c Channel,
    method: &'static Method<Q, A>,
    request: Q,
    options: CallOptions,
}

call_options!(UnaryCall);

impl Channel {
    /// Prepares a unary call; awaiting it makes the call. For generated clients.
    pub fn unary<Q, A>(&self, method: &'static Method<Q, A>, request: Q) -> UnaryCall<'_, Q, A> {
        UnaryCall::new(self, method, request)
    }
}

impl<'c, Q: 'static, A: 'static> UnaryCall<'c, Q, A> {
    pub(crate) fn new(channel: &'c Channel, method: &'static Method<Q, A>, request: Q) -> Self {
        Self { channel, method, request, options: CallOptions::default() }
    }
}

impl<'c, Q: Send + 'static, A: Send + 'static> IntoFuture for UnaryCall<'c, Q, A> {
    type Output = halloo_call::Result<A>;
    type IntoFuture = CallFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (receiver, limit) = match self.begin()?.into_plain() {
                Ok(plain) => plain,
                Err(reply) => return reply.await,
            };
            explained(receiver.only_message().await, limit)
        })
    }
}

impl<Q: Send + 'static, A: Send + 'static> UnaryCall<'_, Q, A> {
    fn begin(self) -> Result<Begun<A>, Status> {
        let Self { channel, method, request, options } = self;
        let opened = options.open(channel, method.descriptor())?;
        let (caller, responder) = exchange();
        send_only_request(channel, method, (&caller, &opened), request)?;
        begin(channel, method, opened, caller, responder)
    }
}

/// Encodes the one request of a call and says that no other follows.
pub(crate) fn send_only_request<Q: 'static, A: 'static>(
    channel: &Channel,
    method: &'static Method<Q, A>,
    (caller, opened): (&CallerEnd, &Opened),
    request: Q,
) -> Result<(), Status> {
    let mut requests = sender(channel, method, caller, opened)?;
    let encoded = requests.encode(request).map_err(|status| calling(&status, method.descriptor()));
    opened.observed.note(encoded)?;
    requests.finish();
    Ok(())
}

pub(crate) fn sender<Q: 'static, A: 'static>(
    channel: &Channel,
    method: &'static Method<Q, A>,
    caller: &CallerEnd,
    opened: &Opened,
) -> Result<MessageSender<Q>, Status> {
    let limit = channel.defaults().max_request_bytes;
    let codecs = opened.observed.note(CallCodecs::of(method, opened.codec))?;
    Ok(MessageSender::for_requests(caller, codecs.request, limit)
        .compressing(opened.compression.compressor.clone())
        .observed(opened.observed.0.clone()))
}

/// How far a call has come that was begun.
#[expect(clippy::large_enum_variant, reason = "a box would cost the usual case an allocation")]
pub(crate) enum Begun<A: 'static> {
    /// It is on its way: the usual case, which costs no future of its own.
    Started(Started<A>),
    /// It waits for a connection or passes interceptors.
    Waiting(CallFuture<'static, Result<Started<A>, Status>>),
}

/// Brings a call to a connection, by way of the interceptors.
pub(crate) fn begin<Q: 'static, A: Send + 'static>(
    channel: &Channel,
    method: &'static Method<Q, A>,
    opened: Opened,
    caller: CallerEnd,
    responder: ResponderEnd,
) -> Result<Begun<A>, Status> {
    let Opened { call, mut departure, limits, codec, compression, observed, scope } = opened;
    let descriptor = method.descriptor();
    let codecs = CallCodecs::of(method, codec)?;
    let outgoing = OutgoingCall::new(descriptor, codecs.request.subtype(), call).encodings(compression.encodings);
    let receiver = MessageReceiver::for_replies(caller, codecs.reply, limits, descriptor);
    let mut receiver = receiver.accepting(&channel.defaults().compression.accepted).observed(observed.0.clone());
    if let Some(scope) = scope {
        departure.watch = Some(responder.handler_watch());
        receiver = receiver.within(&scope);
    }
    if let Some(chain) = channel.interceptors() {
        let passage = Passage::new(channel, chain, outgoing, departure, responder);
        return Ok(Begun::Waiting(Box::pin(async move {
            observed.note_start(passage.into_started(receiver, descriptor).await)
        })));
    }
    Ok(match observed.note(send(channel, outgoing, departure, responder))? {
        Sent::Now(limit) => {
            observed.note_start(Ok(()))?;
            Begun::Started(Started::Plain(receiver, limit))
        }
        Sent::Later(sending) => Begun::Waiting(Box::pin(async move {
            let limit = observed.note_start(sending.await)?;
            Ok(Started::Plain(receiver, limit))
        })),
    })
}

/// Whether a call has left.
pub(crate) enum Sent {
    Now(Option<Limit>),
    Later(CallFuture<'static, Result<Option<Limit>, Status>>),
}

/// Hands a call to a connection; without one it waits, as long as the call's deadline allows.
pub(crate) fn send(
    channel: &Channel,
    mut call: OutgoingCall,
    departure: Departure,
    responder: ResponderEnd,
) -> Result<Sent, Status> {
    call.wait_for_ready = departure.wait_for_ready;
    let method = call.method;
    let limit = Limit::of(&mut call, &departure);
    let watch = departure.watch;
    if let Some(credentials) = departure.credentials {
        let sending = unless_cancelled(watch, channel.clone().start_with(credentials, call, responder, limit));
        return Ok(Sent::Later(Box::pin(async move { sending.await.map_err(|status| calling(&status, method)) })));
    }
    match channel.start(call, responder, limit) {
        Ok(None) => Ok(Sent::Now(limit)),
        Ok(Some(sending)) => {
            let sending = unless_cancelled(watch, sending);
            Ok(Sent::Later(Box::pin(async move { sending.await.map_err(|status| calling(&status, method)) })))
        }
        Err(status) => Err(calling(&status, method)),
    }
}

/// Does what brings a call to a connection, unless the call is cancelled meanwhile.
async fn unless_cancelled<T>(
    watch: Option<HandlerWatch>,
    sending: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(watch) = watch else { return sending.await };
    let mut sending = pin!(sending);
    poll_fn(|cx| match (watch.poll_cancelled(cx), watch.status()) {
        (Poll::Ready(()), Some(status)) => Poll::Ready(Err(status)),
        _ => sending.as_mut().poll(cx),
    })
    .await
}

/// A call that is on its way.
pub(crate) enum Started<A: 'static> {
    Plain(MessageReceiver<A>, Option<Limit>),
    Intercepted(MessageReceiver<A>, Passage),
}

impl<A: Send + 'static> Started<A> {
    /// The future of the one reply.
    pub(crate) fn into_reply(self) -> ReplyFuture<A> {
        match self {
            Self::Plain(receiver, limit) => Box::pin(async move { explained(receiver.only_message().await, limit) }),
            Self::Intercepted(receiver, passage) => Box::pin(passage.only_reply(receiver)),
        }
    }

    /// The replies as a stream.
    pub(crate) fn into_receiver(self) -> MessageReceiver<A> {
        match self {
            Self::Plain(receiver, None) => receiver,
            Self::Plain(receiver, Some(limit)) => limit.attach(receiver),
            Self::Intercepted(receiver, passage) => passage.attach(receiver),
        }
    }
}

impl<A: Send + 'static> Begun<A> {
    /// The receiver of a call that is on its way without interceptors; of another, the future of its one reply.
    fn into_plain(self) -> Result<(MessageReceiver<A>, Option<Limit>), ReplyFuture<A>> {
        match self {
            Self::Started(Started::Plain(receiver, limit)) => Ok((receiver, limit)),
            Self::Started(started) => Err(started.into_reply()),
            Self::Waiting(waiting) => Err(Box::pin(async move { waiting.await?.into_reply().await })),
        }
    }
}

/// The reply, or the status with what is known of the call's deadline.
fn explained<A>(received: Result<(A, LazyMetadata, Metadata), Status>, limit: Option<Limit>) -> halloo_call::Result<A> {
    match (received, limit) {
        (Ok((message, headers, trailers)), _) => Ok(Reply::from_parts(message, headers, trailers)),
        (Err(status), Some(limit)) => Err(limit.explain(status)),
        (Err(status), None) => Err(status),
    }
}
