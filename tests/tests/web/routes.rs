//! The services as a tower service, called without any server around it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use halloo::Router;
use halloo::interceptor::{Call, Next};
use halloo::server::{HttpRequest, HttpResponder};
use halloo::tower::{ResponseBody, Routes, routes};
use halloo_tests::PostServer;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Empty, Full};
use tower::ServiceExt as _;

use crate::support::office::{Office, Seen};
use crate::support::soon;

const ANSWER: &str = "/post.Post/Answer";
const FOLLOW: &str = "/post.Post/Follow";
const COLLECT: &str = "/post.Post/Collect";

fn post_office() -> (Routes, Arc<Seen>) {
    let office = Office::default();
    let seen = Arc::clone(&office.seen);
    (routes(PostServer::new(office)), seen)
}

/// An RPC with `body`.
fn rpc<B>(path: &str, body: B) -> Request<B> {
    let request = Request::post(path).version(Version::HTTP_2).header("content-type", "application/grpc");
    request.body(body).unwrap()
}

/// A letter with a text, in its envelope.
fn envelope(text: &str) -> Bytes {
    let length = u8::try_from(text.len()).unwrap();
    let mut bytes = vec![0, 0, 0, 0, length + 2, 0x0a, length];
    bytes.extend_from_slice(text.as_bytes());
    bytes.into()
}

fn letter(text: &str) -> Full<Bytes> {
    Full::new(envelope(text))
}

async fn whole(response: Response<ResponseBody>) -> (Bytes, HeaderMap) {
    let collected = soon(response.into_body().collect()).await.unwrap();
    let trailers = collected.trailers().cloned().unwrap_or_default();
    (collected.to_bytes(), trailers)
}

async fn text(response: Response<ResponseBody>) -> String {
    String::from_utf8(whole(response).await.0.to_vec()).unwrap()
}

#[tokio::test]
async fn an_rpc_is_answered_with_a_message_and_trailers() {
    let (routes, _) = post_office();
    let response = routes.oneshot(rpc(ANSWER, letter("hi"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "application/grpc");
    assert_eq!(response.body().size_hint().exact(), None, "a content-length is no business of an RPC");
    let (message, trailers) = whole(response).await;
    assert_eq!(message, envelope("hi"));
    assert_eq!(trailers.len(), 1);
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn a_failure_before_the_first_message_is_one_head() {
    let (routes, _) = post_office();
    for (request, status, message) in [
        (rpc("/post.Post/Anwser", Full::default()), "12", "post.Post has no method Anwser; did you mean Answer?"),
        (
            rpc("/nowhere", Full::default()),
            "12",
            "malformed method path \"/nowhere\": expected `/package.Service/Method`",
        ),
        (rpc(ANSWER, letter("fail")), "13", "the handler failed with a status whose code is OK"),
    ] {
        let response = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "application/grpc");
        assert_eq!(response.headers()["grpc-status"], status);
        assert_eq!(response.headers()["grpc-message"], message);
        assert!(response.body().is_end_stream());
    }
}

#[tokio::test]
async fn faults_of_the_head_end_the_call_without_its_handler() {
    let (routes, seen) = post_office();
    for (name, value, status, message) in [
        ("grpc-timeout", "soon", "13", "malformed grpc-timeout"),
        ("x-seal-bin", "$$$", "13", "malformed metadata"),
        ("grpc-encoding", "zip", "12", "cannot read messages in grpc-encoding zip"),
        ("content-type", "application/grpc+xml", "12", "does not speak application/grpc+xml"),
    ] {
        let mut request = rpc(ANSWER, letter("hi"));
        request.headers_mut().insert(name, value.parse().unwrap());
        let response = routes.clone().oneshot(request).await.unwrap();
        let headers = response.headers();
        assert_eq!((response.status(), headers["grpc-status"].to_str().unwrap()), (StatusCode::OK, status), "{name}");
        assert!(headers["grpc-message"].to_str().unwrap().contains(message), "{headers:?}");
        assert!(response.body().is_end_stream());
    }
    assert_eq!(*seen.started.borrow(), 0);
}

#[tokio::test]
async fn what_is_not_grpc_is_told_so() {
    let (routes, _) = post_office();
    let get = |path: &str| Request::get(path).body(Empty::<Bytes>::new()).unwrap();
    let json = Request::post(ANSWER).header("content-type", "application/json").body(Empty::<Bytes>::new()).unwrap();
    for (request, status) in [(json, 415), (get(ANSWER), 404), (get("/"), 200)] {
        let response = routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(response.headers().get("grpc-status").is_none());
        assert!(text(response).await.contains("gRPC server"));
    }
}

/// RFC 9113 section 8.3.1, gRFC A41. The server around it, which cannot be told to reset a stream, sends 400.
#[tokio::test]
async fn a_host_beside_the_authority_names_the_same() {
    for (target, hosts, status) in [
        ("http://a/post.Post/Answer", vec!["A"], 200),
        ("http://a:80/post.Post/Answer", vec!["a"], 200),
        ("https://[::1]/post.Post/Answer", vec!["[::1]:443"], 200),
        ("/post.Post/Answer", vec!["a"], 200),
        ("http://a/post.Post/Answer", vec!["b"], 400),
        ("http://a/post.Post/Answer", vec!["a:443"], 400),
        ("http://a/post.Post/Answer", vec![""], 400),
        ("http://a/post.Post/Answer", vec!["a", "a"], 400),
        ("/post.Post/Answer", vec!["a,a"], 400),
    ] {
        let (routes, seen) = post_office();
        let mut request = rpc(target, letter("hi"));
        for host in &hosts {
            request.headers_mut().append("host", host.parse().unwrap());
        }
        let response = routes.oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{target} {hosts:?}");
        assert_eq!(*seen.started.borrow(), usize::from(status == 200));
    }
}

/// PROTOCOL-HTTP2, "Custom-Metadata".
#[tokio::test]
async fn white_space_around_metadata_is_stripped() {
    let (routes, _) = post_office();
    let mut request = rpc(ANSWER, letter("time"));
    for (name, value) in
        [("grpc-timeout", " 10S "), ("h-a", " a b\t"), ("h-b-bin", " AAE "), ("grpc-encoding", "identity ")]
    {
        request.headers_mut().insert(name, http::HeaderValue::from_static(value));
    }
    let response = routes.oneshot(request).await.unwrap();
    let headers = response.headers().clone();
    assert_eq!([&headers["h-a"], &headers["h-b-bin"]], ["a b", "AAE"]);
    let (_, trailers) = whole(response).await;
    assert_eq!(trailers["grpc-status"], "0");
}

/// RFC 9113 section 8.2.1: what serves the response may send values as they are.
#[tokio::test]
async fn fields_of_a_fallback_have_no_outer_spaces() {
    let answer = async |_: HttpRequest, mut responder: HttpResponder| {
        let field = |name: &'static str, value: &'static str| (name.into(), value.into());
        responder.head(200, vec![field("x-a", " a b\t"), field("x-b", "  ")]);
        responder.finish();
    };
    let router = Router::new(PostServer::new(Office::default())).fallback(answer);
    let request = Request::get("/").body(Empty::<Bytes>::new()).unwrap();
    let response = Routes::from(router).oneshot(request).await.unwrap();
    assert_eq!([&response.headers()["x-a"], &response.headers()["x-b"]], ["a b", ""]);
}

#[tokio::test]
async fn an_rpc_by_an_old_version_of_http_is_told_what_it_needs() {
    let (routes, seen) = post_office();
    let mut request = rpc(ANSWER, letter("hi"));
    *request.version_mut() = Version::HTTP_11;
    let response = routes.oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::HTTP_VERSION_NOT_SUPPORTED);
    assert!(text(response).await.starts_with("gRPC needs HTTP/2"));
    assert_eq!(*seen.started.borrow(), 0);
}

#[tokio::test]
async fn it_mounts_by_path_and_leaves_other_paths_alone() {
    let (routes, _) = post_office();
    let app = axum::Router::new()
        .route("/health", axum::routing::get(|| async { "fine" }))
        .route_service("/post.Post/{*method}", routes);
    let response = app.clone().oneshot(rpc(ANSWER, letter("hi"))).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().trailers().unwrap()["grpc-status"], "0");
    let health = Request::get("/health").body(Empty::<Bytes>::new()).unwrap();
    let response = app.clone().oneshot(health).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "fine");
    let response = app.oneshot(rpc("/other.Service/Method", letter("hi"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_path_with_a_query_is_no_methods() {
    let (routes, _) = post_office();
    let response = routes.oneshot(rpc(&format!("{ANSWER}?x=y"), letter("hi"))).await.unwrap();
    let (headers, (_, trailers)) = (response.headers().clone(), whole(response).await);
    let status = headers.get("grpc-status").or(trailers.get("grpc-status"));
    assert_eq!(status.unwrap(), "12");
}

#[derive(Clone, Debug, PartialEq)]
struct Ticket(u32);

#[tokio::test]
async fn extensions_of_the_request_reach_interceptors_and_handlers() {
    let office = Office::default();
    let read = async |call: Call, next: Next| {
        let ticket = call.extensions().get::<http::Extensions>().and_then(|extensions| extensions.get::<Ticket>());
        assert_eq!(ticket, Some(&Ticket(7)));
        next.run(call).await
    };
    let router = Router::new(PostServer::new(office)).intercept(read).unwrap();
    let mut request = rpc(ANSWER, letter("hi"));
    request.extensions_mut().insert(Ticket(7));
    let (_, trailers) = whole(Routes::from(router).oneshot(request).await.unwrap()).await;
    assert_eq!(trailers["grpc-status"], "0");
}

#[tokio::test]
async fn without_a_layer_that_knows_the_peer_is_unknown() {
    let (routes, _) = post_office();
    let (message, _) = whole(routes.oneshot(rpc(ANSWER, letter("facts"))).await.unwrap()).await;
    assert!(String::from_utf8_lossy(&message).ends_with("peer unknown None"), "{message:?}");
}

#[tokio::test]
async fn dropping_the_response_future_or_the_body_drops_the_handler() {
    let (routes, seen) = post_office();
    let mut future = Box::pin(routes.clone().oneshot(rpc(ANSWER, letter("hang"))));
    assert!(future.as_mut().poll(&mut Context::from_waker(std::task::Waker::noop())).is_pending());
    seen.started(1).await;
    drop(future);
    assert_eq!(*seen.running.borrow(), 0, "it was dropped with its future");

    let response = soon(routes.oneshot(rpc(FOLLOW, letter("endless")))).await.unwrap();
    seen.running(1).await;
    drop(response);
    seen.running(0).await;
}

/// A body without an end, which counts what was taken of it.
struct Endless(Arc<AtomicUsize>);

impl Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let envelope = envelope("hang");
        self.0.fetch_add(envelope.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(envelope))))
    }
}

#[tokio::test]
async fn a_handler_that_does_not_read_stops_the_request() {
    let (routes, seen) = post_office();
    let taken = Arc::new(AtomicUsize::new(0));
    let mut future = Box::pin(routes.oneshot(rpc(COLLECT, Endless(Arc::clone(&taken)))));
    let mut cx = Context::from_waker(std::task::Waker::noop());
    for _ in 0..100 {
        assert!(future.as_mut().poll(&mut cx).is_pending());
    }
    seen.started(1).await;
    let taken = taken.load(Ordering::Relaxed);
    assert!((64 * 1024..160 * 1024).contains(&taken), "{taken}");
}

#[tokio::test]
async fn a_reader_that_does_not_read_stops_the_handler() {
    let (routes, seen) = post_office();
    // The office's letters of `endless` are the request again.
    let mut response = soon(routes.oneshot(rpc(FOLLOW, letter("endless")))).await.unwrap();
    let first = soon(response.body_mut().frame()).await.unwrap().unwrap().into_data().unwrap();
    // More than the first 64 KiB are not written while nobody reads: what waits is one look's worth.
    tokio::task::yield_now().await;
    let second = soon(response.body_mut().frame()).await.unwrap().unwrap().into_data().unwrap();
    for part in [first, second] {
        assert!(part.len() <= 64 * 1024 + 14, "{}", part.len());
    }
    drop(response);
    seen.running(0).await;
}

/// A body that breaks off.
struct Broken(bool);

impl Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())));
        }
        Poll::Ready(Some(Ok(Frame::data(envelope("x")))))
    }
}

#[tokio::test]
async fn a_request_that_breaks_off_is_never_complete() {
    let (routes, seen) = post_office();
    let response = soon(routes.oneshot(rpc(COLLECT, Broken(false)))).await.unwrap();
    assert_eq!(response.headers()["grpc-status"], "1");
    assert!(response.headers()["grpc-message"].to_str().unwrap().starts_with("the request's body broke off"));
    seen.running(0).await;
}

#[tokio::test]
async fn a_deadline_ends_a_response_that_nobody_reads() {
    let (routes, seen) = post_office();
    let mut request = rpc(FOLLOW, letter("endless"));
    request.headers_mut().insert("grpc-timeout", "50m".parse().unwrap());
    let response = routes.oneshot(request).await.unwrap();
    // Nobody polls the body meanwhile.
    seen.running(0).await;
    let (_, trailers) = whole(response).await;
    assert_eq!(trailers["grpc-status"], "4");
}
