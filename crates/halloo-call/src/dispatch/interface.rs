//! The interface between what brings calls and what answers them.
//!
//! Drivers (HTTP/2, in process) bring an `IncomingCall` or an `HttpRequest`; a router answers with the future
//! that runs the handler. Neither knows the other's types.

use std::sync::Arc;

use crate::dispatch::handling::Handling;
use crate::dispatch::incoming::{HttpRequest, IncomingCall};
use crate::dispatch::placement::Placement;
use crate::dispatch::time_limits::TimeLimits;
use crate::exchange::ends::ResponderEnd;

/// Takes the calls that drivers bring.
pub trait Dispatch: Send + Sync + 'static {
    /// Finds the route of a request path such as `/greeter.Greeter/SayHello`. Drivers may keep the answer for
    /// as long as they hold this dispatch.
    fn find(&self, path: &str) -> Option<Route>;

    /// Returns where RPCs of `route` are answered.
    fn placement(&self, route: Option<Route>) -> &Arc<Placement>;

    /// Returns where requests that are not RPCs are answered.
    fn http_placement(&self) -> &Arc<Placement>;

    /// Returns the `grpc-accept-encoding` of responses: the compressions that requests may have. `None` if there is none; then
    /// replies are not compressed either, and nobody has to say what the client accepts.
    fn accepted_encodings(&self) -> Option<&Arc<str>> {
        None
    }

    /// Says whether any call may have time limits. A driver may ask once for as long as it holds this dispatch.
    fn limits_time(&self) -> bool {
        false
    }

    /// Returns how long calls of `route` may take, for drivers to enforce. They may keep the answer as that of
    /// [`find`](Self::find).
    fn time_limits(&self, route: Option<Route>) -> TimeLimits {
        let _ = route;
        TimeLimits::none()
    }

    /// Answers an RPC. `route` is what [`find`](Self::find) said of its path.
    fn respond(&self, route: Option<Route>, call: IncomingCall, responder: ResponderEnd) -> Handling;

    /// Answers a request that is not an RPC.
    fn respond_http(&self, request: HttpRequest, responder: ResponderEnd) -> Handling;
}

/// A route's number in its dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route(pub u32);
