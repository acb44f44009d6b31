//! `UnaryCall`: a call with one request and one reply.

use std::pin::Pin;

use halloo_call::exchange;
use halloo_core::{Method, Status};

use crate::call::options::{CallOptions, call_options};
use crate::call::state::{CallState, ClientCall, explained};
use crate::channel::Channel;

/// The future of a call builder.
pub(crate) type CallFuture<'c, T> = Pin<Box<dyn Future<Output = T> + Send + 'c>>;

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
    method: &'c Method<Q, A>,
    request: Q,
    options: CallOptions,
}

call_options!(UnaryCall);

impl Channel {
    /// Prepares a unary call; awaiting it makes the call. For generated clients.
    pub fn unary<'c, Q, A>(&'c self, method: &'c Method<Q, A>, request: Q) -> UnaryCall<'c, Q, A> {
        UnaryCall::new(self, method, request)
    }
}

impl<'c, Q: 'static, A: 'static> UnaryCall<'c, Q, A> {
    pub(crate) fn new(channel: &'c Channel, method: &'c Method<Q, A>, request: Q) -> Self {
        Self { channel, method, request, options: CallOptions::default() }
    }
}

impl<'c, Q: Send + 'static, A: Send + 'static> IntoFuture for UnaryCall<'c, Q, A> {
    type Output = halloo_call::Result<A>;
    type IntoFuture = CallFuture<'c, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            match self.begin()? {
                // The usual case, without a future of its own.
                ClientCall { replies, state: CallState::Sent(limit) } => explained(replies.only_message().await, limit),
                call => call.into_reply().await,
            }
        })
    }
}

impl<Q: Send + 'static, A: Send + 'static> UnaryCall<'_, Q, A> {
    fn begin(self) -> Result<ClientCall<A>, Status> {
        let Self { channel, method, request, options } = self;
        let opened = options.open(channel, method)?;
        let (caller, responder) = exchange();
        opened.send_only_request(&caller, request)?;
        opened.begin(channel, caller, responder)
    }
}
