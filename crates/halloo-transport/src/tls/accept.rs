//! A server's handshake, in the task of its connection: from the first byte to an agreed protocol, or a refusal that
//! says why on both sides.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use halloo_core::Peer;
use rustls::server::{Acceptor, ClientHello};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

use super::connect::chain_of;
use super::fault::{Fault, Side};
use super::reload::Configurations;
use super::server::{H2, HTTP_1_1, ServerMaterial, Tls};
use crate::opening::acceptor::{ByteStream, Opened, read_first};
use crate::opening::first_bytes::{FIRST_BYTES, Spoken};
use crate::opening::http1::{Http1Service, Replay};
use crate::opening::refusal::Refusal;
use crate::socket::closing::Lingerer;

/// Alerts that end a handshake before this side has said anything, so they are not encrypted (RFC 8446 section 6).
const PROTOCOL_VERSION: [u8; 7] = [0x15, 0x03, 0x03, 0, 2, 2, 70];
const NO_APPLICATION_PROTOCOL: [u8; 7] = [0x15, 0x03, 0x03, 0, 2, 2, 120];

/// For HTTP/1.x without TLS.
const USE_TLS: &str = "This port speaks TLS; use https://.\n";

/// The handshakes of one server.
pub(crate) struct Handshakes {
    configurations: Configurations<ServerMaterial>,
    limit: Duration,
}

impl Handshakes {
    pub(crate) fn new(tls: Tls) -> Arc<Self> {
        let limit = tls.handshake_timeout;
        Arc::new(Self { configurations: tls.configurations(), limit })
    }
}

impl fmt::Debug for Handshakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshakes").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Opens a connection by a handshake; `None` if that failed, which is in the log then.
pub(crate) async fn accept<Io: ByteStream>(
    handshakes: Arc<Handshakes>,
    mut io: Io,
    peer: Peer,
    http1: Http1Service,
    lingerer: Lingerer,
) -> Option<Opened<TlsStream<Replay<Io>>>> {
    let limit = handshakes.limit;
    let place = peer.address.clone();
    let opening = async {
        let mut first = BytesMut::with_capacity(FIRST_BYTES);
        let spoken = read_first(&mut io, &mut first).await?;
        let io = Replay::new(first, io);
        if spoken != Spoken::Tls {
            return Some(Err(refuse_plaintext(io, &peer, spoken)));
        }
        Some(Attempt { io, peer, http1 }.run(&handshakes).await)
    };
    let opened = tokio::time::timeout(limit, opening).await.unwrap_or_else(|_| {
        tracing::warn!(peer = %place, ?limit, "closed: no TLS handshake in time");
        None
    });
    match opened? {
        Ok(opened) => Some(opened),
        Err(refusal) => {
            refusal.finish(lingerer).await;
            None
        }
    }
}

struct Attempt<Io> {
    io: Replay<Io>,
    peer: Peer,
    http1: Http1Service,
}

impl<Io: ByteStream> Attempt<Io> {
    async fn run(self, handshakes: &Handshakes) -> Result<Opened<TlsStream<Replay<Io>>>, Refusal<Replay<Io>>> {
        let Self { io, peer, http1 } = self;
        let failed = |error: &std::io::Error, io, server_name: Option<&str>| {
            let fault = Fault::of(error, Side::Server);
            tracing::warn!(peer = %peer.address, server_name, reason = %fault, "a TLS handshake failed");
            Refusal::new(io, &[])
        };
        let config = match handshakes.configurations.current().await {
            Ok(config) => config,
            Err(status) => {
                tracing::error!(reason = status.message(), "no TLS handshake is possible");
                return Err(Refusal::new(Some(io), &[]));
            }
        };
        let mut hello = LazyConfigAcceptor::new(Acceptor::default(), io);
        let start = match (&mut hello).await {
            Ok(start) => start,
            Err(error) => return Err(failed(&error, hello.take_io(), None)),
        };
        let server_name = start.client_hello().server_name().map(str::to_owned);
        if let Err(offered) = agree(&start.client_hello(), http1) {
            tracing::warn!(
                peer = %peer.address, server_name, offered,
                "refused: a client has to offer HTTP/2 in the TLS handshake (ALPN h2)"
            );
            return Err(Refusal::new(Some(start.io), &NO_APPLICATION_PROTOCOL));
        }
        let io = match start.into_stream(config).into_fallible().await {
            Ok(io) => io,
            Err((error, io)) => return Err(failed(&error, Some(io), server_name.as_deref())),
        };
        let session = io.get_ref().1;
        let speaks = if session.alpn_protocol() == Some(H2) { Spoken::Http2 } else { Spoken::Http1 };
        let peer = peer.over_tls(session.peer_certificates().map(chain_of));
        Ok(Opened { io, first: BytesMut::new(), peer, speaks, since: crate::clock::now() })
    }
}

/// Whether what the client offers (ALPN, RFC 7301) has something that is served; if not, what it offers.
fn agree(hello: &ClientHello<'_>, http1: Http1Service) -> Result<(), String> {
    let offered: Option<Vec<&[u8]>> = hello.alpn().map(Iterator::collect);
    let is_served = match &offered {
        Some(offered) => offered.contains(&H2) || (http1 == Http1Service::Present && offered.contains(&HTTP_1_1)),
        // Older clients of HTTP/1.1 offer nothing.
        None => http1 == Http1Service::Present,
    };
    if is_served {
        return Ok(());
    }
    let offered = offered.unwrap_or_default();
    let names: Vec<_> = offered.iter().take(8).map(|name| name.escape_ascii().to_string()).collect();
    Err(if names.is_empty() { "nothing".into() } else { names.join(" ") })
}

fn refuse_plaintext<Io: ByteStream>(io: Replay<Io>, peer: &Peer, spoken: Spoken) -> Refusal<Replay<Io>> {
    let what = match spoken {
        _ if io.first().starts_with(b"PRI * HTTP/2") => "plaintext HTTP/2",
        Spoken::Http1 => "plaintext HTTP/1.x",
        Spoken::Http2 | Spoken::Tls => "something that is not TLS",
    };
    tracing::warn!(peer = %peer.address, "a client speaks {what} to this port, which is TLS; let it use https://");
    match spoken {
        Spoken::Http1 => Refusal::of_http1(io, USE_TLS),
        Spoken::Http2 | Spoken::Tls => Refusal::new(Some(io), &PROTOCOL_VERSION),
    }
}
