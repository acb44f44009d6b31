//! A server's calls through tower layers: exchange to `http::Request`, through the layers, and back.
//!
//! The layers stand around [`Routes`], whose dispatch is what the server would have asked itself.

use std::pin::Pin;
use std::sync::Arc;

use halloo_call::{
    Dispatch, Execution, Handling, HttpRequest, IncomingCall, Outcome, Placement, ResponderEnd, Route, log_failure,
};
use halloo_core::{Origin, Status};

use crate::relay::{RequestBody, call, layer_status, send};
use crate::request::{from_http_request, from_incoming};
use crate::routes::Routes;
use crate::service::HttpService;

/// A dispatch whose calls take the way through a tower service.
pub(crate) struct Layered<S> {
    service: S,
    rpcs: Arc<Route>,
    others: Arc<Route>,
}

impl<S> Layered<S> {
    /// Puts `layer` around `dispatch`.
    pub(crate) fn new(dispatch: Arc<dyn Dispatch>, layer: &impl tower_layer::Layer<Routes, Service = S>) -> Self {
        // Limits of time are applied behind the layers, where each method's are known. No method has the empty path.
        let accepted_encodings = dispatch.find("").accepted_encodings.clone();
        Self {
            service: layer.layer(Routes::new(dispatch)),
            rpcs: Arc::new(Route { accepted_encodings, ..Route::default() }),
            others: Arc::new(Route { placement: Placement::new(Execution::Spawn), ..Route::default() }),
        }
    }
}

impl<S: HttpService> Dispatch for Layered<S> {
    /// Layers see paths, and what is behind them finds the route.
    fn find(&self, _: &str) -> &Arc<Route> {
        &self.rpcs
    }

    fn http_route(&self) -> &Arc<Route> {
        &self.others
    }

    fn respond(&self, _: &Route, mut incoming: IncomingCall, responder: ResponderEnd) -> Handling {
        responder.supply_request(incoming.arrived.take());
        match from_incoming(incoming, RequestBody::new(responder.clone())) {
            Ok(request) => Handling::http(Box::pin(answer(self.service.clone(), request, Unanswered(Some(responder))))),
            Err(status) => Handling::refused(&responder, None, status),
        }
    }

    fn respond_http(&self, request: HttpRequest, responder: ResponderEnd) -> Handling {
        let answer: Pin<Box<dyn Future<Output = ()> + Send>> =
            match from_http_request(request, RequestBody::new(responder.clone())) {
                Some(request) => Box::pin(answer_http(self.service.clone(), request, responder)),
                // Dropping the responder resets the stream.
                None => Box::pin(async move { drop(responder) }),
            };
        Handling::http(answer)
    }
}

async fn answer<S: HttpService>(service: S, request: http::Request<RequestBody>, unanswered: Unanswered) {
    let outcome = match (call(service, request).await, &unanswered.0) {
        (Ok(response), Some(responder)) => send(response, responder).await,
        (Ok(_), None) => return,
        (Err(error), _) => Err(layer_status(error)),
    };
    // What came through the layers as a status is in the log already, or is a layer's own answer.
    if let Err(status) = &outcome
        && status.origin() == Origin::Local
    {
        log_failure(None, status);
    }
    unanswered.finish(outcome);
}

async fn answer_http<S: HttpService>(service: S, request: http::Request<RequestBody>, responder: ResponderEnd) {
    let outcome = match call(service, request).await {
        Ok(response) => send(response, &responder).await,
        Err(error) => Err(layer_status(error)),
    };
    responder.finish(outcome);
}

/// An RPC's responder, which says so when a layer panics.
struct Unanswered(Option<ResponderEnd>);

impl Unanswered {
    fn finish(mut self, outcome: Outcome) {
        if let Some(responder) = self.0.take() {
            responder.finish(outcome);
        }
    }
}

impl Drop for Unanswered {
    fn drop(&mut self) {
        if let Some(responder) = self.0.take()
            && std::thread::panicking()
        {
            responder.finish(Err(Status::unknown("the server failed while handling this call")));
        }
    }
}
