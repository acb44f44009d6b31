//! The other way round: a call of Halloo's through a tower service, request and response.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use halloo_call::{CallLink, Outcome, ResponseHead};
use halloo_core::{Metadata, Status, content_subtype};
use http::header::{CONNECTION, CONTENT_TYPE, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderName, StatusCode};
use http_body::{Body, Frame};

use crate::BoxError;
use crate::request::{GRPC_ACCEPT_ENCODING, GRPC_ENCODING, read_metadata};
use crate::response::outcome;
use crate::service::HttpService;

/// Fields that speak of a connection of HTTP/1.x (RFC 9113 section 8.2.2).
const OF_CONNECTIONS: [HeaderName; 5] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Reads the body of a request that a Halloo server received, for a tower service within it.
///
/// It is read as fast as it is polled: at most 64 KiB (and one frame) wait for a service that does not read.
pub struct RequestBody {
    link: CallLink,
    chunks: VecDeque<Bytes>,
}

impl RequestBody {
    pub(crate) fn new(link: CallLink) -> Self {
        Self { link, chunks: VecDeque::new() }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    /// # Errors
    /// CANCELLED if the client went away, DEADLINE_EXCEEDED if the call's deadline passed.
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.chunks.is_empty() {
            match ready!(self.link.poll_body(cx)) {
                Ok(Some(chunks)) => self.chunks = chunks.into(),
                Ok(None) => return Poll::Ready(None),
                Err(status) => return Poll::Ready(Some(Err(status))),
            }
        }
        Poll::Ready(self.chunks.pop_front().map(|chunk| Ok(Frame::data(chunk))))
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestBody").finish_non_exhaustive()
    }
}

/// Lets a service answer `request`, once it is ready to.
///
/// # Errors
/// The service's own.
pub(crate) async fn call<S: HttpService>(
    mut service: S,
    request: http::Request<RequestBody>,
) -> Result<S::Response, BoxError> {
    poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into)?;
    service.call(request).await.map_err(Into::into)
}

/// Sends a service's response, as far as its end, which is the outcome.
///
/// # Errors
/// For an RPC, the status that ends it; for what is no RPC, why the response broke off.
pub(crate) async fn send<B>(response: http::Response<B>, link: &CallLink) -> Outcome
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let (head, body) = response.into_parts();
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| content_subtype(value.as_bytes()));
    let is_rpc = head.status == StatusCode::OK && content_type.is_some();
    if !is_rpc {
        let headers = fields(&head.headers, head.status == StatusCode::SWITCHING_PROTOCOLS);
        link.send_head(ResponseHead::Http { status: head.status.as_u16(), headers });
        let trailers = send_body(body, link).await?;
        return read_metadata(&trailers.unwrap_or_default());
    }
    if head.headers.contains_key("grpc-status") {
        return outcome(&head.headers).map_err(|mut status| {
            copy_encodings(&head.headers, status.metadata_mut());
            status
        });
    }
    let mut metadata = read_metadata(&head.headers)?;
    copy_encodings(&head.headers, &mut metadata);
    link.send_head(ResponseHead::rpc(metadata));
    let trailers = send_body(body, link).await?;
    outcome(&trailers.unwrap_or_default())
}

/// What a head says of compression is no metadata, but travels on as it does.
fn copy_encodings(head: &HeaderMap, metadata: &mut Metadata) {
    for name in [GRPC_ENCODING, GRPC_ACCEPT_ENCODING] {
        if let Some(value) = head.get(name)
            && let Err(error) = metadata.push_wire(name.as_bytes(), Bytes::copy_from_slice(value.as_bytes()))
        {
            tracing::debug!(%error, name, "a field of a response is left out");
        }
    }
}

/// Sends a body as fast as its reader takes it, and returns its trailers.
async fn send_body<B>(body: B, link: &CallLink) -> Result<Option<HeaderMap>, Status>
where
    B: Body<Data = Bytes, Error: Into<BoxError>>,
{
    let mut body = pin!(body);
    while let Some(frame) = poll_fn(|cx| body.as_mut().poll_frame(cx).map_err(Into::into)).await {
        let frame = frame.map_err(|error: BoxError| {
            Status::internal(format!("the response's body broke off: {error}")).caused_by(error)
        })?;
        match frame.into_data() {
            Ok(data) => {
                poll_fn(|cx| link.poll_room(cx)).await;
                link.push_response(data);
            }
            Err(frame) => return Ok(frame.into_trailers().ok()),
        }
    }
    Ok(None)
}

/// The fields of a head; those of a connection only where it is asked to `upgrade`, which HTTP/1.1 alone can.
fn fields(headers: &HeaderMap, upgrade: bool) -> Vec<(Bytes, Bytes)> {
    (headers.iter())
        .filter(|(name, _)| upgrade || !OF_CONNECTIONS.contains(name))
        .map(|(name, value)| {
            (Bytes::copy_from_slice(name.as_str().as_bytes()), Bytes::copy_from_slice(value.as_bytes()))
        })
        .collect()
}

/// The status of an RPC that a layer failed instead of answering it.
pub(crate) fn layer_status(error: BoxError) -> Status {
    Status::unavailable(format!("a layer around the server failed: {error}")).caused_by(error)
}
