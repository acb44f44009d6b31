//! Services as one tower service, for axum, hyper and whatever else speaks `http::Request`.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use halloo_call::{Allowance, Dispatch, exchange, log_failure};
use halloo_server::{Router, Services};
use http::StatusCode;
use http_body::Body;
use tower_service::Service;

use crate::BoxError;
use crate::call::ResponseFuture;
use crate::request::{carries_rpcs, http_request, names_other_hosts, rpc, rpc_subtype};
use crate::response::{ResponseBody, text, trailers_only};

const HTTP2_NEEDED: &str = "gRPC needs HTTP/2, and this request came with an older version. A proxy on the way has to \
    speak HTTP/2 to this server, too.\n";

const ONE_HOST: &str = "A request is for one host, and `host` beside `:authority` names the same.\n";

/// Makes a tower service of a service, or of a tuple of several.
///
/// ```
/// use greeter::{GreeterServer, MyGreeter};
///
/// let site: axum::Router = axum::Router::new()
///     .route("/health", axum::routing::get(|| async { "fine" }))
///     .fallback_service(halloo::tower::routes(GreeterServer::new(MyGreeter)));
/// ```
pub fn routes(services: impl Services) -> Routes {
    Router::new(services).into()
}

/// Answers gRPC calls as a tower service, over the same router as a [`Server`](halloo_server::Server).
///
/// It mounts into axum, by `axum::Router::fallback_service` or by a path such as `/greeter.Greeter/{*method}` with
/// `route_service` (not `nest_service`, which would cut the path short), and into any server that hands it
/// `http::Request`s and sends trailers. That server has to speak HTTP/2. Clones share the services.
///
/// Interceptors, limits and statistics are the router's; make the service of one that has them:
///
/// ```
/// use greeter::{GreeterServer, MyGreeter};
/// use halloo::{Router, tower};
///
/// let routes = tower::Routes::from(Router::new(GreeterServer::new(MyGreeter)).max_request_bytes(1024 * 1024));
/// ```
///
/// * **Metadata, deadline, cancellation** are as on a Halloo server: `grpc-timeout` is enforced, and a client that goes
///   away drops the handler.
/// * **Back-pressure** works both ways: a call keeps at most 64 KiB (and one message) for a handler that does not read,
///   and as much for a client that does not.
/// * **What layers have put into the request's extensions** is in the call's, as one value:
///   `request.extensions().get::<http::Extensions>()`.
/// * **The peer** is a [`Peer`](halloo_core::Peer) among the request's extensions, which a layer puts there; without
///   one its address is unknown.
/// * **Requests that are not RPCs** go to the router's fallback, which says 415 to a POST and 404 to most others. RPCs
///   that came by HTTP/1.x are told with 505 that they need HTTP/2.
///
/// Handlers run in the task that the HTTP server gave the request; where a router says they should run does not matter
/// here.
#[derive(Clone)]
pub struct Routes {
    dispatch: Arc<dyn Dispatch>,
}

impl Routes {
    pub(crate) fn new(dispatch: Arc<dyn Dispatch>) -> Self {
        Self { dispatch }
    }

    fn answer<B: Body<Data = Bytes>>(&self, request: http::Request<B>) -> ResponseFuture<B> {
        let (parts, body) = request.into_parts();
        if names_other_hosts(&parts) {
            return ResponseFuture::ready(text(StatusCode::BAD_REQUEST, ONE_HOST));
        }
        let subtype: Option<Cow<'static, str>> = rpc_subtype(&parts).map(|subtype| match subtype {
            "proto" => Cow::Borrowed("proto"),
            other => Cow::Owned(other.to_owned()),
        });
        let (caller, responder) = exchange();
        let Some(subtype) = subtype else {
            let handling = self.dispatch.respond_http(http_request(parts), responder);
            return ResponseFuture::running(caller, handling, body, None, Allowance::default());
        };
        if !carries_rpcs(parts.version) {
            return ResponseFuture::ready(text(StatusCode::HTTP_VERSION_NOT_SUPPORTED, HTTP2_NEEDED));
        }
        let head = rpc(parts, subtype.clone(), &*self.dispatch);
        if let Some(status) = &head.fault {
            log_failure(None, status);
            return ResponseFuture::ready(trailers_only(&subtype, status));
        }
        let handling = self.dispatch.respond(&head.route, head.incoming, responder);
        ResponseFuture::running(caller, handling, body, Some(subtype), head.allowance)
    }
}

impl From<Router> for Routes {
    fn from(router: Router) -> Self {
        Self::new(Arc::new(router))
    }
}

impl<B> Service<http::Request<B>> for Routes
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = http::Response<ResponseBody>;
    type Error = Infallible;
    type Future = ResponseFuture<B>;

    /// Always ready: how many calls run at a time is for the HTTP server to limit, or for a layer.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ResponseFuture<B> {
        self.answer(request)
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").finish_non_exhaustive()
    }
}
