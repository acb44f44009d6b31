//! Heads of requests as drivers bring them: of RPCs, and of what is none.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use halloo_core::{Deadline, Extensions, Peer};

use crate::compression::Encodings;
use crate::exchange::head::LazyMetadata;

/// The head of an RPC as a driver brings it.
#[derive(Debug)]
pub struct IncomingCall {
    /// What most RPCs do not have.
    pub rare: Option<Arc<RareHead>>,
    /// The request's metadata.
    pub metadata: LazyMetadata,
    /// When the caller gives up.
    pub deadline: Option<Deadline>,
    /// Who calls.
    pub peer: Arc<Peer>,
    /// What interceptors and handler find among the call's extensions from the start.
    pub extensions: Extensions,
    /// All of the request's body, if it was there with the head. `None`: it is read from the exchange.
    pub arrived: Option<Bytes>,
}

/// What few RPCs have in their heads; apart, because heads are moved several times a call.
#[derive(Clone, Debug)]
pub struct RareHead {
    /// The request path, `/package.Service/Method`, if the dispatch has no route for it.
    pub unknown_path: Option<Box<str>>,
    /// What follows `application/grpc+` in the content type; `proto` if nothing does.
    pub subtype: Cow<'static, str>,
    /// What the request says of compression, if it says anything.
    pub encodings: Option<Arc<Encodings>>,
    /// The response's `grpc-accept-encoding`, for a request that speaks of compression.
    pub accepted_encodings: Option<Arc<str>>,
}

impl RareHead {
    /// The subtype of most heads.
    pub const DEFAULT_SUBTYPE: &'static str = "proto";

    /// Shares the rare parts; `None` if there are none.
    #[must_use]
    pub fn or_none(self) -> Option<Arc<Self>> {
        let is_usual = self.unknown_path.is_none() && self.subtype == Self::DEFAULT_SUBTYPE && self.encodings.is_none();
        (!is_usual).then(|| Arc::new(self))
    }

    /// Says whether the subtype is that of most heads.
    #[must_use]
    pub fn has_usual_subtype(&self) -> bool {
        self.subtype == Self::DEFAULT_SUBTYPE
    }

    /// The content-subtype of a head.
    #[must_use]
    pub fn subtype_of(rare: Option<&Arc<Self>>) -> &str {
        rare.map_or(Self::DEFAULT_SUBTYPE, |rare| &rare.subtype)
    }
}

impl IncomingCall {
    /// The request path if the dispatch has no route for it, else nothing.
    #[must_use]
    pub fn unknown_path(&self) -> &str {
        self.rare.as_ref().and_then(|rare| rare.unknown_path.as_deref()).unwrap_or_default()
    }

    /// What follows `application/grpc+` in the content type; `proto` if nothing does.
    #[must_use]
    pub fn subtype(&self) -> &str {
        RareHead::subtype_of(self.rare.as_ref())
    }

    /// Returns what the request says of compression, if it says anything.
    #[must_use]
    pub fn encodings(&self) -> Option<&Arc<Encodings>> {
        self.rare.as_ref()?.encodings.as_ref()
    }
}

/// Describes a request that is not an RPC. Its body is read from what answers it.
#[derive(Debug)]
pub struct HttpRequest {
    /// `GET`, `POST`, ...
    pub method: Bytes,
    /// `http` or `https`; empty for CONNECT.
    pub scheme: Bytes,
    /// Host and port, as the client named them: `:authority`, or else the field `host`.
    pub authority: Bytes,
    /// Path and query.
    pub path: Bytes,
    /// The other header fields, in order, names in lower case. `host` is not among them (gRFC A41).
    pub headers: Vec<(Bytes, Bytes)>,
    /// Who asks.
    pub peer: Arc<Peer>,
    /// What the way here has added.
    pub extensions: Extensions,
}
