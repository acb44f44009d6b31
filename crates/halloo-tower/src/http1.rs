//! HTTP/1.1 on a Halloo server's port: connections that begin with it are hyper's, their requests the dispatch's.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use halloo_core::Peer;
use halloo_transport::{ByteStream, Http1, Http1Connection};
use http::header::HOST;
use http::{StatusCode, Version};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tower_service::Service as _;

use crate::call::ResponseFuture;
use crate::impatient::Impatient;
use crate::response::{ResponseBody, text};
use crate::routes::Routes;

/// Limits of connections that speak HTTP/1.1.
///
/// A request's body waits in at most 64 KiB for a service that does not read it; how long all of it may be, and how
/// long it may take, is for the service to limit (axum's extractors take 2 MB unless told otherwise).
///
/// ```
/// use std::time::Duration;
///
/// use halloo::tower::Http1Limits;
///
/// let mut limits = Http1Limits::default();
/// limits.head_timeout = Duration::from_secs(5);
/// assert_eq!(limits.max_head_bytes, 16 * 1024);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Http1Limits {
    /// How long a request's head may take, from the end of the request before it; so it also ends connections that
    /// are idle. Default: 30 seconds.
    pub head_timeout: Duration,
    /// How long a client may take nothing of a response, or of what it was upgraded to; then its connection ends.
    /// Default: 60 seconds, as over HTTP/2.
    pub stall_timeout: Duration,
    /// The largest head in bytes, request line and all; a larger one is answered with 431. Default: 16 KiB, as
    /// Halloo's header lists over HTTP/2.
    pub max_head_bytes: usize,
    /// The most fields of a head; more are answered with 431. Default: 100.
    pub max_fields: usize,
}

impl Default for Http1Limits {
    fn default() -> Self {
        Self {
            head_timeout: Duration::from_secs(30),
            stall_timeout: Duration::from_secs(60),
            max_head_bytes: 16 * 1024,
            max_fields: 100,
        }
    }
}

/// The least that hyper takes as the size of a connection's buffer.
const MIN_BUFFER_BYTES: usize = 8 * 1024;

/// RFC 9112 section 3.2.
const HOST_NEEDED: &str = "A request of HTTP/1.1 has to say for which host it is.\n";

/// Serves connections with hyper.
pub(crate) struct Http1Door {
    routes: Routes,
    builder: http1::Builder,
    stall_timeout: Duration,
}

impl Http1Door {
    pub(crate) fn new(routes: Routes, limits: &Http1Limits) -> Self {
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head_timeout)
            .max_header_size(limits.max_head_bytes)
            .max_headers(limits.max_fields)
            .max_buf_size(limits.max_head_bytes.max(MIN_BUFFER_BYTES));
        Self { routes, builder, stall_timeout: limits.stall_timeout }
    }
}

impl Http1 for Http1Door {
    fn serve(&self, io: Box<dyn ByteStream>, peer: Peer) -> Pin<Box<dyn Http1Connection>> {
        let service = PeerRoutes { routes: self.routes.clone(), peer };
        let io = TokioIo::new(Impatient::new(io, self.stall_timeout));
        let connection = self.builder.serve_connection(io, service).with_upgrades();
        Box::pin(Connection { connection: Box::pin(connection) })
    }
}

/// With upgrades, which a service asks for by answering 101.
type HyperConnection = http1::UpgradeableConnection<TokioIo<Impatient>, PeerRoutes>;

struct Connection {
    connection: Pin<Box<HyperConnection>>,
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.connection.as_mut().poll(cx).map(|ended| {
            if let Err(error) = ended {
                tracing::debug!(%error, "an HTTP/1.1 connection ended by an error");
            }
        })
    }
}

impl Http1Connection for Connection {
    fn shutdown(mut self: Pin<&mut Self>) {
        self.connection.as_mut().graceful_shutdown();
    }
}

/// Answers the requests of one connection.
struct PeerRoutes {
    routes: Routes,
    peer: Peer,
}

impl hyper::service::Service<http::Request<Incoming>> for PeerRoutes {
    type Response = http::Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture<Incoming>;

    fn call(&self, mut request: http::Request<Incoming>) -> ResponseFuture<Incoming> {
        if request.version() == Version::HTTP_11 && !request.headers().contains_key(HOST) {
            return ResponseFuture::ready(text(StatusCode::BAD_REQUEST, HOST_NEEDED));
        }
        request.extensions_mut().insert(self.peer.clone());
        self.routes.clone().call(request)
    }
}
