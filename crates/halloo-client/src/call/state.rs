//! `ClientCall`: a call of a client, from its opening to its last reply. How far it is, the picture at `CallState` shows.

use std::pin::Pin;
use std::sync::Arc;

use halloo_call::{
    CallerEnd, Compressor, LazyMetadata, MessageReceiver, MessageSender, ObservedCall, Outcome, OutgoingCall,
    OutgoingHead, Reply, ResponderEnd, Scope,
};
use halloo_core::{DecodeLimits, Metadata, Status};

use crate::attempt::state::{Attempt, Begun};
use crate::call::codec::CallCodecs;
use crate::call::deadline::Limit;
use crate::call::intercepted::Chain;
use crate::channel::Channel;
use crate::credentials::Credentials;
use crate::failure::calling;
use crate::remote::Backend;

/// The future of the one reply of a call.
pub(crate) type ReplyFuture<A> = Pin<Box<dyn Future<Output = halloo_call::Result<A>> + Send>>;

/// A call whose options and defaults are settled. Nothing of it has been sent.
pub(crate) struct OpenedCall<Q: 'static, A: 'static> {
    pub(crate) head: Box<OutgoingHead>,
    pub(crate) codecs: CallCodecs<Q, A>,
    pub(crate) compressor: Option<Arc<Compressor>>,
    pub(crate) max_request_bytes: usize,
    pub(crate) reply_limits: DecodeLimits,
    /// The channel's and the call's own, with the authority that they are asked for.
    pub(crate) credentials: Option<(Credentials, Arc<str>)>,
    pub(crate) limit: Option<Limit>,
    /// Whose end cancels it; `None` for most.
    pub(crate) scope: Option<Box<Scope>>,
}

/// A call that has begun: where its replies come from, and how far it is.
pub(crate) struct ClientCall<A: 'static> {
    pub(crate) replies: MessageReceiver<A>,
    pub(crate) state: CallState,
}

/// How far a call is that has begun.
///
/// ```text
///               a connection at hand, and no interceptors
///  OpenedCall ─────────────────────────────────────────────▶ Sent ────────▶ replies, then the status
///      │                                                      ▲
///      │ it has to wait, or has interceptors                  │
///      └─────────────▶ Leaving ─── without interceptors ──────┘
///                         ├─────── with interceptors ───────▶ Intercepted ─▶ replies, then what they make of the status
///                         ├─────── one of them answers ─────▶ Answered ────▶ what it has answered
///                         └─────── it fails before it left ─▶ the status
/// ```
/// What an attempt goes through, and how the next one begins, is in `attempt/state.rs`; the call sees nothing of it.
pub(crate) enum CallState {
    /// It waits for a connection, or for its credentials, or passes interceptors.
    Leaving(Pin<Box<dyn Future<Output = Result<CallState, Status>> + Send>>),
    /// A connection has it.
    Sent(Option<Limit>),
    /// A connection has it, and interceptors wait for its end.
    Intercepted(Chain),
    /// An interceptor has answered it. Nothing of it was sent.
    Answered(Outcome),
}

impl<Q: 'static, A: Send + 'static> OpenedCall<Q, A> {
    /// Encodes the one request of a call and says that no other follows.
    pub(crate) fn send_only_request(&self, caller: &CallerEnd, request: Q) -> Result<(), Status> {
        let mut requests = self.requests(caller);
        let encoded = requests.encode(request).map_err(|status| calling(&status, &self.head.method));
        noted(self.head.observed.as_deref(), encoded)?;
        requests.finish();
        Ok(())
    }

    /// What sends the requests.
    pub(crate) fn requests(&self, caller: &CallerEnd) -> MessageSender<Q> {
        MessageSender::for_requests(caller, self.codecs.request, self.max_request_bytes)
            .compressing(self.compressor.clone())
            .observed(self.head.observed.clone())
    }

    /// Brings the call on its way, through the interceptors of `channel`.
    pub(crate) fn begin(
        self,
        channel: &Channel,
        caller: CallerEnd,
        responder: ResponderEnd,
    ) -> Result<ClientCall<A>, Status> {
        let Self { head, codecs, reply_limits, credentials, limit, scope, .. } = self;
        let observed = head.observed.clone();
        let replies = MessageReceiver::for_replies(caller, codecs.reply, reply_limits, &head.method)
            .accepting(&channel.defaults().compression.accepted)
            .observed(observed.clone());
        let (replies, watch) = match scope {
            Some(scope) => (replies.within(&scope), Some(responder.handler_watch())),
            None => (replies, None),
        };
        let attempt = Attempt { call: OutgoingCall { head, responder }, credentials, limit, watch };
        let state = match channel.interceptors() {
            Some(interceptors) => {
                let chain = Chain::new(channel.backend().clone(), interceptors, attempt);
                CallState::Leaving(Box::pin(async move { noted(observed.as_deref(), chain.left().await) }))
            }
            None => noted(observed.as_deref(), leave(attempt, channel.backend()))?,
        };
        Ok(ClientCall { replies, state })
    }
}

/// Begins an attempt of a call without interceptors.
fn leave(attempt: Attempt, backend: &Backend) -> Result<CallState, Status> {
    let observed = attempt.call.head.observed.clone();
    match attempt.begin(backend) {
        Ok(Begun::Started(limit)) => Ok(CallState::Sent(limit)),
        Ok(Begun::Waits(waits)) => {
            Ok(CallState::Leaving(Box::pin(
                async move { noted(observed.as_deref(), waits.await.map(CallState::Sent)) },
            )))
        }
        Err(status) => Err(status),
    }
}

/// Notes that the call ends here if `result` is a failure.
pub(crate) fn noted<T>(observed: Option<&ObservedCall>, result: Result<T, Status>) -> Result<T, Status> {
    if let (Some(observed), Err(status)) = (observed, &result) {
        observed.end(status.code());
    }
    result
}

impl<A: Send + 'static> ClientCall<A> {
    /// Waits until the call has left, or was answered without that.
    pub(crate) async fn left(mut self) -> Result<Self, Status> {
        if let CallState::Leaving(leaving) = self.state {
            self.state = leaving.await?;
        }
        Ok(self)
    }

    /// The one reply.
    pub(crate) fn into_reply(self) -> ReplyFuture<A> {
        let Self { replies, state } = self;
        match state {
            CallState::Leaving(leaving) => {
                Box::pin(async move { ClientCall { replies, state: leaving.await? }.into_reply().await })
            }
            CallState::Sent(limit) => Box::pin(async move { explained(replies.only_message().await, limit) }),
            CallState::Intercepted(chain) => Box::pin(chain.only_reply(replies)),
            CallState::Answered(outcome) => {
                Box::pin(async move { explained(answered(replies, outcome).only_message().await, None) })
            }
        }
    }

    /// The replies as a stream, once the call has left.
    pub(crate) async fn into_replies(self) -> Result<MessageReceiver<A>, Status> {
        let Self { replies, mut state } = self;
        loop {
            state = match state {
                CallState::Leaving(leaving) => leaving.await?,
                CallState::Sent(None) => return Ok(replies),
                CallState::Sent(Some(limit)) => return Ok(limit.attach(replies)),
                CallState::Intercepted(chain) => return Ok(chain.attach(replies)),
                CallState::Answered(outcome) => return Ok(answered(replies, outcome)),
            }
        }
    }
}

/// Replies that end as an interceptor has answered.
fn answered<A>(replies: MessageReceiver<A>, outcome: Outcome) -> MessageReceiver<A> {
    replies.with_epilogue(move |_| Box::pin(std::future::ready(outcome)))
}

/// The reply, or the status with what is known of the call's deadline.
pub(crate) fn explained<A>(
    received: Result<(A, LazyMetadata, Metadata), Status>,
    limit: Option<Limit>,
) -> halloo_call::Result<A> {
    match (received, limit) {
        (Ok((message, headers, trailers)), _) => Ok(Reply::from_parts(message, headers, trailers)),
        (Err(status), Some(limit)) => Err(limit.explain(status)),
        (Err(status), None) => Err(status),
    }
}
