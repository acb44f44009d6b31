//! Pages within a Halloo server, over HTTP/2.

use bytes::Bytes;
use halloo::server::{HttpRequest, HttpResponder};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::site::Site;
use crate::support::soon;

type Body = http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>;

async fn connect(site: &Site) -> SendRequest<Body> {
    let socket = TcpStream::connect(&site.address).await.unwrap();
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    client
}

fn get(site: &Site, path: &str) -> Request<Body> {
    Request::get(format!("{}{path}", site.url())).body(Empty::new().boxed()).unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn pages_are_served() {
    let site = Site::new().await;
    let mut client = connect(&site).await;
    let response = soon(client.send_request(get(&site, "/"))).await.unwrap();
    assert_eq!((response.status(), &response.headers()["content-length"]), (StatusCode::OK, &"14".parse().unwrap()));
    assert_eq!(text(response).await, "the front page");
    let response = soon(client.send_request(get(&site, "/nowhere"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_FOUND);
    assert!(text(soon(client.send_request(get(&site, "/peer"))).await.unwrap()).await.contains("Tcp(127.0.0.1:"));
    drop(client);
    site.serving.end().await;
}

#[tokio::test]
async fn the_target_is_whole_and_cookies_are_one() {
    let site = Site::new().await;
    let mut client = connect(&site).await;
    let mut request = get(&site, "/facts?x=1");
    for crumb in ["a=1", "b=2"] {
        request.headers_mut().append("cookie", crumb.parse().unwrap());
    }
    let facts = text(soon(client.send_request(request)).await.unwrap()).await;
    assert_eq!(facts, format!("{}/facts?x=1 Some(\"a=1; b=2\")", site.url()));
    drop(client);
    site.serving.end().await;
}

/// RFC 9113 section 8.3.1, gRFC A41: a service sees one authority, in the target.
#[tokio::test]
async fn the_authority_counts_and_not_the_host() {
    let site = Site::new().await;
    let mut client = connect(&site).await;
    let mut request = get(&site, "/host");
    request.headers_mut().insert("host", site.address.parse().unwrap());
    let response = soon(client.send_request(request)).await.unwrap();
    assert_eq!(text(response).await, "Some(\"127.0.0.1\") None");
    let mut request = get(&site, "/host");
    request.headers_mut().insert("host", "elsewhere.example".parse().unwrap());
    let error = soon(client.send_request(request)).await.unwrap_err();
    assert!(format!("{error:?}").contains("PROTOCOL_ERROR"), "{error:?}");
    let mut request = get(&site, "/host");
    for host in ["one.example", "two.example"] {
        request.headers_mut().append("host", host.parse().unwrap());
    }
    let response = soon(client.send_request(request)).await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    drop(client);
    site.serving.end().await;
}

#[tokio::test]
async fn a_service_that_never_gets_to_its_final_answer_has_its_stream_reset() {
    let site = Site::new().await;
    let mut client = connect(&site).await;
    let error = soon(client.send_request(get(&site, "/early"))).await.unwrap_err();
    assert!(format!("{error:?}").contains("INTERNAL_ERROR"), "{error:?}");
    assert_eq!(text(soon(client.send_request(get(&site, "/"))).await.unwrap()).await, "the front page");
    drop(client);
    site.serving.end().await;
}

async fn crooked(request: HttpRequest, mut responder: HttpResponder) {
    let fields = [
        ("straight", "yes"),
        ("injected", "x\r\nset-cookie: a=1"),
        ("zero", "x\0y"),
        ("two words", "x"),
        ("Upper", "x"),
        ("connection", "close"),
        (":status", "500"),
        ("", "x"),
    ];
    let fields =
        fields.map(|(name, value)| (Bytes::from_static(name.as_bytes()), Bytes::from_static(value.as_bytes())));
    let status = if &*request.path == b"/early" { 103 } else { 200 };
    responder.head(status, fields.to_vec());
    responder.finish();
}

#[tokio::test]
async fn fields_that_http_does_not_allow_stay_here() {
    let site = Site::with(|server| server.fallback(crooked)).await;
    let mut client = connect(&site).await;
    let response = soon(client.send_request(get(&site, "/"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let names: Vec<_> = response.headers().keys().map(|name| name.as_str()).collect();
    assert_eq!(names, ["straight"]);
    let error = soon(client.send_request(get(&site, "/early"))).await.unwrap_err();
    assert!(format!("{error:?}").contains("INTERNAL_ERROR"), "{error:?}");
    drop((client, response));
    site.serving.end().await;
}

#[tokio::test]
async fn a_large_body_travels_both_ways() {
    let site = Site::new().await;
    let mut client = connect(&site).await;
    let body: Bytes = (0..3 << 20).map(|index: u32| index.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let request = Request::post(format!("{}/echo", site.url())).body(Full::new(body.clone()).boxed()).unwrap();
    let response = soon(client.send_request(request)).await.unwrap();
    assert!(soon(response.into_body().collect()).await.unwrap().to_bytes() == body);
    drop(client);
    site.serving.end().await;
}

#[tokio::test]
async fn a_response_that_breaks_off_resets_its_stream_alone() {
    let site = Site::new().await;
    let mut client = connect(&site).await;
    let response = soon(client.send_request(get(&site, "/broken"))).await.unwrap();
    let error = soon(response.into_body().collect()).await.unwrap_err();
    assert!(format!("{error:?}").contains("INTERNAL_ERROR"), "{error:?}");
    assert_eq!(text(soon(client.send_request(get(&site, "/"))).await.unwrap()).await, "the front page");
    drop(client);
    site.serving.end().await;
}

#[tokio::test]
async fn a_client_that_goes_away_drops_the_service() {
    let site = Site::new().await;
    let mut client = connect(&site).await;
    let pending = tokio::spawn(client.send_request(get(&site, "/gate")));
    site.seen.started(1).await;
    pending.abort();
    drop(client);
    // The server stops at once: nothing waits for the gate.
    site.serving.end().await;
}
