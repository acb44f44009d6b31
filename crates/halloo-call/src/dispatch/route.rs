//! What a dispatch knows of a path: the one answer that holds everything a driver needs to begin a call.

use std::sync::Arc;

use crate::dispatch::placement::Placement;
use crate::dispatch::time_limits::TimeLimits;

/// The answer of a dispatch to a request path: whose method it is, and how its calls are run.
///
/// A driver asks once per path and may keep the route as long as it holds the dispatch.
#[derive(Debug, Default)]
pub struct Route {
    /// The method's number in its dispatch, which means nothing to drivers. `None`: no method has the path, and the calls
    /// bring it along ([`RareHead::unknown_path`](crate::RareHead::unknown_path)).
    pub method: Option<u32>,
    /// Where the calls are answered.
    pub placement: Placement,
    /// How long the calls may take, for drivers to enforce.
    pub time_limits: TimeLimits,
    /// The `grpc-accept-encoding` of responses: the compressions that requests may have. `None` if there is none; then
    /// replies are not compressed either, and what the client accepts need not be read.
    pub accepted_encodings: Option<Arc<str>>,
}
