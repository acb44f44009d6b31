//! Request heads off the wire (server side): what is an RPC, what is not, what is malformed.
//!
//! A head is parsed once a distinct header block: a block that the peer repeats comes back from the engine as
//! the same list, and what was parsed is attached to it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use halloo_call::{Dispatch, Encodings, HttpRequest, LazyMetadata, RareHead, ReadHead, Route};
use halloo_core::{Extensions, Metadata, Peer, Status, Timeout, content_subtype};
use halloo_http2::{Connection, EntryId, HeaderList};

/// A request as its header block describes it.
#[derive(Debug)]
pub(crate) enum RequestHead {
    Rpc(RpcHead),
    Http(RouteIndex, Box<HttpRequest>),
}

/// A route's index in the [`HeadReader`] of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RouteIndex(u32);

/// What an RPC's header block says, without the values that need a clock.
#[derive(Clone, Debug)]
pub(crate) struct RpcHead {
    pub(crate) route: RouteIndex,
    pub(crate) rare: Option<Arc<RareHead>>,
    /// What the client wants, within the server's limits.
    pub(crate) timeout: Option<Duration>,
    /// Why it is answered without asking anybody.
    pub(crate) fault: Option<Status>,
}

/// Reads the request heads of one connection.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    /// The routes of the requests so far, at most as many as the dispatch has. Heads and calls carry an index, which
    /// costs them no count of references.
    routes: Vec<Arc<Route>>,
    /// The path that was asked for last, as an entry of the compression table. All requests of one read are decoded
    /// before the first is looked at, so that the tag which that entry gets comes too late for the others.
    latest_path: Option<(EntryId, RouteIndex)>,
}

impl HeadReader {
    /// Returns the route that a head of this connection has.
    #[inline]
    pub(crate) fn route(&self, index: RouteIndex) -> &Arc<Route> {
        &self.routes[index.0 as usize]
    }

    /// Reads a request's header block, asking `dispatch` for the route of a path it has not seen.
    pub(crate) fn read(
        &mut self,
        fields: &Arc<HeaderList>,
        dispatch: &dyn Dispatch,
        engine: &mut Connection,
        peer: &Arc<Peer>,
    ) -> RequestHead {
        if let Some(head) = fields.attachment().and_then(|attached| attached.downcast_ref::<RpcHead>()) {
            return RequestHead::Rpc(head.clone());
        }
        let seen = scan(fields);
        let subtype = match seen.content_type.and_then(content_subtype) {
            Some(subtype) if seen.method == b"POST" => subtype,
            _ => {
                let request = Box::new(http_request(fields, peer));
                return RequestHead::Http(self.keep(dispatch.http_route()), request);
            }
        };
        let route = self.find_route(&seen, dispatch, engine);
        let head = self.rpc_head(fields, &seen, subtype, route);
        if fields.may_return() {
            fields.set_attachment(Arc::new(head.clone()));
        }
        RequestHead::Rpc(head)
    }

    /// The compression table remembers, beside a path that the peer put there, which route it is (0: not asked yet).
    fn find_route(&mut self, seen: &Seen<'_>, dispatch: &dyn Dispatch, engine: &mut Connection) -> RouteIndex {
        if let Some(index) = seen.path_tag.checked_sub(1) {
            return RouteIndex(index);
        }
        if let (Some(entry), Some((latest, route))) = (seen.path_entry, self.latest_path)
            && entry == latest
        {
            return route;
        }
        // No method has a path that is not text, nor an empty one.
        let route = self.keep(dispatch.find(std::str::from_utf8(seen.path).unwrap_or_default()));
        if let Some(entry) = seen.path_entry {
            engine.set_tag(entry, route.0.saturating_add(1));
            self.latest_path = Some((entry, route));
        }
        route
    }

    /// Keeps a route, once. A search, but only for paths that are new and for requests that are not RPCs.
    fn keep(&mut self, route: &Arc<Route>) -> RouteIndex {
        let index = self.routes.iter().position(|known| Arc::ptr_eq(known, route)).unwrap_or_else(|| {
            self.routes.push(Arc::clone(route));
            self.routes.len() - 1
        });
        // A dispatch has fewer routes than that.
        RouteIndex(u32::try_from(index).unwrap_or(u32::MAX))
    }

    fn rpc_head(&self, fields: &Arc<HeaderList>, seen: &Seen<'_>, subtype: &str, index: RouteIndex) -> RpcHead {
        let route = self.route(index);
        let path = || String::from_utf8_lossy(seen.path).into_owned();
        let timeout = seen.timeout.map(Timeout::parse).transpose();
        let fault = if !seen.path.starts_with(b"/") {
            Some(Status::unimplemented(format!("malformed method path {:?}: it does not begin with `/`", path())))
        } else if let Err(error) = &timeout {
            Some(Status::internal(format!("malformed grpc-timeout: {error}")))
        } else if seen.has_binary {
            read_metadata(fields).err()
        } else {
            None
        };
        // What the client accepts is of interest only if replies may be compressed.
        let accepted = route.accepted_encodings.as_ref();
        let encodings = Encodings::of_fields(seen.encoding, seen.accept_encoding.filter(|_| accepted.is_some()));
        let is_usual = route.method.is_some() && subtype == RareHead::DEFAULT_SUBTYPE && encodings.is_none();
        let rare = || {
            Arc::new(RareHead {
                unknown_path: route.method.is_none().then(|| path().into_boxed_str()),
                subtype: Cow::Owned(subtype.to_owned()),
                accepted_encodings: accepted.filter(|_| encodings.is_some()).cloned(),
                encodings,
            })
        };
        let asked = timeout.ok().flatten().map(Timeout::duration);
        let timeout = route.time_limits.timeout(asked);
        RpcHead { route: index, rare: (!is_usual).then(rare), timeout, fault }
    }
}

/// The names that the protocol itself reads, as the engine tells them ([`Config::name_class`]).
mod class {
    pub(super) const METHOD: u8 = 1;
    pub(super) const PATH: u8 = 2;
    pub(super) const CONTENT_TYPE: u8 = 3;
    pub(super) const TIMEOUT: u8 = 4;
    pub(super) const ENCODING: u8 = 5;
    pub(super) const BINARY: u8 = 6;
    pub(super) const ACCEPT_ENCODING: u8 = 7;
}

/// Sorts the names of received fields for [`HeadReader`].
///
/// [`Config::name_class`]: halloo_http2::Config::name_class
pub(crate) fn name_class(name: &[u8]) -> u8 {
    match name {
        b":method" => class::METHOD,
        b":path" => class::PATH,
        b"content-type" => class::CONTENT_TYPE,
        b"grpc-timeout" => class::TIMEOUT,
        b"grpc-encoding" => class::ENCODING,
        b"grpc-accept-encoding" => class::ACCEPT_ENCODING,
        _ if name.ends_with(b"-bin") => class::BINARY,
        _ => 0,
    }
}

/// Whether a received list may have white space around its values ([`Config::allows_padding`]): the head of an RPC, as
/// PROTOCOL-HTTP2 has metadata ("ASCII-Value should not have leading or trailing whitespace. If it contains
/// leading or trailing whitespace, it may be stripped"). A request that is not one is HTTP, which knows no such values.
///
/// The content type decides which it is, so it has to be as it should.
///
/// [`Config::allows_padding`]: halloo_http2::Config::allows_padding
pub(crate) fn allows_padding(fields: &HeaderList) -> bool {
    let seen = scan(fields);
    let content_type = seen.content_type.filter(|value| value.trim_ascii().len() == value.len());
    seen.method == b"POST" && content_type.and_then(content_subtype).is_some()
}

/// The fields that the protocol itself reads.
#[derive(Default)]
struct Seen<'a> {
    method: &'a [u8],
    path: &'a [u8],
    path_entry: Option<EntryId>,
    path_tag: u32,
    content_type: Option<&'a [u8]>,
    timeout: Option<&'a [u8]>,
    encoding: Option<&'a [u8]>,
    accept_encoding: Option<&'a [u8]>,
    has_binary: bool,
}

fn scan(fields: &HeaderList) -> Seen<'_> {
    let mut seen = Seen::default();
    for field in fields.classified() {
        match field.class {
            class::METHOD => seen.method = field.value,
            class::PATH => {
                seen.path = field.value;
                seen.path_entry = field.entry;
                seen.path_tag = field.tag;
            }
            class::CONTENT_TYPE => seen.content_type = Some(field.value),
            class::TIMEOUT => seen.timeout = Some(field.value),
            class::ENCODING => seen.encoding = Some(field.value),
            class::ACCEPT_ENCODING => seen.accept_encoding = Some(field.value),
            class::BINARY => seen.has_binary = true,
            _ => {}
        }
    }
    seen
}

/// The metadata of a block, to be built when somebody looks.
pub(crate) fn lazy_metadata(fields: Arc<HeaderList>) -> LazyMetadata {
    // A block with a malformed `-bin` value was refused before anybody could ask for its metadata.
    static READ: ReadHead = ReadHead {
        metadata: |fields| {
            let fields = fields.downcast_ref::<HeaderList>();
            fields.map(|fields| read_metadata(fields).unwrap_or_default()).unwrap_or_default()
        },
        encoding: |fields| {
            let encoding = fields.downcast_ref::<HeaderList>()?.find(b"grpc-encoding")?;
            Some(String::from_utf8_lossy(encoding).into())
        },
    };
    LazyMetadata::from_source(fields, &READ)
}

/// The metadata among the fields of a block.
///
/// # Errors
/// INTERNAL for a `-bin` value that is not base64.
pub(crate) fn read_metadata(fields: &HeaderList) -> Result<Metadata, Status> {
    let mut metadata = Metadata::new();
    for field in fields.iter().filter(|field| !Metadata::is_reserved(field.name)) {
        metadata
            .push_wire(field.name, Bytes::copy_from_slice(field.value))
            .map_err(|error| Status::internal(format!("malformed metadata: {error}")))?;
    }
    Ok(metadata)
}

fn http_request(fields: &HeaderList, peer: &Arc<Peer>) -> HttpRequest {
    let mut request = HttpRequest {
        method: Bytes::new(),
        scheme: Bytes::new(),
        authority: Bytes::new(),
        path: Bytes::new(),
        headers: Vec::with_capacity(fields.len()),
        peer: Arc::clone(peer),
        extensions: Extensions::new(),
    };
    let mut host = Bytes::new();
    for field in fields.iter() {
        let value = Bytes::copy_from_slice(field.value);
        match field.name {
            b":method" => request.method = value,
            b":scheme" => request.scheme = value,
            b":authority" => request.authority = value,
            b":path" => request.path = value,
            // It is the authority where there is no other, and else the same (RFC 9113 section 8.3.1, gRFC A41).
            b"host" => host = value,
            name => request.headers.push((Bytes::copy_from_slice(name), value)),
        }
    }
    if request.authority.is_empty() {
        request.authority = host;
    }
    request
}
