//! Typed handlers behind one interface: every kind of method is erased here, once.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use halloo_call::{
    Call, Execution, Interceptor, LazyMetadata, MessageReceiver, MessageSender, Next, Outcome, Placement, Reply,
    Request, ResponderEnd,
};
use halloo_core::{Codec, Codecs, DecodeLimits, Metadata, Method, MethodDescriptor, ServiceDescriptor, Status};

use crate::panic_guard::PanicGuard;

pub(crate) type HandlingFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The methods of a router's services. Generated code adds to it.
#[derive(Default)]
pub struct Methods {
    pub(crate) services: Vec<&'static ServiceDescriptor>,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) struct Entry {
    pub(crate) method: &'static MethodDescriptor,
    pub(crate) placement: Arc<Placement>,
    pub(crate) handler: Arc<dyn ErasedHandler>,
}

/// Where a method's handlers run; see [`Execution`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MethodExecution {
    /// The method.
    pub method: &'static str,
    /// The rule.
    pub execution: Execution,
    /// Whether the next call's first poll happens in the connection's task.
    pub is_inline: bool,
}

impl Methods {
    pub(crate) fn begin_service(&mut self, service: &'static ServiceDescriptor) {
        self.services.push(service);
    }

    /// Adds a method with one request and one reply.
    pub fn unary<Q, A, H, F>(&mut self, method: &'static Method<Q, A>, handler: H)
    where
        Q: Send + 'static,
        A: Send + Sync + 'static,
        H: Fn(Request<Q>) -> F + Send + Sync + 'static,
        F: Future<Output = halloo_call::Result<A>> + Send + 'static,
    {
        self.add(method.descriptor(), Typed { method, kind: Unary(handler) });
    }

    /// Adds a method with one request and many replies.
    pub fn server_streaming<Q, A, H, F>(&mut self, method: &'static Method<Q, A>, handler: H)
    where
        Q: Send + 'static,
        A: Send + Sync + 'static,
        H: Fn(Request<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.add(method.descriptor(), Typed { method, kind: ServerStreaming(handler) });
    }

    /// Adds a method with many requests and one reply.
    pub fn client_streaming<Q, A, H, F>(&mut self, method: &'static Method<Q, A>, handler: H)
    where
        Q: Send + 'static,
        A: Send + Sync + 'static,
        H: Fn(MessageReceiver<Q>) -> F + Send + Sync + 'static,
        F: Future<Output = halloo_call::Result<A>> + Send + 'static,
    {
        self.add(method.descriptor(), Typed { method, kind: ClientStreaming(handler) });
    }

    /// Adds a method with many requests and many replies.
    pub fn bidi_streaming<Q, A, H, F>(&mut self, method: &'static Method<Q, A>, handler: H)
    where
        Q: Send + 'static,
        A: Send + Sync + 'static,
        H: Fn(MessageReceiver<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.add(method.descriptor(), Typed { method, kind: BidiStreaming(handler) });
    }

    fn add(&mut self, method: &'static MethodDescriptor, handler: impl ErasedHandler) {
        self.entries.push(Entry { method, placement: Arc::default(), handler: Arc::new(handler) });
    }
}

impl fmt::Debug for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.entries.iter().map(|entry| entry.method.full_name())).finish()
    }
}

/// What all methods of a router share.
#[derive(Clone)]
pub(crate) struct Surroundings {
    pub(crate) interceptors: Arc<[Arc<dyn Interceptor>]>,
    pub(crate) max_request_bytes: usize,
    pub(crate) max_reply_bytes: usize,
}

/// A handler without its types.
pub(crate) trait ErasedHandler: Send + Sync + 'static {
    /// Runs one call to its end and finishes its exchange.
    fn respond(
        self: Arc<Self>,
        call: Call,
        subtype: &str,
        responder: ResponderEnd,
        surroundings: &Arc<Surroundings>,
    ) -> HandlingFuture;
}

struct Typed<Q: 'static, A: 'static, K> {
    method: &'static Method<Q, A>,
    kind: K,
}

impl<Q, A, K> ErasedHandler for Typed<Q, A, K>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    K: Kind<Q, A>,
{
    fn respond(
        self: Arc<Self>,
        call: Call,
        subtype: &str,
        responder: ResponderEnd,
        surroundings: &Arc<Surroundings>,
    ) -> HandlingFuture {
        let codecs = match (self.method.request().find(subtype), self.method.reply().find(subtype)) {
            (Some(request), Some(reply)) => CallCodecs { request, reply },
            _ => {
                responder.finish(Err(unknown_subtype(subtype, self.method.request())));
                return Box::pin(std::future::ready(()));
            }
        };
        let surroundings = Arc::clone(surroundings);
        let descriptor = self.method.descriptor();
        if surroundings.interceptors.is_empty() {
            return Box::pin(async move {
                let run = self.kind.run(call, &responder, codecs, &surroundings);
                let outcome = PanicGuard::new(run, descriptor).run().await;
                responder.finish(outcome);
            });
        }
        Box::pin(async move {
            let responder = Arc::new(responder);
            let chain = Arc::clone(&surroundings.interceptors);
            let end = {
                let responder = Arc::clone(&responder);
                move |call: Call| -> halloo_call::OutcomeFuture {
                    Box::pin(async move { self.kind.run(call, &responder, codecs, &surroundings).await })
                }
            };
            let outcome = PanicGuard::new(Next::new(chain, end).run(call), descriptor).run().await;
            responder.finish(outcome);
        })
    }
}

fn unknown_subtype<M>(subtype: &str, codecs: Codecs<M>) -> Status {
    let known: Vec<&str> = codecs.names().collect();
    Status::unimplemented(format!(
        "this method does not speak application/grpc+{subtype}; it speaks: {}",
        known.join(", ")
    ))
}

/// The codecs of one call.
struct CallCodecs<Q: 'static, A: 'static> {
    request: &'static dyn Codec<Q>,
    reply: &'static dyn Codec<A>,
}

impl<Q: Send + 'static, A: Send + Sync + 'static> CallCodecs<Q, A> {
    fn receiver(&self, call: Call, responder: &ResponderEnd, surroundings: &Surroundings) -> MessageReceiver<Q> {
        MessageReceiver::for_requests(responder, self.request, DecodeLimits::new(surroundings.max_request_bytes), call)
    }

    fn sender(&self, responder: &ResponderEnd, surroundings: &Surroundings) -> MessageSender<A> {
        MessageSender::for_replies(responder, self.reply, surroundings.max_reply_bytes)
    }

    fn reply(&self, reply: Reply<A>, responder: &ResponderEnd, surroundings: &Surroundings) -> Outcome {
        let (message, headers, trailers): (A, LazyMetadata, Metadata) = reply.into_parts();
        responder.send_reply(headers, self.reply, &message, surroundings.max_reply_bytes)?;
        Ok(trailers)
    }
}

/// How the messages of one kind of method reach its handler.
trait Kind<Q: 'static, A: 'static>: Send + Sync + 'static {
    fn run(
        &self,
        call: Call,
        responder: &ResponderEnd,
        codecs: CallCodecs<Q, A>,
        surroundings: &Surroundings,
    ) -> impl Future<Output = Outcome> + Send;
}

struct Unary<H>(H);
struct ServerStreaming<H>(H);
struct ClientStreaming<H>(H);
struct BidiStreaming<H>(H);

impl<Q, A, H, F> Kind<Q, A> for Unary<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: Fn(Request<Q>) -> F + Send + Sync + 'static,
    F: Future<Output = halloo_call::Result<A>> + Send + 'static,
{
    async fn run(
        &self,
        call: Call,
        responder: &ResponderEnd,
        codecs: CallCodecs<Q, A>,
        surroundings: &Surroundings,
    ) -> Outcome {
        let request = codecs.receiver(call, responder, surroundings).only_request().await?;
        let reply = (self.0)(request).await?;
        codecs.reply(reply, responder, surroundings)
    }
}

impl<Q, A, H, F> Kind<Q, A> for ServerStreaming<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: Fn(Request<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    async fn run(
        &self,
        call: Call,
        responder: &ResponderEnd,
        codecs: CallCodecs<Q, A>,
        surroundings: &Surroundings,
    ) -> Outcome {
        let request = codecs.receiver(call, responder, surroundings).only_request().await?;
        (self.0)(request, codecs.sender(responder, surroundings)).await?;
        Ok(Metadata::new())
    }
}

impl<Q, A, H, F> Kind<Q, A> for ClientStreaming<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: Fn(MessageReceiver<Q>) -> F + Send + Sync + 'static,
    F: Future<Output = halloo_call::Result<A>> + Send + 'static,
{
    async fn run(
        &self,
        call: Call,
        responder: &ResponderEnd,
        codecs: CallCodecs<Q, A>,
        surroundings: &Surroundings,
    ) -> Outcome {
        let reply = (self.0)(codecs.receiver(call, responder, surroundings)).await?;
        codecs.reply(reply, responder, surroundings)
    }
}

impl<Q, A, H, F> Kind<Q, A> for BidiStreaming<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: Fn(MessageReceiver<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    async fn run(
        &self,
        call: Call,
        responder: &ResponderEnd,
        codecs: CallCodecs<Q, A>,
        surroundings: &Surroundings,
    ) -> Outcome {
        let requests = codecs.receiver(call, responder, surroundings);
        (self.0)(requests, codecs.sender(responder, surroundings)).await?;
        Ok(Metadata::new())
    }
}
