//! Typed handlers behind one interface: every kind of method is erased here, once.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use halloo_call::{
    Call, CallCompression, CallLink, Compressions, Compressor, Enclosing, Encodings, Execution, Interceptor,
    MessageReceiver, MessageSender, Next, Observation, ObservedCall, Outcome, OutcomeFuture, RareHead, Reply, Request,
    Route, TimeLimits,
};
use halloo_core::{Codec, Codecs, DecodeLimits, Metadata, Method, MethodRef, ServiceDescriptor, Status};

use crate::unary::{Closure, Function, UnaryFunction, UnaryHandler};

/// Collects the methods of a router's services. Generated code adds to it.
#[derive(Default)]
pub struct Methods {
    pub(crate) services: Vec<&'static ServiceDescriptor>,
    pub(crate) entries: Vec<Entry>,
}

pub(crate) struct Entry {
    pub(crate) method: &'static MethodRef,
    /// What drivers get to know of it. The router makes it of what was set.
    pub(crate) route: Arc<Route>,
    pub(crate) execution: Execution,
    pub(crate) handler: Arc<dyn ErasedHandler>,
    /// Interceptors see its calls.
    pub(crate) is_intercepted: bool,
    /// Its own, if it does not have the router's.
    pub(crate) time_limits: Option<TimeLimits>,
}

/// Says where a method's handlers run; see [`Execution`].
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
        self.add(method.method(), Typed::new(method, Unary(Closure(handler))));
    }

    /// Adds a method with one request and one reply that a function of the trait of `service` answers. Costs a call less
    /// than a closure that shares the service with each of its futures.
    pub fn unary_function<S, Q, A, H>(&mut self, method: &'static Method<Q, A>, service: &Arc<S>, function: H)
    where
        S: Send + Sync + 'static,
        Q: Send + 'static,
        A: Send + Sync + 'static,
        H: for<'a> UnaryFunction<'a, S, Q, A>,
    {
        let function = Function { service: Arc::clone(service), function };
        self.add(method.method(), Typed::new(method, Unary(function)));
    }

    /// Adds a method with one request and many replies.
    pub fn server_streaming<Q, A, H, F>(&mut self, method: &'static Method<Q, A>, handler: H)
    where
        Q: Send + 'static,
        A: Send + Sync + 'static,
        H: Fn(Request<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.add(method.method(), Typed::new(method, ServerStreaming(handler)));
    }

    /// Adds a method with many requests and one reply.
    pub fn client_streaming<Q, A, H, F>(&mut self, method: &'static Method<Q, A>, handler: H)
    where
        Q: Send + 'static,
        A: Send + Sync + 'static,
        H: Fn(MessageReceiver<Q>) -> F + Send + Sync + 'static,
        F: Future<Output = halloo_call::Result<A>> + Send + 'static,
    {
        self.add(method.method(), Typed::new(method, ClientStreaming(handler)));
    }

    /// Adds a method with many requests and many replies.
    pub fn bidi_streaming<Q, A, H, F>(&mut self, method: &'static Method<Q, A>, handler: H)
    where
        Q: Send + 'static,
        A: Send + Sync + 'static,
        H: Fn(MessageReceiver<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), Status>> + Send + 'static,
    {
        self.add(method.method(), Typed::new(method, BidiStreaming(handler)));
    }

    fn add(&mut self, method: &'static MethodRef, handler: impl ErasedHandler) {
        let handler = Arc::new(handler);
        self.entries.push(Entry {
            method,
            route: Arc::default(),
            execution: Execution::default(),
            handler,
            is_intercepted: true,
            time_limits: None,
        });
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
    /// What requests may be compressed with.
    pub(crate) compressions: Compressions,
    /// How replies are compressed that say nothing else.
    pub(crate) compressor: Option<Arc<Compressor>>,
}

impl Surroundings {
    /// How a call's messages may be compressed, by what its head says.
    #[cold]
    pub(crate) fn negotiate(&self, encodings: &Arc<Encodings>) -> Result<Option<Arc<CallCompression>>, Status> {
        self.compressions.negotiate(encodings, self.compressor.as_ref())
    }
}

/// What a handler works with beside its call.
pub(crate) struct HandlerContext<'a> {
    pub(crate) link: CallLink,
    /// All of the request, if it came with the call.
    pub(crate) arrived: Option<Bytes>,
    pub(crate) surroundings: &'a Surroundings,
    /// How its messages may be compressed, if they may.
    pub(crate) compression: Option<Arc<CallCompression>>,
    pub(crate) observed: Option<Arc<ObservedCall>>,
}

/// A handler without its types.
pub(crate) trait ErasedHandler: Send + Sync + 'static {
    /// Makes the future that runs one call.
    ///
    /// # Errors
    /// The status that ends the call without its handler.
    fn respond(self: Arc<Self>, call: Call, subtype: &str, work: HandlerContext<'_>) -> Result<OutcomeFuture, Status>;
}

struct Typed<Q: 'static, A: 'static, K> {
    method: &'static Method<Q, A>,
    /// The codecs of nearly all calls, looked up once.
    usual: Option<CallCodecs<Q, A>>,
    kind: K,
}

impl<Q, A, K> Typed<Q, A, K> {
    fn new(method: &'static Method<Q, A>, kind: K) -> Self {
        Self { method, usual: CallCodecs::find(method, RareHead::DEFAULT_SUBTYPE), kind }
    }
}

impl<Q, A, K> ErasedHandler for Typed<Q, A, K>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    K: Kind<Q, A>,
{
    fn respond(self: Arc<Self>, call: Call, subtype: &str, work: HandlerContext<'_>) -> Result<OutcomeFuture, Status> {
        let codecs = match self.usual {
            Some(usual) if subtype == RareHead::DEFAULT_SUBTYPE => usual,
            _ => {
                CallCodecs::find(self.method, subtype).ok_or_else(|| unknown_subtype(subtype, self.method.request()))?
            }
        };
        let HandlerContext { link, arrived, surroundings, compression, observed } = work;
        let Surroundings { interceptors: chain, max_request_bytes, max_reply_bytes, .. } = surroundings;
        let limits = MessageLimits { request: *max_request_bytes, reply: *max_reply_bytes };
        let way = CallMessages { link, arrived, codecs, limits, compression, observed };
        if chain.is_empty() {
            return Ok(K::run(self, call, way));
        }
        let chain = Arc::clone(chain);
        let granted = call.deadline();
        let end = move |call: Call| -> OutcomeFuture {
            let ended = way.link.clone();
            let shortened = call.deadline().filter(|deadline| granted.is_none_or(|granted| *deadline < granted));
            let enclosing = shortened
                .map(|deadline| Enclosing::new(deadline, call.method().and_then(|method| method.descriptor())));
            let run = K::run(self, call, way);
            Box::pin(async move {
                let outcome = match enclosing {
                    None => run.await,
                    Some(enclosing) => run_until(enclosing, run).await,
                };
                ended.with_trailers(outcome)
            })
        };
        // Nothing of it runs before it is polled, where a panic stays inside the call.
        Ok(Box::pin(async move { Next::new(chain, end).run(call).await }))
    }
}

/// Runs a handler that has less time than its driver gives it, because an interceptor said so.
async fn run_until(enclosing: Enclosing, mut run: OutcomeFuture) -> Outcome {
    let enclosed = poll_fn(|cx| enclosing.during(|| run.as_mut().poll(cx)));
    match tokio::time::timeout_at(enclosing.deadline.instant().into(), enclosed).await {
        Ok(outcome) => outcome,
        Err(_) => Err(Status::deadline_exceeded("the deadline passed that an interceptor of the server has set")),
    }
}

fn unknown_subtype<M>(subtype: &str, codecs: Codecs<M>) -> Status {
    let known: Vec<&str> = codecs.names().collect();
    let hint = match subtype.eq_ignore_ascii_case("json") {
        true => " (JSON: `.json(true)` where the server's code is generated, and halloo's feature `json`)",
        false => "",
    };
    Status::unimplemented(format!(
        "this method does not speak application/grpc+{subtype}; it speaks: {}{hint}",
        known.join(", ")
    ))
}

/// The codecs of one call.
struct CallCodecs<Q: 'static, A: 'static> {
    request: &'static dyn Codec<Q>,
    reply: &'static dyn Codec<A>,
}

impl<Q, A> CallCodecs<Q, A> {
    fn find(method: &'static Method<Q, A>, subtype: &str) -> Option<Self> {
        Some(Self { request: method.request().find(subtype)?, reply: method.reply().find(subtype)? })
    }
}

impl<Q, A> Clone for CallCodecs<Q, A> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q, A> Copy for CallCodecs<Q, A> {}

/// How many bytes a message may have.
#[derive(Clone, Copy)]
struct MessageLimits {
    request: usize,
    reply: usize,
}

/// How one call's messages come and go.
struct CallMessages<Q: 'static, A: 'static> {
    link: CallLink,
    /// All of the request, until somebody has taken it.
    arrived: Option<Bytes>,
    codecs: CallCodecs<Q, A>,
    limits: MessageLimits,
    compression: Option<Arc<CallCompression>>,
    observed: Option<Arc<ObservedCall>>,
}

impl<Q: Send + 'static, A: Send + Sync + 'static> CallMessages<Q, A> {
    fn receiver(&mut self, call: Call) -> MessageReceiver<Q> {
        self.link.supply_request(self.arrived.take());
        let limits = DecodeLimits::new(self.limits.request);
        MessageReceiver::for_requests(&self.link, self.codecs.request, limits, call)
            .agreed(self.compression.clone())
            .observed(self.observed.clone())
    }

    /// The only request if all of it is here, as it is for most calls.
    fn whole_request(&mut self) -> Option<Result<Q, Status>> {
        let limit = self.limits.request;
        let body = self.link.take_whole_request(self.arrived.take(), limit)?;
        if let Some(observed) = &self.observed {
            observed.message_received(body.len());
        }
        Some(self.codecs.request.decode(body, &DecodeLimits::new(limit)))
    }

    /// The only request, the long way: boxed, so that the short one keeps the future small.
    fn receive_request(&mut self, call: Call) -> Pin<Box<dyn Future<Output = Result<Request<Q>, Status>> + Send>> {
        Box::pin(self.receiver(call).only_request())
    }

    fn sender(&self) -> MessageSender<A> {
        MessageSender::for_replies(&self.link, self.codecs.reply, self.limits.reply)
            .agreed(self.compression.clone())
            .observed(self.observed.clone())
    }

    fn reply(&self, mut reply: Reply<A>) -> Outcome {
        let choice = reply.take_compression();
        let (message, headers, trailers) = reply.into_parts();
        let (codec, limit) = (self.codecs.reply, self.limits.reply);
        let bytes = match &self.compression {
            None => self.link.send_reply(headers, codec, &message, limit)?,
            Some(agreed) => {
                let choice = choice.map(|choice| *choice);
                self.link.send_packed_reply(headers, codec, &message, limit, agreed, choice)?
            }
        };
        if let Some(observed) = &self.observed {
            observed.message_sent(bytes);
        }
        Ok(trailers)
    }
}

/// How the messages of one kind of method reach its handler.
trait Kind<Q: 'static, A: 'static>: Sized + Send + Sync + 'static {
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, way: CallMessages<Q, A>) -> OutcomeFuture;
}

struct Unary<H>(H);
struct ServerStreaming<H>(H);
struct ClientStreaming<H>(H);
struct BidiStreaming<H>(H);

impl<Q, A, H> Kind<Q, A> for Unary<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: for<'a> UnaryHandler<'a, Q, A>,
{
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, mut way: CallMessages<Q, A>) -> OutcomeFuture {
        // The box comes before what goes into it, so that a future of several hundred bytes, most of them not yet in
        // use, is made in place and not copied there.
        let place = Box::new_uninit();
        let future = async move {
            let request = match way.whole_request() {
                Some(message) => Request::with_call(message?, call),
                None => way.receive_request(call).await?,
            };
            let reply = handler.kind.0.answer(request).await?;
            way.reply(reply)
        };
        let boxed = Box::write(place, future);
        Box::into_pin(boxed)
    }
}

impl<Q, A, H, F> Kind<Q, A> for ServerStreaming<H>
where
    Q: Send + 'static,
    A: Send + Sync + 'static,
    H: Fn(Request<Q>, MessageSender<A>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<(), Status>> + Send + 'static,
{
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, mut way: CallMessages<Q, A>) -> OutcomeFuture {
        Box::pin(async move {
            let request = match way.whole_request() {
                Some(message) => Request::with_call(message?, call),
                None => way.receive_request(call).await?,
            };
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
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, mut way: CallMessages<Q, A>) -> OutcomeFuture {
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
    fn run(handler: Arc<Typed<Q, A, Self>>, call: Call, mut way: CallMessages<Q, A>) -> OutcomeFuture {
        Box::pin(async move {
            (handler.kind.0)(way.receiver(call), way.sender()).await?;
            Ok(Metadata::new())
        })
    }
}
