//! Code around every call, of one shape for all four kinds and for both sides.
//!
//! An interceptor sees the call before its messages flow, may answer early, and sees how the call ended. A
//! chain without interceptors costs nothing: the call goes straight to its end.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use halloo_core::{ServiceDescriptor, Status};

use crate::dispatch::call::Call;
use crate::exchange::state::Outcome;

/// Resolves, boxed, with a call's outcome.
pub type OutcomeFuture = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Sees every call of a server or a channel.
///
/// Any `Fn(Call, Next) -> impl Future<Output = Outcome>` is one:
///
/// ```
/// use greeter::{GreeterServer, MyGreeter};
/// use halloo::interceptor::{Call, Next};
/// use halloo::{Server, Status};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let server = Server::bind("127.0.0.1:0").await?.intercept(async |call: Call, next: Next| {
///     if call.metadata().get("x-team").is_none() {
///         return Err(Status::invalid_argument("no `x-team` in the metadata; say for whom you call"));
///     }
///     next.run(call).await
/// });
/// # let server = server.shutdown_on(std::future::ready(()));
/// server.serve(GreeterServer::new(MyGreeter)).await
/// # }
/// ```
pub trait Interceptor: Send + Sync + 'static {
    /// Handles `call`; `next.run(call)` goes on with it and resolves when it has ended.
    ///
    /// On a server the outcome that is returned is what the client receives; on a client it is what the caller
    /// receives. Not running `next` answers the call without the handler or the server having seen it.
    fn intercept(&self, call: Call, next: Next) -> OutcomeFuture;

    /// Looks at the services whose calls it is to see, and whether they agree with what this was made for. A channel
    /// does not ask.
    ///
    /// # Errors
    /// A status keeps the server from starting, and a router from being made. The default has none.
    fn check(&self, services: &[&'static ServiceDescriptor]) -> Result<(), Status> {
        let _ = services;
        Ok(())
    }
}

impl<F, Fut> Interceptor for F
where
    F: Fn(Call, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Outcome> + Send + 'static,
{
    fn intercept(&self, call: Call, next: Next) -> OutcomeFuture {
        Box::pin(self(call, next))
    }
}

/// Goes on with a call: the interceptors after this one, and then the handler or the connection.
///
/// ```
/// use halloo::interceptor::{Call, Next, Outcome};
///
/// /// Adds to the log how each call ended, and how long it took.
/// async fn logged(call: Call, next: Next) -> Outcome {
///     let (method, began) = (call.method().map(|method| method.to_string()), std::time::Instant::now());
///     let outcome = next.run(call).await;
///     match &outcome {
///         Ok(_trailers) => println!("{method:?}: {:?}", began.elapsed()),
///         Err(status) => println!("{method:?}: {:?}, {status}", began.elapsed()),
///     }
///     outcome
/// }
///
/// # use greeter::{GreeterClient, GreeterServer, HelloRequest, MyGreeter};
/// # use halloo::{ChannelBuilder, Router};
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// # let router = Router::new(GreeterServer::new(MyGreeter));
/// # let greeter = GreeterClient::new(ChannelBuilder::in_process(router).intercept(logged).build()?);
/// # assert!(greeter.say_hello(HelloRequest::default()).await.is_err());
/// # greeter.say_hello(HelloRequest::default().with_name("you")).await?;
/// # Ok(())
/// # }
/// ```
pub struct Next {
    chain: Arc<[Arc<dyn Interceptor>]>,
    position: usize,
    end: Box<dyn FnOnce(Call) -> OutcomeFuture + Send>,
}

impl Next {
    /// Makes a way through all of `chain` to `end`.
    pub fn new(chain: Arc<[Arc<dyn Interceptor>]>, end: impl FnOnce(Call) -> OutcomeFuture + Send + 'static) -> Self {
        Self { chain, position: 0, end: Box::new(end) }
    }

    /// Goes on with the call. Resolves when the call has ended, with its trailers or its status: for a stream, when its
    /// last message has passed.
    pub fn run(mut self, call: Call) -> OutcomeFuture {
        match self.chain.get(self.position).cloned() {
            Some(interceptor) => {
                self.position += 1;
                interceptor.intercept(call, self)
            }
            None => (self.end)(call),
        }
    }
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("interceptors_left", &(self.chain.len() - self.position)).finish_non_exhaustive()
    }
}
