//! How a server's connection begins: what its first bytes are decides who serves it.
//!
//! An [`Acceptor`] turns an accepted socket into one task. Until the task knows what the peer speaks it is small; then
//! it becomes the HTTP/2 connection itself, or hands the bytes to whoever serves HTTP/1.x.

use std::fmt;
use std::hash::{BuildHasher as _, RandomState};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use halloo_call::{Dispatch, Observation};
use halloo_core::Peer;
use halloo_http2::Config;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::task::{Id, JoinSet};

use crate::clock::now;
use crate::mailbox::{Mail, Mailbox};
use crate::opening::first_bytes::{FIRST_BYTES, Spoken};
use crate::opening::http1::{Http1, Http1Connection, Http1Service, Replay, Return, lend};
use crate::opening::refusal::Refusal;
use crate::server::call::NoStart;
use crate::server::connection::{ServerConnection, ServerConnectionHandle};
use crate::socket::closing::{Closing, Lingerer, Lingerers};
use crate::socket::listener::{Accepted, AcceptedSocket};
use crate::socket::open::set_user_timeout;

/// For HTTP/1.x that nothing serves.
const HTTP2_NEEDED: &str = "This is a gRPC server, and this port speaks HTTP/2 alone. Call it with a gRPC client; curl \
    needs --http2-prior-knowledge.\n";

/// Serves accepted connections: with HTTP/2, or by what it was given for HTTP/1.x.
pub struct Acceptor {
    dispatch: Arc<dyn Dispatch>,
    config: Config,
    observation: Observation,
    http1: Option<Arc<dyn Http1>>,
    lingerers: Arc<Lingerers>,
    #[cfg(feature = "_tls")]
    tls: Option<Arc<crate::tls::Handshakes>>,
}

impl Acceptor {
    /// Serves with `dispatch`, and with the engine's defaults.
    pub fn new(dispatch: Arc<dyn Dispatch>) -> Self {
        Self {
            dispatch,
            config: Config::default(),
            observation: Observation::default(),
            http1: None,
            lingerers: Arc::default(),
            #[cfg(feature = "_tls")]
            tls: None,
        }
    }

    /// Opens every connection by a handshake of TLS; plaintext is refused. Default: all connections are plaintext.
    #[cfg(feature = "_tls")]
    #[must_use]
    pub fn tls(mut self, tls: crate::tls::Tls) -> Self {
        self.tls = Some(crate::tls::Handshakes::new(tls));
        self
    }

    /// Sets the limits and windows of HTTP/2. Its `handshake_timeout` counts from the accepted connection on, and its
    /// `max_age` is made up to 10 % shorter or longer for each connection.
    #[must_use]
    pub fn http2(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Sets what serves connections that speak HTTP/1.x. Default: nothing, and they are answered with 400 and a text.
    #[must_use]
    pub fn http1(mut self, http1: Arc<dyn Http1>) -> Self {
        self.http1 = Some(http1);
        self
    }

    /// Lets an observation know of every HTTP/2 connection.
    #[must_use]
    pub fn observation(mut self, observation: Observation) -> Self {
        self.observation = observation;
        self
    }

    /// Waits until a connection is over but for what its peer still reads, and closes the oldest of those at once, so
    /// that its task ends. For servers that have no room for another connection.
    ///
    /// Cancel safe: dropped while it waits, no connection is closed.
    pub async fn end_oldest_lingering(&self) {
        self.lingerers.end_oldest().await;
    }

    /// Serves `accepted` in a task of its own among `tasks`, from the first byte to the end.
    pub fn spawn(self: &Arc<Self>, accepted: Accepted, tasks: &mut JoinSet<()>) -> (Id, ServerConnectionHandle) {
        let Accepted { socket, peer } = accepted;
        match socket {
            AcceptedSocket::Tcp(io) => {
                set_user_timeout(&io, self.config.keepalive.map(|keepalive| keepalive.timeout));
                self.open(io, peer, tasks)
            }
            #[cfg(unix)]
            AcceptedSocket::Unix(io) => self.open(io, peer, tasks),
        }
    }

    fn open<Io: ByteStream + 'static>(
        self: &Arc<Self>,
        io: Io,
        peer: Peer,
        tasks: &mut JoinSet<()>,
    ) -> (Id, ServerConnectionHandle) {
        let http1 = if self.http1.is_some() { Http1Service::Present } else { Http1Service::Absent };
        let mailbox = Mailbox::new();
        let lingerer = self.lingerers.lingerer(&mailbox);
        #[cfg(feature = "_tls")]
        if let Some(tls) = &self.tls {
            return self.spawn_opening(crate::tls::accept(Arc::clone(tls), io, peer, http1, lingerer), mailbox, tasks);
        }
        let limit = self.config.limits.handshake_timeout;
        self.spawn_opening(open(io, peer, limit, http1, lingerer), mailbox, tasks)
    }

    fn spawn_opening<Io: ByteStream + 'static>(
        self: &Arc<Self>,
        opening: impl Future<Output = Option<Opened<Io>>> + Send + 'static,
        mailbox: Arc<Mailbox<NoStart>>,
        tasks: &mut JoinSet<()>,
    ) -> (Id, ServerConnectionHandle) {
        let opening = Opening { future: Box::pin(opening), acceptor: Arc::clone(self), mailbox: Arc::clone(&mailbox) };
        let task = tasks.spawn(Conversation::Opening(Box::new(opening)));
        (task.id(), ServerConnectionHandle::new(mailbox))
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").field("config", &self.config).finish_non_exhaustive()
    }
}

/// Both directions of a connection, whatever carries them.
pub trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<Io: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for Io {}

/// A connection that is ready to be served.
pub(crate) struct Opened<Io> {
    pub(crate) io: Io,
    /// What was read to find out what the peer speaks.
    pub(crate) first: BytesMut,
    pub(crate) peer: Peer,
    pub(crate) speaks: Spoken,
    /// When HTTP could begin.
    pub(crate) since: Instant,
}

/// Makes an age a little shorter or longer, by at most a tenth, as `random` says: connections that began together shall
/// not end together (gRFC A9).
fn spread(age: Duration, random: u64) -> Duration {
    let share = 0.9 + 0.2 * (random as f64 / u64::MAX as f64);
    Duration::try_from_secs_f64(age.as_secs_f64() * share).unwrap_or(age)
}

/// Finds out what the peer of a connection without TLS speaks; `None` if it left before, or was refused.
///
/// A peer that says too little within the `limit` goes to HTTP/2, which ends it.
async fn open<Io: ByteStream>(
    mut io: Io,
    peer: Peer,
    limit: Duration,
    http1: Http1Service,
    lingerer: Lingerer,
) -> Option<Opened<Io>> {
    let since = now();
    let mut first = BytesMut::with_capacity(FIRST_BYTES);
    let speaks = match tokio::time::timeout(limit, read_first(&mut io, &mut first)).await {
        Ok(speaks) => speaks?,
        Err(_) => Spoken::Http2,
    };
    if speaks == Spoken::Tls {
        tracing::warn!(
            peer = %peer.address,
            "a client speaks TLS to this port, which is plaintext; let it use http://, or give the server a \
             certificate with `.tls(..)`"
        );
    }
    if (speaks, http1) == (Spoken::Http1, Http1Service::Absent) {
        tracing::warn!(
            peer = %peer.address,
            "a client speaks HTTP/1.x to this port, which serves HTTP/2 alone; `.http(..)` of the feature `tower` serves both"
        );
        // It does not know frames, so no GOAWAY (RFC 9113 section 3.4 lets it be left out).
        Refusal::of_http1(io, HTTP2_NEEDED).finish(lingerer).await;
        return None;
    }
    Some(Opened { io, first, peer, speaks, since })
}

/// Reads until the first bytes tell what the peer speaks, and no more than those; `None` if it left before.
///
/// Cancel safe: what was read is in `first`.
pub(crate) async fn read_first<Io: ByteStream>(io: &mut Io, first: &mut BytesMut) -> Option<Spoken> {
    loop {
        let room = (FIRST_BYTES - first.len()) as u64;
        match io.take(room).read_buf(first).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
        if let Some(spoken) = Spoken::of(first) {
            return Some(spoken);
        }
    }
}

/// The task of one connection, from the first byte to the end.
#[expect(
    clippy::large_enum_variant,
    reason = "most of its life it is the large one, and each call would pay for a box"
)]
enum Conversation<Io> {
    Opening(Box<Opening<Io>>),
    Http2(ServerConnection<Io>),
    Http1(Box<Http1Conversation<Io>>),
}

struct Opening<Io> {
    future: Pin<Box<dyn Future<Output = Option<Opened<Io>>> + Send>>,
    acceptor: Arc<Acceptor>,
    mailbox: Arc<Mailbox<NoStart>>,
}

struct Http1Conversation<Io> {
    stage: Http1Stage<Io>,
    mailbox: Arc<Mailbox<NoStart>>,
    lingerers: Arc<Lingerers>,
}

enum Http1Stage<Io> {
    Serving(Pin<Box<dyn Http1Connection>>, Return<Replay<Io>>),
    /// What serves it has ended and is dropped.
    Served(Return<Replay<Io>>),
    Closing(Replay<Io>, Closing),
}

impl<Io: ByteStream + 'static> Opening<Io> {
    /// A connection that was told to end before it began has nothing to finish.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Conversation<Io>>> {
        let mut mail = Vec::new();
        self.mailbox.drain(&mut mail, cx);
        if !mail.is_empty() {
            return Poll::Ready(None);
        }
        let opened = ready!(self.future.as_mut().poll(cx));
        Poll::Ready(opened.map(|opened| self.serve(opened)))
    }

    /// The one place where a connection goes to whoever serves what it speaks.
    fn serve(&self, opened: Opened<Io>) -> Conversation<Io> {
        let Opened { io, first, peer, speaks, since } = opened;
        let acceptor = &*self.acceptor;
        let mailbox = Arc::clone(&self.mailbox);
        match (&acceptor.http1, speaks) {
            (Some(http1), Spoken::Http1) => {
                let (io, back) = lend(Replay::new(first, io));
                let stage = Http1Stage::Serving(http1.serve(Box::new(io), peer), back);
                let lingerers = Arc::clone(&acceptor.lingerers);
                Conversation::Http1(Box::new(Http1Conversation { stage, mailbox, lingerers }))
            }
            _ => {
                let (mut config, dispatch) = (acceptor.config.clone(), Arc::clone(&acceptor.dispatch));
                let lifetime = &mut config.lifetime;
                lifetime.max_age = lifetime.max_age.map(|age| spread(age, RandomState::new().hash_one(())));
                let connection = ServerConnection::accepted_at(since, io, peer, config, dispatch);
                let connection = connection.mailbox(mailbox).lingering_among(&acceptor.lingerers);
                Conversation::Http2(connection.observed(&acceptor.observation).received(first))
            }
        }
    }
}

impl<Io: ByteStream> Http1Conversation<Io> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut mail = Vec::new();
        loop {
            self.mailbox.drain(&mut mail, cx);
            if mail.is_empty() {
                return self.poll_stage(cx);
            }
            for mail in mail.drain(..) {
                match (mail, &mut self.stage) {
                    (Mail::Shutdown, Http1Stage::Serving(connection, _)) => connection.as_mut().shutdown(),
                    (Mail::Close, _) => return Poll::Ready(()),
                    (Mail::Call(_) | Mail::Shutdown, _) => {}
                    (Mail::Start(never), _) => match never {},
                }
            }
        }
    }

    fn poll_stage(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            match &mut self.stage {
                Http1Stage::Serving(connection, back) => {
                    ready!(connection.as_mut().poll(cx));
                    self.stage = Http1Stage::Served(std::mem::take(back));
                }
                Http1Stage::Served(back) => {
                    // A connection that was upgraded stays with its service.
                    let Some(io) = back.take() else { return Poll::Ready(()) };
                    let closing = Closing::new(Some(self.lingerers.lingerer(&self.mailbox)));
                    self.stage = Http1Stage::Closing(io, closing);
                }
                Http1Stage::Closing(io, closing) => return closing.poll(io, cx),
            }
        }
    }
}

impl<Io: ByteStream + 'static> Future for Conversation<Io> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let next = match &mut *self {
                Self::Opening(opening) => ready!(opening.poll(cx)),
                Self::Http2(connection) => return Pin::new(connection).poll(cx),
                Self::Http1(connection) => return connection.poll(cx),
            };
            let Some(next) = next else { return Poll::Ready(()) };
            *self = next;
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/opening/acceptor.rs"]
mod tests;
