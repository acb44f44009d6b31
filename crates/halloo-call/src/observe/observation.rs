//! What others may see of calls and connections: one stats hook, and a `tracing` span a call.
//!
//! Both are off unless they are asked for, and then cost nothing: a call without an observation holds a `None`.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use halloo_core::{Code, MethodRef, Peer};
use tracing::Span;
use tracing::field::Empty;

/// Hears what happens to calls and connections, as it happens.
///
/// It is called in the middle of the work, on whatever task does it, so it counts and returns: it must not block.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
///
/// use halloo::Code;
/// use halloo::stats::{StatsEvent, StatsHandler};
///
/// #[derive(Default)]
/// struct Failures(AtomicU64);
///
/// impl StatsHandler for Failures {
///     fn on_event(&self, event: &StatsEvent<'_>) {
///         if let StatsEvent::CallEnded { code, .. } = event
///             && *code != Code::Ok
///         {
///             self.0.fetch_add(1, Relaxed);
///         }
///     }
/// }
///
/// # use greeter::{GreeterClient, GreeterServer, HelloRequest, MyGreeter};
/// # use halloo::{ChannelBuilder, Router};
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let failures = Arc::new(Failures::default());
/// // Server::bind(..).await?.stats(failures.clone()), or for a channel:
/// # let router = Router::new(GreeterServer::new(MyGreeter));
/// # let builder = ChannelBuilder::in_process(router);
/// let channel = builder.stats(failures.clone()).build()?;
/// # let greeter = GreeterClient::new(channel);
/// # assert!(greeter.say_hello(HelloRequest::default()).await.is_err());
/// # greeter.say_hello(HelloRequest::default().with_name("you")).await?;
/// assert_eq!(failures.0.load(Relaxed), 1);
/// # Ok(())
/// # }
/// ```
pub trait StatsHandler: Send + Sync + 'static {
    /// Hears what happened.
    fn on_event(&self, event: &StatsEvent<'_>);
}

/// Says which side of a call or connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// It calls.
    Client,
    /// It answers.
    Server,
}

/// Numbers a call, uniquely within the process, so that its events can be put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub u64);

/// Numbers a connection, uniquely within the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Tells a [`StatsHandler`] what happened: enough for OpenTelemetry's `grpc.*` instruments (gRFC A66) and for channelz
/// (gRFC A14).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum StatsEvent<'a> {
    /// A call began: the application made it, or its head arrived.
    #[non_exhaustive]
    CallStarted {
        /// Which call.
        call: CallId,
        /// Who says so.
        side: Side,
        /// Its method.
        method: &'a MethodRef,
        /// The other end; a client does not know it yet.
        peer: Option<&'a Peer>,
    },
    /// A client handed the call to a connection: its first attempt, or the next one.
    #[non_exhaustive]
    AttemptStarted {
        /// Which call.
        call: CallId,
        /// Its method.
        method: &'a MethodRef,
        /// Which attempt of the call, from 1.
        attempt: u32,
        /// A server has refused the attempt before it, and no handler saw that (gRFC A6, "Transparent Retries").
        is_transparent: bool,
    },
    /// An attempt has ended: with its call, or the next one follows.
    #[non_exhaustive]
    AttemptEnded {
        /// Which call.
        call: CallId,
        /// Its method.
        method: &'a MethodRef,
        /// Which attempt of the call, from 1.
        attempt: u32,
        /// How it ended.
        code: Code,
        /// From its start.
        elapsed: Duration,
    },
    /// A message was encoded.
    #[non_exhaustive]
    MessageSent {
        /// Which call.
        call: CallId,
        /// Who says so.
        side: Side,
        /// Its size in bytes, without the envelope's five.
        bytes: usize,
    },
    /// A message was received whole.
    #[non_exhaustive]
    MessageReceived {
        /// Which call.
        call: CallId,
        /// Who says so.
        side: Side,
        /// Its size in bytes, without the envelope's five.
        bytes: usize,
    },
    /// A call ended. The last event of a call.
    #[non_exhaustive]
    CallEnded {
        /// Which call.
        call: CallId,
        /// Who says so.
        side: Side,
        /// Its method.
        method: &'a MethodRef,
        /// How it ended.
        code: Code,
        /// From its start.
        elapsed: Duration,
        /// Message bytes sent, without envelopes.
        sent_bytes: u64,
        /// Message bytes received, without envelopes.
        received_bytes: u64,
    },
    /// A connection began: it was accepted, or made.
    #[non_exhaustive]
    ConnectionOpened {
        /// Which connection.
        connection: ConnectionId,
        /// Who says so.
        side: Side,
        /// The other end.
        peer: &'a Peer,
    },
    /// A connection ended.
    #[non_exhaustive]
    ConnectionClosed {
        /// Which connection.
        connection: ConnectionId,
        /// Who says so.
        side: Side,
        /// The other end.
        peer: &'a Peer,
        /// Why, unless it ended as it should.
        error: Option<&'a str>,
    },
}

/// Whether and how calls are observed; a server or a channel has one.
#[derive(Clone, Default)]
pub struct Observation {
    stats: Option<Arc<dyn StatsHandler>>,
    spans: bool,
}

impl Observation {
    /// Tells `stats` what happens.
    pub fn set_stats(&mut self, stats: Arc<dyn StatsHandler>) {
        self.stats = Some(stats);
    }

    /// Opens a span a call.
    pub fn set_spans(&mut self) {
        self.spans = true;
    }

    /// Returns the observation of one call that begins; `None` if nobody observes.
    pub fn call(&self, side: Side, method: impl Into<MethodRef>, peer: Option<&Peer>) -> Option<Arc<ObservedCall>> {
        if self.stats.is_none() && !self.spans {
            return None;
        }
        let (id, method) = (CallId(next_id()), method.into());
        let span = if self.spans { span_of(side, &method, peer) } else { Span::none() };
        if let Some(stats) = &self.stats {
            stats.on_event(&StatsEvent::CallStarted { call: id, side, method: &method, peer });
        }
        Some(Arc::new(ObservedCall {
            stats: self.stats.clone(),
            span,
            id,
            side,
            method,
            began: Instant::now(),
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            attempts: Mutex::default(),
            ended: AtomicBool::new(false),
        }))
    }

    /// Returns the observation of one connection that begins; `None` if nobody observes.
    pub fn connection(&self, side: Side, peer: &Arc<Peer>) -> Option<ObservedConnection> {
        let stats = Arc::clone(self.stats.as_ref()?);
        let id = ConnectionId(next_id());
        stats.on_event(&StatsEvent::ConnectionOpened { connection: id, side, peer });
        Some(ObservedConnection { stats, id, side, peer: Arc::clone(peer), error: None })
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation").field("stats", &self.stats.is_some()).field("spans", &self.spans).finish()
    }
}

fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A span with OpenTelemetry's names for RPCs.
fn span_of(side: Side, method: &MethodRef, peer: Option<&Peer>) -> Span {
    let peer = peer.map(|peer| tracing::field::display(&peer.address));
    macro_rules! span {
        ($name:literal) => {
            tracing::info_span!(
                target: "halloo",
                $name,
                rpc.system.name = "grpc",
                rpc.method = method.full_name(),
                network.peer.address = peer,
                rpc.response.status_code = Empty,
            )
        };
    }
    match side {
        Side::Client => span!("rpc.client"),
        Side::Server => span!("rpc.server"),
    }
}

/// One call that is observed. It ends with [`end`](Self::end), or as CANCELLED when the last reference is dropped.
pub struct ObservedCall {
    stats: Option<Arc<dyn StatsHandler>>,
    span: Span,
    id: CallId,
    side: Side,
    method: MethodRef,
    began: Instant,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    attempts: Mutex<Attempts>,
    ended: AtomicBool,
}

/// The attempts of a client's call.
#[derive(Default)]
struct Attempts {
    started: u32,
    /// When the running one has started.
    running: Option<Instant>,
}

impl ObservedCall {
    /// Returns the call's span; a disabled one if no spans were asked for.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Notes that a client hands the call to a connection, unless an attempt runs already; `is_transparent`: again, as a
    /// server has refused it before any handler saw it.
    pub fn attempt_started(&self, is_transparent: bool) {
        let attempt = {
            let mut attempts = self.attempts();
            if attempts.running.is_some() || self.ended.load(Ordering::Acquire) {
                return;
            }
            attempts.started += 1;
            attempts.running = Some(Instant::now());
            attempts.started
        };
        if let Some(stats) = &self.stats {
            let (call, method) = (self.id, &self.method);
            stats.on_event(&StatsEvent::AttemptStarted { call, method, attempt, is_transparent });
        }
    }

    /// Notes that the attempt that runs, if one does, has ended.
    pub fn attempt_ended(&self, code: Code) {
        let (attempt, running) = {
            let mut attempts = self.attempts();
            (attempts.started, attempts.running.take())
        };
        if let (Some(stats), Some(began)) = (&self.stats, running) {
            let (call, method) = (self.id, &self.method);
            stats.on_event(&StatsEvent::AttemptEnded { call, method, attempt, code, elapsed: began.elapsed() });
        }
    }

    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a message of `bytes` was encoded.
    pub fn message_sent(&self, bytes: usize) {
        self.sent_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(stats) = &self.stats {
            stats.on_event(&StatsEvent::MessageSent { call: self.id, side: self.side, bytes });
        }
    }

    /// Notes that a message of `bytes` was received.
    pub fn message_received(&self, bytes: usize) {
        self.received_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(stats) = &self.stats {
            stats.on_event(&StatsEvent::MessageReceived { call: self.id, side: self.side, bytes });
        }
    }

    /// Notes that the call ended. Only the first end counts.
    pub fn end(&self, code: Code) {
        if self.ended.swap(true, Ordering::AcqRel) {
            return;
        }
        self.attempt_ended(code);
        self.span.record("rpc.response.status_code", code.name());
        if let Some(stats) = &self.stats {
            stats.on_event(&StatsEvent::CallEnded {
                call: self.id,
                side: self.side,
                method: &self.method,
                code,
                elapsed: self.began.elapsed(),
                sent_bytes: self.sent_bytes.load(Ordering::Relaxed),
                received_bytes: self.received_bytes.load(Ordering::Relaxed),
            });
        }
    }
}

impl Drop for ObservedCall {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

impl fmt::Debug for ObservedCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedCall").field("id", &self.id).field("side", &self.side).finish_non_exhaustive()
    }
}

/// One connection that is observed; it ends when it is dropped.
pub struct ObservedConnection {
    stats: Arc<dyn StatsHandler>,
    id: ConnectionId,
    side: Side,
    peer: Arc<Peer>,
    error: Option<String>,
}

impl ObservedConnection {
    /// Says why the connection ends.
    pub fn failed(&mut self, error: impl fmt::Display) {
        self.error.get_or_insert_with(|| error.to_string());
    }
}

impl Drop for ObservedConnection {
    fn drop(&mut self) {
        self.stats.on_event(&StatsEvent::ConnectionClosed {
            connection: self.id,
            side: self.side,
            peer: &self.peer,
            error: self.error.as_deref(),
        });
    }
}

impl fmt::Debug for ObservedConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObservedConnection").field("id", &self.id).field("side", &self.side).finish_non_exhaustive()
    }
}
