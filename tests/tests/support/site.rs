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
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::office::{Office, Seen, Stamp};
use super::rig::{Serving, serve};
use super::soon;

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
        .route("/facts", get(facts))
        .route("/host", get(async |uri: Uri, headers: HeaderMap| format!("{:?} {:?}", uri.host(), headers.get("host"))))
        .route("/early", get(async || (StatusCode::SWITCHING_PROTOCOLS, "too early")))
        .route("/echo", post(async |body: Body| body))
        .route("/length", post(async |body: Bytes| body.len().to_string()).layer(DefaultBodyLimit::max(1000)))
        .route("/broken", get(async || Body::new(Broken { sent: false })))
        .route("/version", get(async |request: Request| format!("{:?}", request.version())))
        .route("/stamp", get(async |request: Request| format!("{:?}", request.extensions().get::<Stamp>())))
        .route("/upgrade", get(upgrade))
        .route("/endless", get(async || Body::new(Endless)))
        .route("/gate", get(async move || through_the_gate(&seen).await))
        .fallback(async || (StatusCode::NOT_FOUND, "no such page"))
}

async fn facts(uri: Uri, headers: HeaderMap) -> String {
    let cookie = headers.get("cookie");
    assert!(cookie.is_none_or(|cookie| cookie.is_sensitive()), "logs show no cookie");
    format!("{uri} {:?}", cookie.map(|cookie| cookie.to_str().unwrap()))
}

async fn through_the_gate(seen: &Seen) -> &'static str {
    seen.started.send_modify(|started| *started += 1);
    seen.gate.acquire().await.unwrap().forget();
    "through the gate"
}

/// Speaks another protocol from then on: it says again what it hears, in capitals.
async fn upgrade(mut request: Request) -> (StatusCode, [(&'static str, &'static str); 2]) {
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut io = TokioIo::new(upgrade.await.unwrap());
        let mut heard = [0; 4];
        io.read_exact(&mut heard).await.unwrap();
        io.write_all(&heard.to_ascii_uppercase()).await.unwrap();
        io.shutdown().await.unwrap();
    });
    (StatusCode::SWITCHING_PROTOCOLS, [("connection", "upgrade"), ("upgrade", "capitals")])
}

/// More than any socket takes at once.
struct Endless;

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 16 * 1024])))))
    }
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

/// A connection of HTTP/1.1.
pub struct Browser(pub TcpStream);

impl Browser {
    pub async fn open(site: &Site) -> Self {
        Self(TcpStream::connect(&site.address).await.unwrap())
    }

    pub async fn send(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// What arrives until the text ends with `end`.
    pub async fn until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = soon(self.0.read_u8()).await;
            text.push(byte.unwrap_or_else(|error| panic!("{error} after {}", String::from_utf8_lossy(&text))));
        }
        String::from_utf8(text).unwrap()
    }

    /// What arrives until the server closes the connection.
    pub async fn rest(&mut self) -> String {
        let mut text = Vec::new();
        // A reset is an end, too.
        let _ = soon(self.0.read_to_end(&mut text)).await;
        String::from_utf8(text).unwrap()
    }

    /// Sends one request on a connection of its own and returns all of the response.
    pub async fn ask(site: &Site, request: &str) -> String {
        let mut browser = Self::open(site).await;
        browser.send(request).await;
        browser.rest().await
    }
}
