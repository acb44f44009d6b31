//! Responses: heads, ends and bodies of a call as `http::Response`s, and metadata as header fields, and back.
//!
//! A response that fails before it said anything is one head without a body (Trailers-Only); any other RPC's ends in
//! trailers (PROTOCOL-HTTP2, "Responses").

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use halloo_call::{CallerEnd, Interest, Outcome, ResponseHead, ResponseProgress};
use halloo_core::{Code, Metadata, Status};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body::{Body, Frame, SizeHint};

use crate::request::read_metadata;

const OK: HeaderValue = HeaderValue::from_static("0");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// What a call has answered so far.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    chunks: Chunks,
    outcome: Option<Outcome>,
}

impl Answered {
    /// Takes what there is, and the head if it has come.
    pub(crate) fn take(&mut self, caller: &CallerEnd) -> Option<ResponseHead> {
        let progress = caller.collect(None, true, |chunk| self.chunks.push(chunk));
        self.note(progress)
    }

    /// As [`take`](Self::take), waiting for something that is news.
    pub(crate) fn poll(&mut self, caller: &CallerEnd, cx: &Context<'_>) -> Poll<Option<ResponseHead>> {
        let chunks = &mut self.chunks;
        let progress = ready!(caller.poll_response(cx, Interest::Any, |chunk| chunks.push(chunk)));
        Poll::Ready(self.note(progress))
    }

    fn note(&mut self, progress: ResponseProgress) -> Option<ResponseHead> {
        if progress.outcome.is_some() {
            self.outcome = progress.outcome;
        }
        progress.head
    }

    pub(crate) fn is_over(&self) -> bool {
        self.outcome.is_some()
    }
}

/// Bytes that wait to be sent. Most responses are one chunk, and a queue would cost an allocation.
#[derive(Debug, Default)]
struct Chunks {
    first: Option<Bytes>,
    rest: VecDeque<Bytes>,
}

impl Chunks {
    fn push(&mut self, chunk: Bytes) {
        if self.first.is_none() {
            self.first = Some(chunk);
        } else {
            self.rest.push_back(chunk);
        }
    }

    fn pop(&mut self) -> Option<Bytes> {
        std::mem::replace(&mut self.first, self.rest.pop_front())
    }
}

/// The response of a call whose head has come, or which has ended without one. `subtype` is that of an RPC.
pub(crate) fn response(
    subtype: Option<&str>,
    head: Option<ResponseHead>,
    answered: Answered,
    caller: CallerEnd,
) -> http::Response<ResponseBody> {
    let mut response = http::Response::new(ResponseBody::default());
    let is_rpc = match (head, &answered.outcome, subtype) {
        (Some(ResponseHead::Http { status, headers }), ..) => {
            *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            append_fields(&headers, response.headers_mut());
            false
        }
        (Some(ResponseHead::Rpc(metadata)), _, subtype) => {
            set_rpc_head(subtype.unwrap_or("proto"), metadata.read(), response.headers_mut());
            true
        }
        (None, Some(Err(status)), Some(subtype)) => {
            return trailers_only(subtype, status);
        }
        (None, _, Some(subtype)) => {
            set_rpc_head(subtype, &Metadata::new(), response.headers_mut());
            true
        }
        (None, _, None) => {
            // Nobody has answered a request that is not an RPC.
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            return response;
        }
    };
    *response.body_mut() = ResponseBody { state: State::Open { answered, caller, is_rpc } };
    response
}

/// A failed RPC as one head.
pub(crate) fn trailers_only(subtype: &str, status: &Status) -> http::Response<ResponseBody> {
    let mut response = http::Response::new(ResponseBody::default());
    set_rpc_head(subtype, &Metadata::new(), response.headers_mut());
    append_status(status, response.headers_mut());
    response
}

/// A short answer to what is not an RPC.
pub(crate) fn text(status: StatusCode, text: &'static str) -> http::Response<ResponseBody> {
    let mut response = http::Response::new(ResponseBody { state: State::Text(text) });
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn set_rpc_head(subtype: &str, metadata: &Metadata, headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, content_type(subtype));
    append_metadata(metadata, headers);
}

/// The content type of an RPC whose codec is `subtype`.
pub(crate) fn content_type(subtype: &str) -> HeaderValue {
    let plain = HeaderValue::from_static("application/grpc");
    if subtype == "proto" {
        return plain;
    }
    // A subtype has the characters of a media type's name.
    HeaderValue::try_from(format!("application/grpc+{subtype}")).unwrap_or(plain)
}

/// The trailers of an RPC.
fn trailers(outcome: &Outcome) -> HeaderMap {
    let mut fields = HeaderMap::new();
    match outcome {
        Ok(metadata) => {
            fields.insert(GRPC_STATUS, OK);
            append_metadata(metadata, &mut fields);
        }
        Err(status) => append_status(status, &mut fields),
    }
    fields
}

fn append_status(status: &Status, headers: &mut HeaderMap) {
    status.write_fields(|name, value| {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.insert(HeaderName::from_static(name), value);
        }
    });
    append_metadata(status.metadata(), headers);
}

/// Adds metadata as it travels.
pub(crate) fn append_metadata(metadata: &Metadata, headers: &mut HeaderMap) {
    for (name, value) in metadata.wire_iter() {
        // Both have passed stricter rules than HTTP's when the metadata was made.
        let (Ok(name), Ok(mut value)) = (HeaderName::try_from(name), HeaderValue::from_bytes(&value)) else { continue };
        value.set_sensitive(Metadata::is_secret(name.as_str().as_bytes()));
        // A map takes 32 768 fields; what comes off a wire has far fewer.
        let _ = headers.try_append(name, value);
    }
}

/// Adds fields of a message that is not an RPC's, without white space around their values (RFC 9113 section 8.2.1); those
/// that HTTP does not allow are left out.
pub(crate) fn append_fields(fields: &[(Bytes, Bytes)], headers: &mut HeaderMap) {
    for (name, value) in fields {
        let value = value.slice_ref(value.trim_ascii());
        if let (Ok(name), Ok(mut value)) = (HeaderName::from_bytes(name), HeaderValue::from_maybe_shared(value)) {
            value.set_sensitive(Metadata::is_secret(name.as_str().as_bytes()));
            let _ = headers.try_append(name, value);
        }
    }
}

/// How a call ended, by the trailers (or the only head) of a response.
pub(crate) fn outcome(trailers: &HeaderMap) -> Outcome {
    let Some(code) = trailers.get(GRPC_STATUS) else {
        return Err(Status::unknown("the call ended without a grpc-status"));
    };
    let code = Code::from_field(code.as_bytes());
    let metadata = read_metadata(trailers)?;
    if code == Code::Ok {
        return Ok(metadata);
    }
    Err(Status::from_fields(code, |name| trailers.get(name).map(HeaderValue::as_bytes), metadata))
}

/// Yields the body of a response: its messages, and its status as trailers.
///
/// It reads from the call as fast as it is polled: what a handler writes waits in at most 64 KiB (and one message)
/// until then. Dropping it before its end cancels the call.
pub struct ResponseBody {
    state: State,
}

enum State {
    Open { answered: Answered, caller: CallerEnd, is_rpc: bool },
    Text(&'static str),
    Ended,
}

/// An empty body: what a layer answers with that stops a request.
impl Default for ResponseBody {
    fn default() -> Self {
        Self { state: State::Ended }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    /// # Errors
    /// Only for what is not an RPC: the status that its answer broke off with.
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let (answered, caller, is_rpc) = match &mut self.state {
            State::Ended => return Poll::Ready(None),
            State::Text(text) => {
                let frame = Frame::data(Bytes::from_static(text.as_bytes()));
                self.state = State::Ended;
                return Poll::Ready(Some(Ok(frame)));
            }
            State::Open { answered, caller, is_rpc } => (answered, caller, *is_rpc),
        };
        loop {
            if let Some(chunk) = answered.chunks.pop() {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            if let Some(outcome) = answered.outcome.take() {
                self.state = State::Ended;
                return Poll::Ready(last_frame(outcome, is_rpc));
            }
            ready!(answered.poll(caller, cx));
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            // An exact size would become a content-length, which RPCs do not have.
            State::Open { .. } => SizeHint::default(),
            State::Text(text) => SizeHint::with_exact(text.len() as u64),
            State::Ended => SizeHint::with_exact(0),
        }
    }
}

fn last_frame(outcome: Outcome, is_rpc: bool) -> Option<Result<Frame<Bytes>, Status>> {
    if is_rpc {
        return Some(Ok(Frame::trailers(trailers(&outcome))));
    }
    match outcome {
        Ok(metadata) if metadata.is_empty() => None,
        Ok(metadata) => {
            let mut fields = HeaderMap::new();
            append_metadata(&metadata, &mut fields);
            Some(Ok(Frame::trailers(fields)))
        }
        Err(status) => Some(Err(status)),
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").field("is_end_stream", &self.is_end_stream()).finish_non_exhaustive()
    }
}
