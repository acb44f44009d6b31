//! A client's connection as the channel holds it: dial, start calls, learn of its end.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use halloo_call::{Carry, Observation, ObservedConnection, OutgoingCall, Side};
use halloo_core::{Address, Peer, Status};
use halloo_http2::{Config, Connection};

use crate::client::connect_error::{ConnectError, ConnectErrorKind};
use crate::client::connection::ClientDriver;
use crate::client::outgoing_head::RequestTemplates;
use crate::client::places::Places;
use crate::mailbox::{Mail, Mailbox};
use crate::opening::acceptor::ByteStream;
use crate::socket::open::{Socket, open};

/// How to make a connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The `:authority` of every call: host and port, as the server should see them.
    pub authority: String,
    /// The `user-agent` of every call. Default: `halloo/` and the version.
    pub user_agent: String,
    /// The HTTP/2 engine's limits and windows.
    pub http2: Config,
    /// Who takes the calls that the connection could not start. Default: nobody, and they fail with UNAVAILABLE.
    pub returned: Option<ReturnedCalls>,
    /// Refuses calls above the peer's MAX_CONCURRENT_STREAMS, and who hears that there are places again. Default: nobody,
    /// and such calls wait in the connection.
    pub places: Option<PlacesFreed>,
    /// Is set once the peer has accepted the connection, before anything was said on it. Default: nothing is told.
    pub accepted: Option<Arc<AtomicBool>>,
    /// Who sees the connection. Default: nobody.
    pub observation: Observation,
    /// TLS for the connection, which is never made without it then. Default: none, so plaintext.
    #[cfg(feature = "_tls")]
    pub tls: Option<crate::tls::TlsConnector>,
}

/// Takes calls back that never left this side, because their connection ended or went away first.
#[derive(Clone)]
pub struct ReturnedCalls(Arc<dyn Fn(OutgoingCall) + Send + Sync>);

impl ReturnedCalls {
    /// Lets `take` have them. It is called from the connection's task and must not block.
    pub fn new(take: impl Fn(OutgoingCall) + Send + Sync + 'static) -> Self {
        Self(Arc::new(take))
    }

    /// Gives a call back that could not start.
    pub fn take(&self, call: OutgoingCall) {
        (self.0)(call);
    }
}

/// Hears that a connection which had no place for a call has one again.
#[derive(Clone)]
pub struct PlacesFreed(Arc<dyn Fn() + Send + Sync>);

impl PlacesFreed {
    /// Lets `heard` hear it. It is called from the connection's task and must not block.
    pub fn new(heard: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(heard))
    }

    pub(crate) fn tell(&self) {
        (self.0)();
    }
}

impl fmt::Debug for PlacesFreed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlacesFreed").finish_non_exhaustive()
    }
}

impl fmt::Debug for ReturnedCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReturnedCalls").finish_non_exhaustive()
    }
}

impl ConnectOptions {
    /// Makes the defaults, for calls to `authority`.
    pub fn new(authority: impl Into<String>) -> Self {
        Self {
            authority: authority.into(),
            user_agent: concat!("halloo/", env!("CARGO_PKG_VERSION")).into(),
            http2: Config::default(),
            returned: None,
            places: None,
            accepted: None,
            observation: Observation::default(),
            #[cfg(feature = "_tls")]
            tls: None,
        }
    }
}

/// Connects to `address` and starts the connection's task.
///
/// Resolves when the peer's first SETTINGS have arrived, so when it is known to speak HTTP/2. It has no time
/// limit of its own; dropping the future gives the attempt up. Needs a tokio runtime.
///
/// # Errors
/// What the socket said, why TLS failed, or what the peer spoke instead of HTTP/2.
pub async fn connect(address: &Address, options: ConnectOptions) -> Result<ClientConnection, ConnectError> {
    // What waits for an acknowledgement has as long as a PING (gRFC A18).
    let user_timeout = options.http2.keepalive.map(|keepalive| keepalive.timeout);
    let (socket, peer) = open(address, user_timeout).await.map_err(ConnectError::from_io)?;
    if let Some(accepted) = &options.accepted {
        accepted.store(true, Ordering::Relaxed);
    }
    match socket {
        Socket::Tcp(io) => secure(address, io, peer, options).await,
        #[cfg(unix)]
        Socket::Unix(io) => secure(address, io, peer, options).await,
    }
}

/// Goes on with TLS if the options have it, and never without it then.
async fn secure<Io: ByteStream + 'static>(
    address: &Address,
    io: Io,
    peer: Peer,
    options: ConnectOptions,
) -> Result<ClientConnection, ConnectError> {
    #[cfg(feature = "_tls")]
    if let Some(tls) = options.tls.clone() {
        let (io, peer) = tls.connect(io, peer).await?;
        return drive(address, io, peer, "https", options).await;
    }
    #[cfg(feature = "_tls")]
    let authority = options.authority.clone();
    let connected = drive(address, io, peer, "http", options).await;
    #[cfg(feature = "_tls")]
    if let Err(error) = &connected
        // Some servers of TLS answer plaintext with a 400 of HTTP/1.1.
        && !matches!(error.kind(), ConnectErrorKind::SpeaksPlaintext { .. } | ConnectErrorKind::Tls { .. })
        && let Some(names) = crate::tls::probe(address, &authority).await
    {
        return Err(ConnectError::new(crate::opening::sniff::SPEAKS_TLS, ConnectErrorKind::SpeaksTls { names }));
    }
    connected
}

/// Runs HTTP/2 on `io` until the peer is known to speak it.
async fn drive<Io: ByteStream + 'static>(
    address: &Address,
    io: Io,
    peer: Peer,
    scheme: &'static str,
    options: ConnectOptions,
) -> Result<ClientConnection, ConnectError> {
    let mut config = options.http2;
    // All that a client is answered with is gRPC's, or is an error (PROTOCOL-HTTP2, "Custom-Metadata").
    config.allows_padding = |_| true;
    let engine = Connection::client(config, crate::clock::now());
    let templates = RequestTemplates::new(scheme, options.authority, options.user_agent);
    let places = if options.places.is_some() { Places::none() } else { Places::unlimited() };
    let connection = ClientConnection { mailbox: Mailbox::with(places), state: Arc::default(), peer: Arc::new(peer) };
    let shared = Shared {
        target: address.to_string(),
        returned: options.returned,
        places: options.places,
        observed: options.observation.connection(Side::Client, &connection.peer),
        mailbox: Arc::clone(&connection.mailbox),
        state: Arc::clone(&connection.state),
        #[cfg(feature = "_tls")]
        tls: options.tls,
    };
    drop(tokio::spawn(ClientDriver::new(io, engine, templates, shared)));
    let mut attempt = Attempt { connection: Some(connection) };
    poll_fn(|cx| attempt.poll_ready(cx.waker())).await
}

/// What a connection's task shares with its handles.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) target: String,
    pub(crate) returned: Option<ReturnedCalls>,
    pub(crate) places: Option<PlacesFreed>,
    pub(crate) observed: Option<ObservedConnection>,
    pub(crate) mailbox: Arc<Mailbox<OutgoingCall>>,
    pub(crate) state: Arc<ConnectionState>,
    #[cfg(feature = "_tls")]
    pub(crate) tls: Option<crate::tls::TlsConnector>,
}

/// A connection that is not known to speak HTTP/2 yet; dropped before that, it ends.
struct Attempt {
    connection: Option<ClientConnection>,
}

impl Attempt {
    fn poll_ready(&mut self, waker: &Waker) -> Poll<Result<ClientConnection, ConnectError>> {
        let connection = self.connection.as_ref().expect("polled until it is ready, and no longer");
        let mut state = connection.state.lock();
        match &state.phase {
            Phase::Connecting => {
                state.waiting.push(waker.clone());
                return Poll::Pending;
            }
            Phase::Ready | Phase::GoingAway(_) => {}
            Phase::Closed { closed, kind } => {
                let error = ConnectError::new(closed.reason.clone(), kind.clone());
                drop(state);
                self.connection = None;
                return Poll::Ready(Err(error));
            }
        }
        drop(state);
        Poll::Ready(Ok(self.connection.take().expect("it was there above")))
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.close();
        }
    }
}

/// A live HTTP/2 connection that calls can be started on. Clones share it.
#[derive(Clone)]
pub struct ClientConnection {
    mailbox: Arc<Mailbox<OutgoingCall>>,
    state: Arc<ConnectionState>,
    peer: Arc<Peer>,
}

impl ClientConnection {
    /// Returns who is at the other end.
    pub fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }

    /// Says whether new calls can start: not after the peer's GOAWAY, a shutdown or the end.
    pub fn is_usable(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Ready)
    }

    /// Resolves when no new call can start any more, and says why.
    pub async fn closed(&self) -> Closed {
        poll_fn(|cx| {
            let mut state = self.state.lock();
            match &state.phase {
                Phase::GoingAway(closed) | Phase::Closed { closed, .. } => Poll::Ready(closed.clone()),
                Phase::Connecting | Phase::Ready => {
                    if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
                        state.waiting.push(cx.waker().clone());
                    }
                    Poll::Pending
                }
            }
        })
        .await
    }

    /// Starts no more calls and ends when the running ones have.
    pub fn shutdown(&self) {
        // A connection that has ended needs no telling.
        let _ = self.mailbox.post(Mail::Shutdown);
    }

    /// Ends at once; running calls fail with UNAVAILABLE.
    pub fn close(&self) {
        let _ = self.mailbox.post(Mail::Close);
    }

    /// Takes a place for a call, if there is one: fewer calls than the peer's MAX_CONCURRENT_STREAMS. It is used by
    /// [`start_reserved`](Self::start_reserved), or given [back](Self::give_back).
    #[must_use]
    pub fn reserve(&self) -> bool {
        self.mailbox.places(Places::reserve)
    }

    /// As [`reserve`](Self::reserve). If there is none, [`ConnectOptions::places`] hears of the next, and
    /// [`start`](Carry::start) refuses other calls until [`nobody_waits`](Self::nobody_waits).
    #[must_use]
    pub fn reserve_or_wait(&self) -> bool {
        self.mailbox.places(Places::reserve_or_wait)
    }

    /// Starts a call at a place that it has [reserved](Self::reserve).
    ///
    /// # Errors
    /// Gives the call back if the connection takes no more calls.
    pub fn start_reserved(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        self.mailbox.start_reserved(call)
    }

    /// Gives a [reserved](Self::reserve) place back. `true`: somebody else who waits can have it.
    #[must_use]
    pub fn give_back(&self) -> bool {
        self.mailbox.places(|places| places.free(1))
    }

    /// Says that nobody waits for a place any more.
    pub fn nobody_waits(&self) {
        self.mailbox.places(Places::nobody_waits);
    }
}

impl Carry for ClientConnection {
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        self.mailbox.start(call)
    }
}

impl fmt::Debug for ClientConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientConnection")
            .field("peer", &self.peer)
            .field("is_usable", &self.is_usable())
            .finish_non_exhaustive()
    }
}

/// Why a connection takes no new calls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Closed {
    /// In words.
    pub reason: String,
    /// The peer said so (GOAWAY); running calls may still end well.
    pub by_goaway: bool,
    /// The peer said that PINGs come too often (`too_many_pings`): the next connection's keepalive has to wait longer.
    pub too_many_pings: bool,
    /// What the peer or the network did, for the text of a call that it has cost; `None` if it was this side.
    pub(crate) because: Option<String>,
}

impl Closed {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), by_goaway: false, too_many_pings: false, because: None }
    }

    /// The status of a call to `target` that has ended with the connection.
    fn status(&self, target: &str) -> Status {
        let Some(because) = &self.because else { return Status::unavailable(format!("{target}: {}", self.reason)) };
        let what = if self.by_goaway {
            format!("the server at {target} ended the connection")
        } else {
            format!("the connection to {target} broke")
        };
        Status::unavailable(format!("{what} in the middle of the call: {because}"))
            .note("hint", "call again: the channel connects anew by itself")
    }
}

/// How far a connection is; its task writes, its handles read.
#[derive(Debug, Default)]
pub(crate) struct ConnectionState {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    waiting: Vec<Waker>,
}

#[derive(Debug, Default)]
enum Phase {
    #[default]
    Connecting,
    Ready,
    GoingAway(Closed),
    Closed {
        closed: Closed,
        kind: ConnectErrorKind,
    },
}

impl ConnectionState {
    pub(crate) fn ready(&self) {
        self.change(|phase| match phase {
            Phase::Connecting => Some(Phase::Ready),
            _ => None,
        });
    }

    pub(crate) fn go_away(&self, closed: Closed) {
        self.change(|phase| match phase {
            Phase::Connecting | Phase::Ready => Some(Phase::GoingAway(closed)),
            _ => None,
        });
    }

    /// The connection has ended. The first reason stays.
    pub(crate) fn close(&self, closed: Closed, kind: ConnectErrorKind) {
        self.change(|phase| match phase {
            Phase::Connecting => {
                let is_known = kind != ConnectErrorKind::Io;
                let mut closed = closed;
                if !is_known {
                    closed.reason.push_str(" before it spoke HTTP/2");
                }
                Some(Phase::Closed { closed, kind })
            }
            Phase::Ready => Some(Phase::Closed { closed, kind }),
            Phase::GoingAway(closed) => Some(Phase::Closed { closed: closed.clone(), kind }),
            Phase::Closed { .. } => None,
        });
    }

    /// The status of a call to `target` that fails with the connection.
    pub(crate) fn status(&self, target: &str) -> Status {
        match &self.lock().phase {
            Phase::GoingAway(closed) | Phase::Closed { closed, .. } => closed.status(target),
            Phase::Connecting | Phase::Ready => {
                Status::unavailable(format!("{target}: the connection takes no more calls"))
            }
        }
    }

    fn change(&self, next: impl FnOnce(&Phase) -> Option<Phase>) {
        let mut state = self.lock();
        let Some(next) = next(&state.phase) else { return };
        state.phase = next;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "../../tests/unit/client/handle.rs"]
mod tests;
