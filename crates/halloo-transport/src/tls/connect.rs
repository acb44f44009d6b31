//! A client's handshake, and what it says of a peer that does not speak TLS.

use std::fmt;
use std::io;
use std::net::Ipv6Addr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use halloo_core::{CertificateChain, Peer, Status};
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::client::TlsStream;

use super::client::{ClientMaterial, ClientTls};
use super::fault::{Fault, Shown, Side};
use super::reload::Configurations;
use super::server::H2;
use crate::client::connect_error::{ConnectError, ConnectErrorKind};
use crate::opening::acceptor::ByteStream;

/// TLS to one server, for every connection of a channel. Clones share sessions and what was read from files.
#[derive(Clone)]
pub struct TlsConnector {
    shared: Arc<Shared>,
}

struct Shared {
    configurations: Configurations<ClientMaterial>,
    server_name: ServerName<'static>,
    shown: Shown,
}

impl TlsConnector {
    /// Prepares TLS to a server whose certificate has to be for the host of `authority` (`host` or `host:port`),
    /// unless `tls` names another.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if no certificate can be for such a name.
    pub fn new(tls: ClientTls, authority: &str) -> Result<Self, Status> {
        let name = tls.domain_name.clone().unwrap_or_else(|| host_of(authority).to_owned());
        let server_name = server_name(&name).ok_or_else(|| {
            Status::invalid_argument(format!("{name:?} is no name that a certificate can be for"))
                .note("hint", "say which name the server's certificate is for: ClientTls::new().domain_name(\"..\")")
        })?;
        let shown = tls.shown();
        Ok(Self { shared: Arc::new(Shared { configurations: tls.configurations(), server_name, shown }) })
    }

    /// What faults of this side's connections depend on.
    pub(crate) fn side(&self) -> Side {
        Side::Client(self.shared.shown)
    }

    /// Does the handshake on `io`, and tells what the server has shown.
    pub(crate) async fn connect<Io: ByteStream>(
        &self,
        io: Io,
        peer: Peer,
    ) -> Result<(TlsConnection<Io>, Peer), ConnectError> {
        let shared = &*self.shared;
        let config = shared.configurations.current().await.map_err(|status| unusable(&status))?;
        let connector = tokio_rustls::TlsConnector::from(config);
        let handshake = connector.connect(shared.server_name.clone(), Recorded::new(io));
        let io = handshake.into_fallible().await.map_err(|(error, io)| self.failed(error, io.first()))?;
        let session = io.get_ref().1;
        if session.alpn_protocol() != Some(H2) {
            let agreed = session.alpn_protocol().map(|name| name.escape_ascii().to_string());
            let agreed = agreed.map_or_else(|| "no protocol".to_owned(), |name| format!("only {name}"));
            let reason = format!("it speaks TLS, but agreed to {agreed} where HTTP/2 is needed (ALPN h2)");
            return Err(ConnectError::new(
                reason,
                ConnectErrorKind::Tls { hint: Some("check that it is a gRPC server".into()) },
            ));
        }
        let peer = peer.over_tls(session.peer_certificates().map(chain_of));
        Ok((io, peer))
    }

    fn failed(&self, error: io::Error, first: &[u8]) -> ConnectError {
        if let Some(protocol) = plaintext(first) {
            let reason = format!("it speaks plaintext {protocol}, but this channel is TLS");
            return ConnectError::new(reason, ConnectErrorKind::SpeaksPlaintext { protocol });
        }
        let fault = Fault::of(&error, self.side());
        ConnectError::new(fault.reason, ConnectErrorKind::Tls { hint: fault.hint.map(Into::into) }).caused_by(error)
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").field("server_name", &self.shared.server_name).finish_non_exhaustive()
    }
}

/// This side has nothing that it could connect with.
fn unusable(status: &Status) -> ConnectError {
    let hint = status.notes().iter().find(|note| note.label() == "hint").map(|note| note.text().to_owned().into());
    ConnectError::new(status.message(), ConnectErrorKind::Tls { hint })
}

/// A client's connection with TLS.
pub(crate) type TlsConnection<Io> = TlsStream<Recorded<Io>>;

/// The host in `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
pub(super) fn host_of(authority: &str) -> &str {
    if let Some((host, _)) = authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return host;
    }
    match authority.split_once(':') {
        Some((host, port)) if !port.contains(':') => host,
        _ => authority,
    }
}

pub(super) fn server_name(name: &str) -> Option<ServerName<'static>> {
    // A zone is the name of an interface of this machine; certificates have addresses without one (RFC 5280 section
    // 4.2.1.6), and the TLS extension has no addresses at all (RFC 6066 section 3).
    let name = match name.split_once('%') {
        Some((ip, _)) if ip.parse::<Ipv6Addr>().is_ok() => ip,
        _ => name,
    };
    // Names in certificates have no dot at the end.
    ServerName::try_from(name.strip_suffix('.').unwrap_or(name).to_owned()).ok()
}

/// What a server speaks whose `first` bytes are no TLS record; `None` if they are one, or there are none.
fn plaintext(first: &[u8]) -> Option<&'static str> {
    match first {
        [] | [0x14..=0x17, ..] => None,
        // SETTINGS or GOAWAY on stream 0: how every server of HTTP/2 begins (RFC 9113 section 3.4).
        [0, _, _, 4 | 7, _, 0, 0, 0, 0, ..] => Some("HTTP/2"),
        _ if first.starts_with(b"HTTP/") => Some("HTTP/1.x"),
        _ => Some("of some kind"),
    }
}

/// The chain that a peer has shown, with the names in its own certificate.
pub(super) fn chain_of(shown: &[CertificateDer<'static>]) -> CertificateChain {
    let chain = CertificateChain::new(shown.iter().map(|certificate| certificate.to_vec()).collect());
    let Some(Ok(leaf)) = shown.first().map(webpki::EndEntityCert::try_from) else { return chain };
    chain.names(leaf.valid_dns_names().map(str::to_owned), leaf.valid_uri_names().map(str::to_owned))
}

/// The first bytes that a peer has sent, for when they turn out to be no TLS. The rest passes through.
#[derive(Debug)]
pub(crate) struct Recorded<Io> {
    io: Io,
    first: [u8; RECORDED_BYTES],
    length: u8,
}

/// The head of a frame of HTTP/2, which is longer than the beginning of any status line.
const RECORDED_BYTES: usize = 9;

impl<Io> Recorded<Io> {
    fn new(io: Io) -> Self {
        Self { io, first: [0; RECORDED_BYTES], length: 0 }
    }

    fn first(&self) -> &[u8] {
        &self.first[..usize::from(self.length)]
    }

    fn record(&mut self, bytes: &[u8]) {
        for (place, byte) in self.first.iter_mut().skip(usize::from(self.length)).zip(bytes) {
            *place = *byte;
            self.length += 1;
        }
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Recorded<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        let result = Pin::new(&mut self.io).poll_read(cx, into);
        if usize::from(self.length) < RECORDED_BYTES {
            self.record(&into.filled()[before..]);
        }
        result
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Recorded<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/tls/connect.rs"]
mod tests;
