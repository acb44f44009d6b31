//! A tower service as what answers a server's other requests, those that are not RPCs.

use std::fmt;
use std::pin::Pin;

use halloo_call::HttpRequest;
use halloo_server::{Fallback, HttpResponder};

use crate::relay::{RequestBody, call, send};
use crate::request::from_http_request;
use crate::service::HttpService;

/// Makes a tower service, such as an `axum::Router`, the [`Fallback`] of a router or of a server.
///
/// [`ServerExt::http`](crate::ServerExt::http) does the same for a server, and adds HTTP/1.1.
///
/// ```
/// use greeter::{GreeterServer, MyGreeter};
/// use halloo::{Router, tower};
///
/// let pages = axum::Router::new().route("/health", axum::routing::get(|| async { "fine" }));
/// let router = Router::new(GreeterServer::new(MyGreeter)).fallback(tower::fallback(pages));
/// ```
///
/// The service finds the client's [`Peer`](halloo_core::Peer) among the request's extensions. A service that fails
/// instead of answering makes it 503; a body that fails resets the stream.
pub fn fallback<S: HttpService>(service: S) -> ServiceFallback<S> {
    ServiceFallback { service }
}

/// Answers requests that are not RPCs by a tower service; see [`fallback`].
#[derive(Clone)]
pub struct ServiceFallback<S> {
    service: S,
}

impl<S: HttpService> Fallback for ServiceFallback<S> {
    fn respond(&self, request: HttpRequest, responder: HttpResponder) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(answer(self.service.clone(), request, responder))
    }
}

async fn answer<S: HttpService>(service: S, request: HttpRequest, responder: HttpResponder) {
    let Some(request) = from_http_request(request, RequestBody::new(responder.link().clone())) else {
        return responder.text(400, "The request's target or its fields are malformed.\n").await;
    };
    match call(service, request).await {
        Ok(response) => match send(response, responder.link()).await {
            Ok(trailers) => responder.finish_with_trailers(trailers),
            // Dropping the responder resets the stream.
            Err(status) => tracing::debug!(%status, "a response broke off"),
        },
        Err(error) => {
            tracing::warn!(error, "a service failed instead of answering");
            responder.text(503, "The service is not available.\n").await;
        }
    }
}

impl<S> fmt::Debug for ServiceFallback<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceFallback").finish_non_exhaustive()
    }
}
