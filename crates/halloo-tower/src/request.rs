//! Requests: `http::Request`s to what a dispatch takes, and back.
//!
//! What is an RPC and what is not, which faults of its head end it, and how its metadata is read are gRPC's rules
//! for HTTP (PROTOCOL-HTTP2, "Requests"); the words for them are `halloo-core`'s.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use halloo_call::{Allowance, Dispatch, Encodings, HttpRequest, IncomingCall, LazyMetadata, RareHead, ReadHead, Route};
use halloo_core::{Deadline, Extensions, Metadata, Peer, Status, Timeout, content_subtype};
use http::header::{CONTENT_TYPE, COOKIE, HOST, TE};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, Version};

use crate::clock::now;
use crate::relay::RequestBody;
use crate::response::{append_fields, append_metadata, content_type};

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
pub(crate) const GRPC_ENCODING: &str = "grpc-encoding";
pub(crate) const GRPC_ACCEPT_ENCODING: &str = "grpc-accept-encoding";

/// An RPC's head.
pub(crate) struct RpcRequest {
    pub(crate) route: Arc<Route>,
    pub(crate) incoming: IncomingCall,
    pub(crate) allowance: Allowance,
    /// Why it is answered without asking a handler.
    pub(crate) fault: Option<Status>,
}

/// Whether a head is an RPC's: POST, and a content type of gRPC's. Returns the codec's name.
pub(crate) fn rpc_subtype(parts: &Parts) -> Option<&str> {
    let content_type = parts.headers.get(CONTENT_TYPE)?;
    if parts.method == Method::POST { content_subtype(content_type.as_bytes()) } else { None }
}

/// Whether the way that a request came can carry an RPC: one needs trailers and both directions at once.
pub(crate) fn carries_rpcs(version: Version) -> bool {
    version >= Version::HTTP_2
}

/// Whether a request is for more than one host, or for another than its `:authority` (RFC 9112 section 3.2, RFC 9113
/// section 8.3.1, gRFC A41). HTTP/1.1 has it that an absolute target makes `host` mean nothing (RFC 9112 section 3.2.2).
pub(crate) fn names_other_hosts(parts: &Parts) -> bool {
    let mut hosts = parts.headers.get_all(HOST).iter();
    let Some(host) = hosts.next() else { return false };
    if hosts.next().is_some() || host.as_bytes().contains(&b',') {
        return true;
    }
    match parts.uri.authority() {
        Some(authority) if parts.version >= Version::HTTP_2 => {
            let default_port = match parts.uri.scheme_str() {
                Some("http") => Some(80),
                Some("https") => Some(443),
                _ => None,
            };
            let place = |of: &Authority| (of.host().to_ascii_lowercase(), of.port_u16().or(default_port));
            Authority::try_from(host.as_bytes()).map_or(true, |host| place(&host) != place(authority))
        }
        _ => false,
    }
}

/// Reads an RPC's head.
pub(crate) fn rpc(parts: Parts, subtype: Cow<'static, str>, dispatch: &dyn Dispatch) -> RpcRequest {
    // With what follows a `?`, as on a Halloo server: no method is called so.
    let path = parts.uri.path_and_query().map_or("", PathAndQuery::as_str);
    let route = Arc::clone(dispatch.find(path));
    // HTTP libraries leave white space around values, which PROTOCOL-HTTP2 allows.
    let field = |name: &str| parts.headers.get(name).map(|value| value.as_bytes().trim_ascii());
    let timeout = field(GRPC_TIMEOUT.as_str()).map(Timeout::parse).transpose();
    let fault = match &timeout {
        Err(error) => Some(Status::internal(format!("malformed grpc-timeout: {error}"))),
        Ok(_) => binary_fault(&parts.headers),
    };
    let accepted_encodings = route.accepted_encodings.clone();
    let accepted = field(GRPC_ACCEPT_ENCODING).filter(|_| accepted_encodings.is_some());
    let encodings = Encodings::of_fields(field(GRPC_ENCODING), accepted);
    let rare = RareHead {
        unknown_path: route.method.is_none().then(|| path.into()),
        subtype,
        accepted_encodings: accepted_encodings.filter(|_| encodings.is_some()),
        encodings,
    };
    let asked = timeout.ok().flatten().map(|timeout| Deadline::after(now(), timeout.duration()));
    let allowance = route.time_limits.allowance(asked, now());
    let incoming = IncomingCall {
        rare: rare.or_none(),
        deadline: allowance.deadline(),
        peer: peer_of(&parts.extensions),
        metadata: lazy_metadata(parts.headers),
        extensions: call_extensions(parts.extensions),
        arrived: None,
    };
    RpcRequest { route, incoming, allowance, fault }
}

/// Metadata is read when somebody looks, which is too late to say that a `-bin` value is not base64.
fn binary_fault(headers: &HeaderMap) -> Option<Status> {
    let has_binary = headers.keys().any(|name| name.as_str().ends_with("-bin"));
    if has_binary { read_metadata(headers).err() } else { None }
}

fn lazy_metadata(headers: HeaderMap) -> LazyMetadata {
    static READ: ReadHead = ReadHead {
        metadata: |headers| {
            let headers = headers.downcast_ref::<HeaderMap>();
            headers.map(|headers| read_metadata(headers).unwrap_or_default()).unwrap_or_default()
        },
        encoding: |headers| {
            let encoding = headers.downcast_ref::<HeaderMap>()?.get(GRPC_ENCODING)?;
            Some(String::from_utf8_lossy(encoding.as_bytes()).into())
        },
    };
    LazyMetadata::from_source(Arc::new(headers), &READ)
}

/// The metadata among the fields of a head or of trailers.
///
/// # Errors
/// INTERNAL for a `-bin` value that is not base64.
pub(crate) fn read_metadata(headers: &HeaderMap) -> Result<Metadata, Status> {
    let mut metadata = Metadata::new();
    for (name, value) in headers.iter().filter(|(name, _)| !Metadata::is_reserved(name.as_str().as_bytes())) {
        metadata
            .push_wire(name.as_str().as_bytes(), Bytes::copy_from_slice(value.as_bytes()))
            .map_err(|error| Status::internal(format!("malformed metadata: {error}")))?;
    }
    Ok(metadata)
}

/// Who calls: what a layer, or the server around this one, has said.
fn peer_of(extensions: &http::Extensions) -> Arc<Peer> {
    Arc::new(extensions.get::<Peer>().cloned().unwrap_or_else(Peer::unknown))
}

/// A call's extensions hold the request's as one value: an `http::Extensions` tells nobody what is in it.
fn call_extensions(from: http::Extensions) -> Extensions {
    let mut extensions = Extensions::new();
    if !from.is_empty() {
        extensions.insert(from);
    }
    extensions
}

/// A request that is not an RPC, as fallbacks see it. Its version, too, is among its extensions.
pub(crate) fn http_request(parts: Parts) -> HttpRequest {
    let peer = peer_of(&parts.extensions);
    let mut extensions = Extensions::new();
    extensions.insert(parts.version);
    extensions.insert(parts.extensions);
    let host = parts.headers.get(HOST).map(|host| Bytes::copy_from_slice(host.as_bytes()));
    let authority = parts.uri.authority().map(|authority| Bytes::copy_from_slice(authority.as_str().as_bytes()));
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let copy = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    HttpRequest {
        method: copy(parts.method.as_str()),
        scheme: copy(parts.uri.scheme_str().unwrap_or("http")),
        authority: authority.or(host).unwrap_or_default(),
        path: copy(path),
        headers: (parts.headers.iter())
            .filter(|(name, _)| **name != HOST)
            .map(|(name, value)| (copy(name.as_str()), Bytes::copy_from_slice(value.as_bytes())))
            .collect(),
        peer,
        extensions,
    }
}

/// An RPC that a driver brought, as HTTP carries it.
///
/// # Errors
/// UNIMPLEMENTED for a path that no URI has.
pub(crate) fn from_incoming(
    mut incoming: IncomingCall,
    body: RequestBody,
) -> Result<http::Request<RequestBody>, Status> {
    let path = incoming.unknown_path();
    let Some(uri) = Some(path).filter(|path| path.starts_with('/')).and_then(|path| Uri::try_from(path).ok()) else {
        return Err(Status::unimplemented(format!(
            "malformed method path {path:?}: expected `/package.Service/Method`"
        )));
    };
    let mut request = http::Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_2;
    *request.extensions_mut() = incoming.extensions.remove().unwrap_or_default();
    request.extensions_mut().insert(Peer::clone(&incoming.peer));
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, content_type(incoming.subtype()));
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if let Some(deadline) = incoming.deadline {
        let left = Timeout::encode(deadline.time_left(now()));
        headers.extend(HeaderValue::from_bytes(left.as_bytes()).ok().map(|value| (GRPC_TIMEOUT, value)));
    }
    for (name, value) in incoming.encodings().iter().flat_map(|encodings| encodings.fields()) {
        headers.extend(HeaderValue::from_str(value).ok().map(|value| (HeaderName::from_static(name), value)));
    }
    append_metadata(incoming.metadata.read(), headers);
    Ok(request)
}

/// A request that is not an RPC, as HTTP libraries have it; `None` if it is malformed.
pub(crate) fn from_http_request(mut from: HttpRequest, body: RequestBody) -> Option<http::Request<RequestBody>> {
    let mut request = http::Request::new(body);
    *request.method_mut() = Method::from_bytes(&from.method).ok()?;
    *request.version_mut() = from.extensions.remove().unwrap_or(Version::HTTP_2);
    *request.extensions_mut() = from.extensions.remove().unwrap_or_default();
    append_fields(&from.headers, request.headers_mut());
    join_cookies(request.headers_mut());
    let is_connect = request.method() == Method::CONNECT;
    let mut uri = http::uri::Parts::default();
    if !from.authority.is_empty() {
        // A service finds the authority where its own server would put it: HTTP/1.1 has it in `host`.
        if request.version() < Version::HTTP_2 && !is_connect {
            request.headers_mut().insert(HOST, HeaderValue::from_maybe_shared(from.authority).ok()?);
        } else {
            request.headers_mut().remove(HOST);
            uri.authority = Some(Authority::from_maybe_shared(from.authority).ok()?);
            uri.scheme = if is_connect { None } else { Some(Scheme::try_from(&*from.scheme).ok()?) };
        }
    }
    if !is_connect {
        let path = Some(from.path).filter(|path| path.starts_with(b"/") || **path == b"*"[..])?;
        uri.path_and_query = Some(PathAndQuery::from_maybe_shared(path).ok()?);
    }
    *request.uri_mut() = Uri::from_parts(uri).ok()?;
    request.extensions_mut().insert(Peer::clone(&from.peer));
    Some(request)
}

/// HTTP/2 may send a cookie in pieces, which other programs want as one (RFC 9113 section 8.2.3).
fn join_cookies(headers: &mut HeaderMap) {
    let mut pieces = headers.get_all(COOKIE).iter();
    if pieces.nth(1).is_none() {
        return;
    }
    let pieces: Vec<&[u8]> = headers.get_all(COOKIE).iter().map(HeaderValue::as_bytes).collect();
    if let Ok(mut whole) = HeaderValue::from_bytes(&pieces.join(&b"; "[..])) {
        whole.set_sensitive(true);
        headers.insert(COOKIE, whole);
    }
}
