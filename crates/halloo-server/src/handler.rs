//! Typed handlers behind one interface: every kind of method is erased here, once.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use halloo_call::{
    Call, CallLink, Execution, Interceptor, MessageReceiver, MessageSender, Next, Observation, ObservedCall, Outcome,
    OutcomeFuture, Placement, Reply, Request,
};
use halloo_core::{Codec, Codecs, DecodeLimits, Metadata, Method, MethodDescriptor, ServiceDescriptor, Status};

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
    pub(crate) observation: Observation,
}

/// What a handler works with beside its call.
pub(crate) struct Work<'a> {
    pub(crate) link: CallLink,
    pub(crate) surroundings: &'a Arc<Surroundings>,
    pub(crate) observed: Option<Arc<ObservedCall>>,
}

/// A handler without its types.
pub(crate) trait ErasedHandler: Send + Sync + 'static {
    /// Makes the future that runs one call.
    ///
    /// # Errors
    /// The status that ends the call without its handler.
    fn respond(self: Arc<Self>, call: Call, subtype: &str, work: Work<'_>) -> Result<OutcomeFuture, Status>;
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
    fn respond(self: Arc<Self>, call: Call, subtype: &str, work: Work<'_>) -> Result<OutcomeFuture, Status> {
        let codecs = match (self.method.request().find(subtype), self.method.reply().find(subtype)) {
            (Some(request), Some(reply)) => CallCodecs { request, reply },
            _ => return Err(unknown_subtype(subtype, self.method.request())),
        };
        let Work { link, surroundings, observed } = work;
        let chain = &surroundings.interceptors;
        let way = Way { link, codecs, surroundings: Arc::clone(surroundings), observed };
        if chain.is_empty() {
            return Ok(K::run(self, call, way));
        }
        let chain = Arc::clone(chain);
        let end = move |call| -> OutcomeFuture {
            let ended = way.link.clone();
            let run = K::run(self, call, way);
            Box::pin(async move { ended.with_trailers(run.await) })
        };
        // Nothing of it runs before it is polled, where a panic stays inside the call.
        Ok(Box::pin(async move { Next::new(chain, end).run(call).await }))
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

/// How one call's messages come and go.
struct Way<Q: 'static, A: 'static> {
    link: CallLink,
    codecs: CallCodecs<Q, A>,
    surroundings: Arc<Surroundings>,
    observed: Option<Arc<ObservedCall>>,
}

impl<Q: Send + 'static, A: Send + Sync + 'static> Way<Q, A> {
    fn receiver(&self, call: Call) -> MessageReceiver<Q> {
        let limits = DecodeLimits::new(self.surroundings.max_request_bytes);
        MessageReceiver::for_requests(&self.link, self.codecs.request, limits, call).observed(self.observed.clone())
    }

    /// The only request. For most calls all of it is here; the long way is boxed, so that the short one keeps the
    /// future small.
    async fn only_request(&self, call: Call) -> Result<Request<Q>, Status> {
        let limit = self.surroundings.max_request_bytes;
        match self.link.take_whole_request(limit) {
            Some(body) => {
                if let Some(observed) = &self.observed {
                    observed.message_received(body.len());
                }
                let message = self.codecs.request.decode(body, &DecodeLimits::new(limit))?;
                Ok(Request::with_call(message, call))
            }
            None => self.receive_only_request(call).await,
        }
    }

    fn receive_only_request(&self, call: Call) -> Pin<Box<dyn Future<Output = Result<Request<Q>, Status>> + Send>> {
        Box::pin(self.receiver(call).only_request())
    }

    fn sender(&self) -> MessageSender<A> {
        let limit = self.surroundings.max_reply_bytes;
        MessageSender::for_replies(&self.link, self.codecs.reply, limit).observed(self.observed.clone())
    }

    fn reply(&self, reply: Reply<A>) -> Outcome {
        let (message, headers, trailers) = reply.into_parts();
        let bytes = self.link.send_reply(headers, self.codecs.reply, &message, self.surroundings.max_reply_bytes)?;
        if let Some(observed) = &self.observed {
            observed.message_sent(bytes);
        }
        Ok(trailers)
    }
}

/// How the messages of one kind of method reach its handler.
trait Kind<Q: 'static, A: 'static>: Sized + Send + Sync + 'static {
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, way: Way<Q, A>) -> OutcomeFuture;
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
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, way: Way<Q, A>) -> OutcomeFuture {
        Box::pin(async move {
            let request = way.only_request(call).await?;
            let reply = (handler.kind.0)(request).await?;
            way.reply(reply)
        })
    }
}

impl<Q, A, H, F> Kind<Q, A> for ServerStreaming<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: Fn(Request<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, way: Way<Q, A>) -> OutcomeFuture {
        Box::pin(async move {
            let request = way.only_request(call).await?;
            (handler.kind.0)(request, way.sender()).await?;
            Ok(Metadata::new())
        })
    }
}

impl<Q, A, H, F> Kind<Q, A> for ClientStreaming<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: Fn(MessageReceiver<Q>) -> F + Send + Sync + 'static,
    F: Future<Output = halloo_call::Result<A>> + Send + 'static,
{
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, way: Way<Q, A>) -> OutcomeFuture {
        Box::pin(async move {
            let reply = (handler.kind.0)(way.receiver(call)).await?;
            way.reply(reply)
        })
    }
}

impl<Q, A, H, F> Kind<Q, A> for BidiStreaming<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: Fn(MessageReceiver<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, way: Way<Q, A>) -> OutcomeFuture {
        Box::pin(async move {
            (handler.kind.0)(way.receiver(call), way.sender()).await?;
            Ok(Metadata::new())
        })
    }
}
