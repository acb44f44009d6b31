//! Calls of this server's methods in another protocol: gRPC-Web, Connect, plain JSON.
//!
//! A method's path belongs to its service, so such a request never reaches the pages beside it, whose 404 would say
//! nothing. It is told what is spoken here. A tower layer that translates stands in front of this.

use bytes::Bytes;
use halloo_call::HttpRequest;

use crate::fallback::HttpResponder;

/// Answers `request`, a POST to `method` that is not gRPC: 415 (RFC 9110 section 15.5.16), as PROTOCOL-HTTP2 wants it
/// for every other content type.
pub(crate) async fn answer(method: &'static str, request: HttpRequest, responder: HttpResponder) {
    let what = Protocol::of(&request).text();
    let text = format!(
        "This is a gRPC server: {method} is called by POST over HTTP/2 with content-type application/grpc. {what}\n"
    );
    responder.text(415, text).await;
}

/// What a request that is not gRPC speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    GrpcWeb,
    Connect,
    Json,
    Other,
}

impl Protocol {
    fn of(request: &HttpRequest) -> Self {
        let find = |name: &[u8]| {
            let field = request.headers.iter().find(|(known, _)| known.as_ref() == name);
            field.map(|(_, value)| Bytes::as_ref(value))
        };
        let content_type = find(b"content-type").unwrap_or_default().to_ascii_lowercase();
        if content_type.starts_with(b"application/grpc-web") {
            return Self::GrpcWeb;
        }
        // A unary request of Connect has the content type of its message alone.
        if content_type.starts_with(b"application/connect+") || find(b"connect-protocol-version").is_some() {
            return Self::Connect;
        }
        if content_type.starts_with(b"application/json") { Self::Json } else { Self::Other }
    }

    fn text(self) -> &'static str {
        match self {
            Self::GrpcWeb => {
                "This request is gRPC-Web: put a proxy in front that translates it, such as Envoy's grpc_web filter."
            }
            Self::Connect => {
                "This request speaks Connect: let the client speak gRPC (connect.WithGRPC() in Go, createGrpcTransport \
                 in Node)."
            }
            Self::Json => "This request is plain JSON: grpcurl turns JSON into a gRPC call.",
            Self::Other => "This request has another content type.",
        }
    }
}
