//! The three kinds of call that stream: builders, and the reply of a client-streaming call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use halloo_call::{MessageReceiver, MessageSender, exchange};
use halloo_core::{Method, Status};

use crate::call::options::{CallOptions, call_options};
use crate::call::state::ReplyFuture;
use crate::call::unary::CallFuture;
use crate::channel::Channel;

impl Channel {
    /// Prepares a server-streaming call. For generated clients.
    pub fn server_streaming<'c, Q, A>(&'c self, method: &'c Method<Q, A>, request: Q) -> ServerStreamingCall<'c, Q, A> {
        ServerStreamingCall::new(self, method, request)
    }

    /// Prepares a client-streaming call. For generated clients.
    pub fn client_streaming<'c, Q, A>(&'c self, method: &'c Method<Q, A>) -> ClientStreamingCall<'c, Q, A> {
        ClientStreamingCall::new(self, method)
    }

    /// Prepares a bidirectional call. For generated clients.
    pub fn bidi_streaming<'c, Q, A>(&'c self, method: &'c Method<Q, A>) -> BidiStreamingCall<'c, Q, A> {
        BidiStreamingCall::new(self, method)
    }
}

/// Makes a call with one request and a stream of replies, once it is awaited. It waits for the reply headers (or the
/// first reply, or the end).
///
/// Cancel safe: dropped while it waits, the call is cancelled; dropping the receiver before the end cancels it
/// too.
///
/// ```
/// use greeter::{CrowdClient, HelloRequest, MyCrowd};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let crowd = CrowdClient::in_process(MyCrowd);
/// let mut replies = crowd.cheer(HelloRequest::default().with_name("Ada")).await?;
/// let mut count = 0;
/// while let Some(reply) = replies.next().await? {
///     assert_eq!(reply.message, "Hello, Ada!");
///     count += 1;
/// }
/// assert_eq!(count, 3);
/// # Ok(())
/// # }
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct ServerStreamingCall<'c, Q: 'static, A: 'static> {
    channel: &'c Channel,
    method: &'c Method<Q, A>,
    request: Q,
    options: CallOptions,
}

call_options!(ServerStreamingCall);

impl<'c, Q: 'static, A: 'static> ServerStreamingCall<'c, Q, A> {
    pub(crate) fn new(channel: &'c Channel, method: &'c Method<Q, A>, request: Q) -> Self {
        Self { channel, method, request, options: CallOptions::default() }
    }
}

impl<'c, Q: Send + 'static, A: Send + 'static> IntoFuture for ServerStreamingCall<'c, Q, A> {
    type Output = Result<MessageReceiver<A>, Status>;
    type IntoFuture = CallFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { channel, method, request, options } = self;
            let opened = options.open(channel, method)?;
            let (caller, responder) = exchange();
            opened.send_only_request(&caller, request)?;
            let mut replies = opened.begin(channel, caller, responder)?.into_replies().await?;
            replies.headers().await?;
            Ok(replies)
        })
    }
}

/// Makes a call with a stream of requests and one reply, once it is awaited. It does not wait for the server.
///
/// Cancel safe: dropped while it waits, the call is cancelled.
///
/// ```
/// use greeter::{CrowdClient, HelloRequest, MyCrowd};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let crowd = CrowdClient::in_process(MyCrowd);
/// let names = ["Ada", "Alan"].map(|name| HelloRequest::default().with_name(name));
/// let reply = crowd.gather().send_all(names.clone()).await?;
/// assert_eq!(reply.message, "Hello, Ada and Alan!");
///
/// // The same by hand, where the requests come from something that waits.
/// let (mut requests, reply) = crowd.gather().await?;
/// for name in names {
///     requests.send(name).await?;
/// }
/// requests.finish();
/// assert_eq!(reply.await?.message, "Hello, Ada and Alan!");
/// # Ok(())
/// # }
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct ClientStreamingCall<'c, Q: 'static, A: 'static> {
    channel: &'c Channel,
    method: &'c Method<Q, A>,
    options: CallOptions,
}

call_options!(ClientStreamingCall);

impl<'c, Q: 'static, A: 'static> ClientStreamingCall<'c, Q, A> {
    pub(crate) fn new(channel: &'c Channel, method: &'c Method<Q, A>) -> Self {
        Self { channel, method, options: CallOptions::default() }
    }
}

impl<Q: Send + 'static, A: Send + 'static> ClientStreamingCall<'_, Q, A> {
    /// Makes the call: sends all of `requests` and returns the reply. If the call ends before all are sent, the
    /// rest is not asked for.
    ///
    /// Cancel safe: dropped while it waits, the call is cancelled.
    ///
    /// # Errors
    /// The status that the call failed with; RESOURCE_EXHAUSTED or INTERNAL for a request that is too large or
    /// cannot be encoded, which cancels the call.
    pub async fn send_all<I>(self, requests: I) -> halloo_call::Result<A>
    where
        I: IntoIterator<Item = Q, IntoIter: Send>,
    {
        let requests = requests.into_iter();
        let (mut sender, reply) = self.await?;
        for request in requests {
            if let Err(status) = sender.send(request).await {
                // A call that has ended has a result, which says more than that it takes no more requests.
                return if sender.is_closed() { reply.await } else { Err(status) };
            }
        }
        sender.finish();
        reply.await
    }
}

impl<'c, Q: Send + 'static, A: Send + 'static> IntoFuture for ClientStreamingCall<'c, Q, A> {
    type Output = Result<(MessageSender<Q>, PendingReply<A>), Status>;
    type IntoFuture = CallFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { channel, method, options } = self;
            let opened = options.open(channel, method)?;
            let (caller, responder) = exchange();
            let requests = opened.requests(&caller);
            let call = opened.begin(channel, caller, responder)?.left().await?;
            Ok((requests, PendingReply { reply: call.into_reply() }))
        })
    }
}

/// Resolves with the reply of a client-streaming call; await it after the last request, or beside them.
///
/// Dropping it cancels the call.
#[must_use = "the reply comes when this is awaited"]
pub struct PendingReply<A> {
    reply: ReplyFuture<A>,
}

impl<A> Future for PendingReply<A> {
    type Output = halloo_call::Result<A>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.reply.as_mut().poll(cx)
    }
}

impl<A> fmt::Debug for PendingReply<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingReply").finish_non_exhaustive()
    }
}

/// Makes a call with a stream of requests and a stream of replies, once it is awaited. It does not wait for the server,
/// which may wait for the first request.
///
/// Cancel safe: dropped while it waits, the call is cancelled; so it is when one of the halves is dropped before
/// its end.
///
/// ```
/// use greeter::{CrowdClient, HelloRequest, MyCrowd};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let crowd = CrowdClient::in_process(MyCrowd);
/// let (mut requests, mut replies) = crowd.meet().await?;
/// requests.send(HelloRequest::default().with_name("Ada")).await?;
/// assert_eq!(replies.next().await?.expect("a reply").message, "Hello, Ada!");
/// requests.finish();
/// assert!(replies.next().await?.is_none());
/// # Ok(())
/// # }
/// ```
#[must_use = "a call does nothing until it is awaited"]
pub struct BidiStreamingCall<'c, Q: 'static, A: 'static> {
    channel: &'c Channel,
    method: &'c Method<Q, A>,
    options: CallOptions,
}

call_options!(BidiStreamingCall);

impl<'c, Q: 'static, A: 'static> BidiStreamingCall<'c, Q, A> {
    pub(crate) fn new(channel: &'c Channel, method: &'c Method<Q, A>) -> Self {
        Self { channel, method, options: CallOptions::default() }
    }
}

impl<'c, Q: Send + 'static, A: Send + 'static> IntoFuture for BidiStreamingCall<'c, Q, A> {
    type Output = Result<(MessageSender<Q>, MessageReceiver<A>), Status>;
    type IntoFuture = CallFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { channel, method, options } = self;
            let opened = options.open(channel, method)?;
            let (caller, responder) = exchange();
            let requests = opened.requests(&caller);
            let replies = opened.begin(channel, caller, responder)?.into_replies().await?;
            Ok((requests, replies))
        })
    }
}
