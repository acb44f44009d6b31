//! One call from its builder to its reply: start, with or without interceptors, and the unary kind.

use std::pin::Pin;
use std::time::Instant;

use halloo_call::{Call, CallerEnd, MessageReceiver, MessageSender, OutgoingCall, Reply, ResponderEnd, exchange};
use halloo_core::{Method, MethodDescriptor, Status};

use crate::channel::Channel;
use crate::deadline::{Limit, now};
use crate::failure::calling;
use crate::intercepted::{Passage, Passed};
use crate::options::{CallOptions, Opened, call_options};

/// The future of a call builder.
pub(crate) type CallFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

/// A call with one request and one reply, not started yet. Awaiting it makes the call.
///
/// Cancel safe: dropped while it waits, the call is cancelled on both sides.
#[must_use = "a call does nothing until it is awaited"]
pub struct UnaryCall<'c, Q: 'static, A: 'static> {
    channel: &'c Channel,
    method: &'static Method<Q, A>,
    request: Q,
    options: CallOptions,
}

call_options!(UnaryCall);

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
            let Self { channel, method, request, options } = self;
            let opened = options.open(channel, method.descriptor())?;
            let (caller, responder) = exchange();
            send_only_request(channel, method, &caller, request)?;
            start(channel, method, opened, caller, responder).await?.only_reply().await
        })
    }
}

/// Encodes the one request of a call and says that no other follows.
pub(crate) fn send_only_request<Q: 'static, A: 'static>(
    channel: &Channel,
    method: &'static Method<Q, A>,
    caller: &CallerEnd,
    request: Q,
) -> Result<(), Status> {
    let mut requests = sender(channel, method, caller);
    requests.encode(request).map_err(|status| calling(&status, method.descriptor()))?;
    requests.finish();
    Ok(())
}

pub(crate) fn sender<Q: 'static, A: 'static>(
    channel: &Channel,
    method: &'static Method<Q, A>,
    caller: &CallerEnd,
) -> MessageSender<Q> {
    MessageSender::for_requests(caller, method.request().default(), channel.defaults().max_request_bytes)
}

/// Brings a call to a connection. Resolves when it has one, or when an interceptor has answered.
pub(crate) async fn start<Q: 'static, A: 'static>(
    channel: &Channel,
    method: &'static Method<Q, A>,
    opened: Opened,
    caller: CallerEnd,
    responder: ResponderEnd,
) -> Result<Started<A>, Status> {
    let Opened { call, began, limits } = opened;
    let descriptor = method.descriptor();
    let subtype = method.request().default().subtype();
    let receiver = MessageReceiver::for_replies(caller, method.reply().default(), limits, descriptor);
    let Some(chain) = channel.interceptors() else {
        let limit = send(channel, OutgoingCall { method: descriptor, subtype, call }, began, responder).await?;
        return Ok(Started::Plain(receiver, limit));
    };
    let mut passage =
        Passage::new(channel, chain, OutgoingCall { method: descriptor, subtype, call }, began, responder);
    match passage.started().await {
        Passed::Started => Ok(Started::Intercepted(receiver, passage)),
        Passed::Answered(Err(status)) => Err(calling(&status, descriptor)),
        Passed::Answered(outcome @ Ok(_)) => {
            let receiver = receiver.with_epilogue(move |_| Box::pin(std::future::ready(outcome)));
            Ok(Started::Plain(receiver, None))
        }
    }
}

/// Hands a call to a connection, waiting for one within the call's deadline.
pub(crate) async fn send(
    channel: &Channel,
    call: OutgoingCall,
    began: Option<Instant>,
    responder: ResponderEnd,
) -> Result<Option<Limit>, Status> {
    let method = call.method;
    let limit = limit_of(method, &call.call, began);
    channel.start(call, responder, limit).await.map_err(|status| calling(&status, method))
}

fn limit_of(method: &'static MethodDescriptor, call: &Call, began: Option<Instant>) -> Option<Limit> {
    call.deadline().map(|deadline| Limit::new(method, began.unwrap_or_else(now), deadline))
}

/// A call that is on its way.
pub(crate) enum Started<A: 'static> {
    Plain(MessageReceiver<A>, Option<Limit>),
    Intercepted(MessageReceiver<A>, Passage),
}

impl<A: 'static> Started<A> {
    /// The replies as a stream.
    pub(crate) fn into_receiver(self) -> MessageReceiver<A> {
        match self {
            Self::Plain(receiver, None) => receiver,
            Self::Plain(receiver, Some(limit)) => limit.attach(receiver),
            Self::Intercepted(receiver, passage) => passage.attach(receiver),
        }
    }

    /// The one reply.
    pub(crate) async fn only_reply(self) -> halloo_call::Result<A> {
        let (message, headers, trailers) = match self {
            Self::Plain(receiver, limit) => match (receiver.only_message().await, limit) {
                (Err(status), Some(limit)) => return Err(limit.explain(status)),
                (result, _) => result?,
            },
            Self::Intercepted(receiver, passage) => passage.only_message(receiver).await?,
        };
        Ok(Reply::from_parts(message, headers, trailers))
    }
}
