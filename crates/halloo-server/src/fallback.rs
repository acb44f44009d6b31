//! Requests that are not RPCs: who answers them, and what they are told by default.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use halloo_call::{CallLink, HttpRequest, ResponderEnd, ResponseHead};
use halloo_core::{Metadata, Status};

/// Answers requests that are not RPCs: anything whose method and content type are not gRPC's.
///
/// Any `Fn(HttpRequest, HttpResponder) -> impl Future` is one.
///
/// ```
/// use greeter::{GreeterServer, MyGreeter};
/// use halloo::Server;
/// use halloo::server::{HttpRequest, HttpResponder};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let server = Server::bind("127.0.0.1:0").await?.fallback(async |request: HttpRequest, responder: HttpResponder| {
///     match request.path.as_ref() {
///         b"/version" => responder.text(200, "7\n").await,
///         _ => responder.text(404, "there is /version, and the Greeter\n").await,
///     }
/// });
/// # let server = server.shutdown_on(std::future::ready(()));
/// server.serve(GreeterServer::new(MyGreeter)).await?;
/// # Ok(())
/// # }
/// ```
pub trait Fallback: Send + Sync + 'static {
    /// Answers `request`.
    fn respond(&self, request: HttpRequest, responder: HttpResponder) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

impl<F, Fut> Fallback for F
where
    F: Fn(HttpRequest, HttpResponder) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = ()> + Send + 'static,
{
    fn respond(&self, request: HttpRequest, responder: HttpResponder) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(self(request, responder))
    }
}

/// Reads a request's body and writes its response. Dropped before [`finish`](Self::finish), the stream is reset.
#[derive(Debug)]
pub struct HttpResponder {
    responder: ResponderEnd,
}

impl HttpResponder {
    pub(crate) fn new(responder: ResponderEnd) -> Self {
        Self { responder }
    }

    /// Waits for the next bytes of the request's body; `None` after the last.
    ///
    /// Cancel safe: dropped while it waits, no bytes are lost.
    ///
    /// # Errors
    /// CANCELLED if the client went away.
    pub async fn body(&mut self) -> Result<Option<Vec<Bytes>>, Status> {
        poll_fn(|cx| self.responder.poll_body(cx)).await
    }

    /// Sends the response head, with a `status` of 200 to 999 and header names in lower case. Another status resets the
    /// stream. Fields that HTTP does not allow are left out, such as `connection`, or a value with a line break.
    pub fn head(&mut self, status: u16, headers: Vec<(Bytes, Bytes)>) {
        self.responder.send_head(ResponseHead::Http { status, headers });
    }

    /// Sends bytes of the response body once there is room for them: it waits while 64 KiB have not left yet.
    ///
    /// Cancel safe: dropped while it waits, nothing is sent.
    pub async fn write(&mut self, bytes: Bytes) {
        poll_fn(|cx| self.responder.poll_room(cx)).await;
        self.responder.push_response(bytes);
    }

    /// Ends the response.
    pub fn finish(self) {
        self.finish_with_trailers(Metadata::new());
    }

    /// Ends the response with trailers, which HTTP/1.1 leaves out unless the client asked for them.
    pub fn finish_with_trailers(self, trailers: Metadata) {
        self.responder.finish(Ok(trailers));
    }

    /// Returns what request and response travel on, for code that reads one while it writes the other.
    #[must_use]
    pub fn link(&self) -> &CallLink {
        &self.responder
    }

    /// Answers with a short text, as `text/plain`. Not cancel safe: dropped while it waits, the stream is reset.
    pub async fn text(mut self, status: u16, text: impl Into<Bytes>) {
        let text = text.into();
        let length = Bytes::from(text.len().to_string());
        self.head(
            status,
            vec![
                (Bytes::from_static(b"content-type"), Bytes::from_static(b"text/plain; charset=utf-8")),
                (Bytes::from_static(b"content-length"), length),
            ],
        );
        self.write(text).await;
        self.finish();
    }
}

/// Says what this port is to whoever opens it with something else than gRPC.
pub(crate) struct Signpost;

impl Fallback for Signpost {
    fn respond(&self, request: HttpRequest, responder: HttpResponder) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // PROTOCOL-HTTP2: a content type that is not gRPC's gets 415, so that the client sees no gRPC success.
        let (status, text) = match (&*request.method, &*request.path) {
            (b"POST", _) => (415, "This is a gRPC server; requests have the content type application/grpc.\n"),
            (b"GET" | b"HEAD", b"/") => (200, "This is a gRPC server. Call it with a gRPC client.\n"),
            (b"GET" | b"HEAD", _) => (404, "This is a gRPC server; there is nothing here.\n"),
            _ => (405, "This is a gRPC server; calls are made with POST.\n"),
        };
        let text = if &*request.method == b"HEAD" { "" } else { text };
        Box::pin(responder.text(status, text))
    }
}
