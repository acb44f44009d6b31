//! Pages beside the post office: an axum router within a Halloo server.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::routing::{get, post};
use halloo::Peer;
use halloo::tower::ServerExt as _;
use http_body::Frame;

use super::office::{Office, Seen};
use super::rig::{Serving, serve};

/// A server with pages, and a client's way to it.
pub struct Site {
    pub address: String,
    pub seen: Arc<Seen>,
    pub serving: Serving,
}

impl Site {
    pub async fn new() -> Self {
        Self::with(|server| server).await
    }

    /// `configure` sees the server after its pages were set.
    pub async fn with(configure: impl FnOnce(halloo::Server) -> halloo::Server) -> Self {
        let office = Office::default();
        let seen = Arc::clone(&office.seen);
        let server = halloo::Server::bind("127.0.0.1:0").await.unwrap();
        let address = format!("127.0.0.1:{}", server.port());
        let server = configure(server.http(pages(Arc::clone(&seen))));
        Self { address, seen, serving: serve(server, office) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn pages(seen: Arc<Seen>) -> Router {
    Router::new()
        .route("/", get(async || "the front page"))
        .route("/peer", get(async |request: Request| format!("{:?}", request.extensions().get::<Peer>())))
        .route("/facts", get(async |uri: Uri, headers: HeaderMap| format!("{uri} {:?}", headers.get("cookie"))))
        .route("/echo", post(async |body: Body| body))
        .route("/length", post(async |body: Bytes| body.len().to_string()).layer(DefaultBodyLimit::max(1000)))
        .route("/broken", get(async || Body::new(Broken { sent: false })))
        .route("/gate", get(async move || through_the_gate(&seen).await))
        .fallback(async || (StatusCode::NOT_FOUND, "no such page"))
}

async fn through_the_gate(seen: &Seen) -> &'static str {
    seen.started.send_modify(|started| *started += 1);
    seen.gate.acquire().await.unwrap().forget();
    "through the gate"
}

/// A response that breaks off after its first bytes.
struct Broken {
    sent: bool,
}

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::replace(&mut self.sent, true) {
            return Poll::Ready(Some(Err(std::io::Error::other("the printer is on fire"))));
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"first")))))
    }
}
