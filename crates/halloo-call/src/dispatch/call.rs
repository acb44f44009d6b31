//! What is known of a call besides its messages: method, metadata, deadline, peer, extensions.
//!
//! A request carries one, interceptors pass one along. Metadata that came off a wire stays there until
//! somebody looks.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use halloo_core::{Deadline, Extensions, Metadata, MethodRef, Peer};

use crate::dispatch::incoming::IncomingCall;
use crate::dispatch::scope::Scope;
use crate::exchange::cancelled::Cancelled;
use crate::exchange::head::LazyMetadata;

/// Holds the facts of one call: method, metadata, deadline, peer, extensions.
///
/// On the server they describe the request that arrived; on the client, the one that is about to leave.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use halloo::Deadline;
/// use halloo::interceptor::{Call, Next, Outcome};
///
/// /// What the handler finds: `request.extensions().get::<Team>()`.
/// struct Team(String);
///
/// /// Lets no call take longer than a second, and tells the handler for whom it is.
/// async fn bounded(mut call: Call, next: Next) -> Outcome {
///     if let Some(team) = call.metadata().get("x-team").map(str::to_owned) {
///         call.extensions_mut().insert(Team(team));
///     }
///     let second = Deadline::after(Instant::now(), Duration::from_secs(1));
///     call.set_deadline(Some(call.deadline().map_or(second, |deadline| deadline.min(second))));
///     next.run(call).await
/// }
///
/// # use greeter::{GreeterClient, GreeterServer, HelloRequest, MyGreeter};
/// # use halloo::{ChannelBuilder, Router};
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// # let router = Router::new(GreeterServer::new(MyGreeter));
/// # let greeter = GreeterClient::new(ChannelBuilder::in_process(router).intercept(bounded).build()?);
/// # greeter.say_hello(HelloRequest::default().with_name("you")).metadata("x-team", "seven").await?;
/// # Ok(())
/// # }
/// ```
pub struct Call {
    pub(crate) method: Option<MethodRef>,
    pub(crate) metadata: LazyMetadata,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) peer: Option<Arc<Peer>>,
    pub(crate) extensions: Extensions,
    pub(crate) cancelled: Cancelled,
}

impl Call {
    /// Makes a call of `method` without metadata or deadline.
    #[must_use]
    pub fn new(method: impl Into<MethodRef>) -> Self {
        Self { method: Some(method.into()), ..Self::detached() }
    }

    /// Makes a call that a driver brought, of a method that the router found.
    #[must_use]
    pub fn incoming(method: &MethodRef, incoming: IncomingCall, cancelled: Cancelled) -> Self {
        Self {
            method: Some(method.into()),
            metadata: incoming.metadata,
            deadline: incoming.deadline,
            peer: Some(incoming.peer),
            extensions: incoming.extensions,
            cancelled,
        }
    }

    /// A call that belongs to no method: what a handler sees that a test calls directly.
    #[must_use]
    pub(crate) fn detached() -> Self {
        Self {
            method: None,
            metadata: LazyMetadata::default(),
            deadline: None,
            peer: None,
            extensions: Extensions::default(),
            cancelled: Cancelled::never(),
        }
    }

    /// Returns the method that is called; `None` only for a request that a test made by hand.
    #[must_use]
    pub fn method(&self) -> Option<MethodRef> {
        self.method.clone()
    }

    /// Returns the request's metadata, in the order of the wire.
    #[must_use]
    pub fn metadata(&self) -> &Metadata {
        self.metadata.read()
    }

    /// Lends the request's metadata for changing it: on the client what will be sent, on the server what the handler
    /// sees.
    pub fn metadata_mut(&mut self) -> &mut Metadata {
        self.metadata.write()
    }

    /// Replaces the metadata.
    pub fn set_metadata(&mut self, metadata: LazyMetadata) {
        self.metadata = metadata;
    }

    /// Returns when the call ends with DEADLINE_EXCEEDED; `None` if it may take for ever.
    #[must_use]
    pub fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Sets or removes the deadline. On the server the caller's own holds in any case, so a later one there has no effect;
    /// an earlier one ends the handler with DEADLINE_EXCEEDED.
    pub fn set_deadline(&mut self, deadline: Option<Deadline>) {
        self.deadline = deadline;
    }

    /// Returns the time left until the deadline; zero once it has passed, `None` if there is no deadline.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.time_left(Instant::now()))
    }

    /// Returns who is at the other end, and how well the connection protects the call. `None` on a client whose call
    /// has no connection yet, and in a handler that a test calls directly.
    #[must_use]
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_deref()
    }

    /// Says who is at the other end.
    pub fn set_peer(&mut self, peer: Arc<Peer>) {
        self.peer = Some(peer);
    }

    /// Returns the values that interceptors hand to handlers.
    #[must_use]
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Lends the values that interceptors hand to handlers, for changing them.
    pub fn extensions_mut(&mut self) -> &mut Extensions {
        &mut self.extensions
    }

    /// Returns a future that resolves when the call is cancelled (the client went away or gave up, or the deadline
    /// passed) or has ended.
    ///
    /// The handler of a cancelled call is dropped at that moment, at its current `.await`; this is for the tasks
    /// that it spawned.
    #[must_use]
    pub fn cancelled(&self) -> Cancelled {
        self.cancelled.clone()
    }

    /// Returns what the call hands down to calls that other tasks make on its behalf: `.within(&scope)`.
    #[must_use]
    pub fn scope(&self) -> Scope {
        Scope::new(self.deadline, self.method.as_ref(), self.cancelled())
    }

    /// Attaches the call to its exchange's cancellation.
    pub fn set_cancelled(&mut self, cancelled: Cancelled) {
        self.cancelled = cancelled;
    }
}

impl From<&Call> for Scope {
    fn from(call: &Call) -> Self {
        call.scope()
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("method", &self.method.as_ref().map(|method| method.full_name()))
            .field("metadata", self.metadata())
            .field("deadline", &self.deadline)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
