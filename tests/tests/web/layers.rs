//! Tower layers around a Halloo server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use halloo::Code;
use halloo::interceptor::{Call, Next};
use halloo::tower::ServerExt as _;
use halloo_tests::{Letter, PostClient};
use http::{Request, Response, StatusCode};
use tower::util::MapRequestLayer;
use tower::{Layer, Service, ServiceExt as _};

use crate::support::office::Stamp;
use crate::support::site::{Browser, Site};

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

#[tokio::test]
async fn a_layer_sees_rpcs_and_pages_and_hands_on_extensions() {
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let layer = MapRequestLayer::new(move |mut request: Request<_>| {
        let _: &halloo::Peer = request.extensions().get().unwrap();
        count.fetch_add(1, Ordering::SeqCst);
        request.extensions_mut().insert(Stamp("by a layer"));
        if request.uri().path().starts_with("/post.Post/") {
            assert_eq!(request.headers()["content-type"], "application/grpc");
            assert!(request.headers().contains_key("grpc-timeout"), "{request:?}");
            assert_eq!(request.headers()["h-a"], "hello");
        }
        request
    });
    let take = async |mut call: Call, next: Next| {
        let stamp =
            call.extensions().get::<http::Extensions>().and_then(|extensions| extensions.get::<Stamp>()).cloned();
        call.extensions_mut().insert(stamp.unwrap());
        next.run(call).await
    };
    let site = Site::with(|server| server.layer(layer).intercept(take)).await;
    let client = PostClient::connect(site.url()).await.unwrap();
    let call = client.answer(letter("facts")).timeout(Duration::from_secs(20)).metadata("h-a", "hello");
    let reply = call.await.unwrap();
    assert!(reply.text.starts_with("deadline; stamp by a layer; peer 127.0.0.1:"), "{}", reply.text);
    assert_eq!(reply.headers().get("h-a"), Some("hello"));
    assert_eq!(seen.load(Ordering::SeqCst), 1);
    let page = Browser::ask(&site, "GET /stamp HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(page.ends_with("Some(Stamp(\"by a layer\"))"), "{page}");
    assert_eq!(seen.load(Ordering::SeqCst), 2);
    drop(client);
    site.serving.end().await;
}

/// What a layer does instead of asking what is within it.
#[derive(Clone, Copy)]
enum Obstacle {
    Refuse,
    Fail,
    Panic,
}

#[derive(Clone)]
struct Obstructed<S>(Obstacle, S);

impl<S, Q, B> Service<Request<Q>> for Obstructed<S>
where
    S: Service<Request<Q>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<tower::BoxError>,
    Q: Send + 'static,
    B: Default + Send + 'static,
{
    type Response = Response<B>;
    type Error = tower::BoxError;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Response<B>, tower::BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), tower::BoxError>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Q>) -> Self::Future {
        let Self(obstacle, within) = self.clone();
        Box::pin(async move {
            if request.headers().contains_key("pass") {
                return within.oneshot(request).await.map_err(Into::into);
            }
            match obstacle {
                Obstacle::Refuse => {
                    let mut response = Response::new(B::default());
                    *response.status_mut() = StatusCode::UNAUTHORIZED;
                    Ok(response)
                }
                Obstacle::Fail => Err("out of paper".into()),
                Obstacle::Panic => panic!("the secret is 4711"),
            }
        })
    }
}

impl<S> Layer<S> for Obstacle {
    type Service = Obstructed<S>;

    fn layer(&self, within: S) -> Obstructed<S> {
        Obstructed(*self, within)
    }
}

#[tokio::test]
async fn what_a_layer_does_instead_reaches_the_client() {
    for (obstacle, code, text) in [
        (Obstacle::Refuse, Code::Unauthenticated, "answered HTTP/2 401"),
        (Obstacle::Fail, Code::Unavailable, "a layer around the server failed: out of paper"),
        (Obstacle::Panic, Code::Unknown, "the server failed while handling this call"),
    ] {
        let site = Site::with(|server| server.layer(obstacle)).await;
        let client = PostClient::connect(site.url()).await.unwrap();
        let status = client.answer(letter("hi")).await.unwrap_err();
        assert_eq!(status.code(), code);
        assert!(status.message().contains(text), "{status}");
        assert!(!format!("{status:?}").contains("4711"));
        assert_eq!(client.answer(letter("hi")).metadata("pass", "please").await.unwrap().text, "hi");
        assert_eq!(*site.seen.started.borrow(), 1);
        drop(client);
        site.serving.end().await;
    }
}
