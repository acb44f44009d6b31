//! The interface between what brings calls and what answers them.
//!
//! Drivers (HTTP/2, in process) bring an `IncomingCall` or an `HttpRequest`; a router answers with the future
//! that runs the handler. Neither knows the other's types.

use std::sync::Arc;

use crate::dispatch::handling::Handling;
use crate::dispatch::incoming::{HttpRequest, IncomingCall};
use crate::dispatch::route::Route;
use crate::exchange::ends::ResponderEnd;

/// Takes the calls that drivers bring.
pub trait Dispatch: Send + Sync + 'static {
    /// Finds the route of a request path such as `/greeter.Greeter/SayHello`. There is one for every path; those that no
    /// method has may share theirs.
    fn find(&self, path: &str) -> &Arc<Route>;

    /// Returns the route of requests that are not RPCs. Of it their placement counts, and nothing else.
    fn http_route(&self) -> &Arc<Route>;

    /// Answers an RPC. `route` is what [`find`](Self::find) returned for its path.
    fn respond(&self, route: &Route, call: IncomingCall, responder: ResponderEnd) -> Handling;

    /// Answers a request that is not an RPC.
    fn respond_http(&self, request: HttpRequest, responder: ResponderEnd) -> Handling;
}
