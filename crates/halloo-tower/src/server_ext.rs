//! What a Halloo server has with tower: pages beside RPCs, HTTP/1.1, layers.

use std::sync::Arc;

use halloo_server::Server;
use tower_layer::Layer;

use crate::fallback::fallback;
use crate::http1::{Http1Door, Http1Limits};
use crate::layered::Layered;
use crate::routes::Routes;
use crate::service::HttpService;

/// Lets tower services answer HTTP on a Halloo server.
///
/// ```
/// use greeter::{GreeterServer, MyGreeter};
/// use halloo::Server;
/// use halloo::tower::ServerExt as _;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let pages = axum::Router::new().route("/health", axum::routing::get(|| async { "fine" }));
/// let server = Server::bind("127.0.0.1:0").await?.http(pages);
/// # let server = server.shutdown_on(std::future::ready(()));
/// server.serve(GreeterServer::new(MyGreeter)).await
/// # }
/// ```
pub trait ServerExt: Sized {
    /// Lets `service`, such as an `axum::Router`, answer what is not an RPC, over HTTP/2 and over HTTP/1.1 on the
    /// same port.
    ///
    /// RPCs take the same fast way as without it. See [`fallback`] for what the service gets, and
    /// [`http1`](Self::http1) for the limits of HTTP/1.1.
    #[must_use]
    fn http(self, service: impl HttpService) -> Self;

    /// Speaks HTTP/1.1 with clients that begin with it. The server's fallback answers their requests.
    ///
    /// Such connections count towards the server's limit of connections, and drain with it: one that is idle is
    /// closed, one with a request under way after its response.
    #[must_use]
    fn http1(self, limits: Http1Limits) -> Self;

    /// Puts a tower layer around everything that the server answers: RPCs, and all other requests.
    ///
    /// It costs every RPC the fast way: a head becomes an `http::Request`, travels through the layers as in an HTTP
    /// server, and comes back. For what concerns RPCs alone an interceptor costs less and knows more. Several layers
    /// go into one `tower::ServiceBuilder`.
    ///
    /// A layer sees the path, the metadata as header fields, `content-type`, `grpc-timeout` and the
    /// [`Peer`](halloo_core::Peer) among the extensions; what it puts into the extensions reaches the handler (see
    /// [`Routes`]). What it answers itself reaches the client as it is: give an RPC a status, by the header fields
    /// `content-type: application/grpc` and `grpc-status`, or any HTTP response, which its client will find a code for.
    /// One that fails makes it UNAVAILABLE.
    #[must_use]
    fn layer(self, layer: impl Layer<Routes, Service: HttpService> + Send + 'static) -> Self;
}

impl ServerExt for Server {
    fn http(self, service: impl HttpService) -> Self {
        self.fallback(fallback(service)).http1(Http1Limits::default())
    }

    fn http1(self, limits: Http1Limits) -> Self {
        self.http1_door(move |dispatch| Arc::new(Http1Door::new(Routes::new(dispatch), &limits)))
    }

    fn layer(self, layer: impl Layer<Routes, Service: HttpService> + Send + 'static) -> Self {
        self.wrap_dispatch(move |dispatch| Arc::new(Layered::new(dispatch, &layer)))
    }
}
