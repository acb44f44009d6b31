//! The interface between what brings calls and what answers them: heads, and who takes a call.
//!
//! Drivers (HTTP/2, in process) bring an `IncomingCall` or an `HttpRequest`; a router answers with the future
//! that runs the handler. Neither knows the other's types.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use halloo_core::{Deadline, Metadata, MethodDescriptor, Peer};

use crate::call::{Call, LazyMetadata};
use crate::exchange::ResponderEnd;
use crate::placement::Placement;

/// Takes the calls that drivers bring.
pub trait Dispatch: Send + Sync + 'static {
    /// Finds the route of a request path such as `/greeter.Greeter/SayHello`. Drivers may keep the answer for
    /// as long as they hold this dispatch.
    fn find(&self, path: &str) -> Option<Route>;

    /// Answers an RPC. `route` is what [`find`](Self::find) said of its path.
    fn respond(&self, route: Option<Route>, call: IncomingCall, responder: ResponderEnd) -> Handling;

    /// Answers a request that is not an RPC.
    fn respond_http(&self, request: HttpRequest, responder: ResponderEnd) -> Handling;
}

/// A route's number in its dispatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route(pub u32);

/// The head of an RPC as a driver brings it.
#[derive(Debug)]
pub struct IncomingCall {
    /// The request path, `/package.Service/Method`, if the dispatch has no route for it.
    pub unknown_path: Option<Box<str>>,
    /// What follows `application/grpc+` in the content type; `proto` if nothing does.
    pub subtype: Cow<'static, str>,
    /// The request's `grpc-encoding`, unless it is `identity`.
    pub encoding: Option<Box<str>>,
    /// The request's metadata.
    pub metadata: LazyMetadata,
    /// When the caller gives up.
    pub deadline: Option<Deadline>,
    /// Who calls.
    pub peer: Arc<Peer>,
}

/// The head of an RPC as a client hands it to a connection.
#[derive(Debug)]
pub struct OutgoingCall {
    /// The method.
    pub method: &'static MethodDescriptor,
    /// The codec's content-subtype.
    pub subtype: &'static str,
    /// The call's facts: metadata and deadline.
    pub call: Call,
}

/// Something that can carry an RPC to a responder: a connection, or a router in the same process.
pub trait Carry: Send + Sync + 'static {
    /// Starts the call.
    ///
    /// # Errors
    /// Gives call and responder back untouched if this carrier takes no more calls.
    fn start(&self, call: OutgoingCall, responder: ResponderEnd) -> Result<(), Refused>;
}

/// A call that a carrier did not take; the peer has not seen it.
#[derive(Debug)]
pub struct Refused {
    /// The call's head.
    pub call: Box<OutgoingCall>,
    /// The responding end of the call.
    pub responder: ResponderEnd,
}

/// A request that is not an RPC.
#[derive(Debug)]
pub struct HttpRequest {
    /// `GET`, `POST`, ...
    pub method: Bytes,
    /// `http` or `https`; empty for CONNECT.
    pub scheme: Bytes,
    /// Host and port, as the client named them.
    pub authority: Bytes,
    /// Path and query.
    pub path: Bytes,
    /// The other header fields, in order, names in lower case.
    pub headers: Vec<(Bytes, Bytes)>,
    /// Who asks.
    pub peer: Arc<Peer>,
}

/// The head of a response.
#[derive(Debug)]
pub enum ResponseHead {
    /// An RPC's initial metadata.
    Rpc(LazyMetadata),
    /// The answer to a request that is not an RPC.
    Http {
        /// The status code, 200 to 599.
        status: u16,
        /// The header fields; names in lower case.
        headers: Vec<(Bytes, Bytes)>,
    },
}

impl ResponseHead {
    /// An RPC's head with `metadata`.
    #[must_use]
    pub fn rpc(metadata: Metadata) -> Self {
        Self::Rpc(metadata.into())
    }
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self::Rpc(LazyMetadata::default())
    }
}

/// The work of answering one call. It ends the exchange itself; its output carries nothing.
pub struct Handling {
    /// Runs the handler to its end.
    pub future: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Where it runs; shared by all calls of the method.
    pub placement: Arc<Placement>,
}

impl fmt::Debug for Handling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handling").field("placement", &self.placement).finish_non_exhaustive()
    }
}
