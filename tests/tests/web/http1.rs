//! HTTP/1.1 on a Halloo server's port, by hand over a socket.

use std::time::Duration;

use halloo::tower::{Http1Limits, ServerExt as _};
use halloo_tests::{Letter, PostClient};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::site::{Browser, Site};
use crate::support::soon;

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: example.com\r\nconnection: close\r\n\r\n")
}

#[tokio::test]
async fn pages_and_rpcs_share_a_port() {
    let site = Site::new().await;
    let response = Browser::ask(&site, &get("/")).await;
    assert!(response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\nthe front page"), "{response}");
    assert!(response.contains("content-length: 14\r\n"), "{response}");
    let client = PostClient::connect(site.url()).await.unwrap();
    assert_eq!(client.answer(Letter::default().with_text("hi")).await.unwrap().text, "hi");
    let response = Browser::ask(&site, &get("/nowhere")).await;
    assert!(response.starts_with("HTTP/1.1 404 ") && response.ends_with("no such page"), "{response}");
    drop(client);
    site.serving.end().await;
}

#[tokio::test]
async fn a_connection_carries_one_request_after_the_other() {
    let site = Site::new().await;
    let mut browser = Browser::open(&site).await;
    for body in ["one", "two", "three"] {
        browser.send(&format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
        let head = browser.until("\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        // The echo has no length of its own, so it comes in chunks.
        assert!(browser.until("0\r\n\r\n").await.contains(body));
    }
    browser.send("POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n4\r\nwave\r\n0\r\n\r\n").await;
    assert!(browser.until("0\r\n\r\n").await.contains("wave"));
    browser.send("HEAD / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(browser.until("\r\n\r\n").await.contains("content-length: 14"));
    drop(browser);
    site.serving.end().await;
}

#[tokio::test]
async fn a_large_body_travels_both_ways_and_the_services_limit_holds() {
    let site = Site::new().await;
    let body = "x".repeat(3 << 20);
    let length = body.len();
    let request = |path: &str| {
        format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    let mut browser = Browser::open(&site).await;
    let (mut read, mut write) = browser.0.split();
    let mut response = Vec::new();
    let text = request("/echo");
    let (sent, received) =
        soon(async { tokio::join!(write.write_all(text.as_bytes()), read.read_to_end(&mut response)) }).await;
    sent.unwrap();
    received.unwrap();
    assert_eq!(response.iter().filter(|&&byte| byte == b'x').count(), length);

    let mut browser = Browser::open(&site).await;
    let (mut read, mut write) = browser.0.split();
    let mut response = Vec::new();
    let text = request("/length");
    // The server answers, and closes, before it has read everything.
    let _ = soon(async { tokio::join!(write.write_all(text.as_bytes()), read.read_to_end(&mut response)) }).await;
    assert!(response.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&response));
    site.serving.end().await;
}

#[tokio::test]
async fn services_know_the_peer_and_the_request() {
    let site = Site::new().await;
    let mut browser = Browser::open(&site).await;
    let peer = browser.0.local_addr().unwrap();
    browser.send(&get("/peer")).await;
    assert!(browser.rest().await.contains(&format!("address: Tcp({peer})")));
    assert!(Browser::ask(&site, &get("/version")).await.ends_with("HTTP/1.1"));
    let request = "GET /facts?x=1 HTTP/1.1\r\nhost: x\r\ncookie: a=1; b=2\r\nconnection: close\r\n\r\n";
    let response = Browser::ask(&site, request).await;
    assert!(response.ends_with("/facts?x=1 Some(\"a=1; b=2\")"), "{response}");
    site.serving.end().await;
}

#[tokio::test]
async fn a_service_may_take_the_connection_over() {
    let site = Site::new().await;
    let mut browser = Browser::open(&site).await;
    browser.send("GET /upgrade HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: capitals\r\n\r\n").await;
    let head = browser.until("\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("upgrade: capitals\r\n"), "{head}");
    browser.send("wave").await;
    assert_eq!(browser.rest().await, "WAVE");
    site.serving.end().await;
}

/// RFC 9112 sections 3.2 and 3.2.2.
#[tokio::test]
async fn a_request_is_for_one_host() {
    let site = Site::new().await;
    for (request, expected) in [
        ("GET /host HTTP/1.1\r\nhost: x\r\n", "None Some(\"x\")"),
        ("GET http://target.example/host HTTP/1.1\r\nhost: x\r\n", "None Some(\"target.example\")"),
        ("GET /host HTTP/1.0\r\n", "None None"),
    ] {
        let response = Browser::ask(&site, &format!("{request}connection: close\r\n\r\n")).await;
        assert!(response.ends_with(expected), "{response} to {request}");
    }
    for request in [
        "GET /host HTTP/1.1\r\n",
        "GET /host HTTP/1.1\r\nhost: x\r\nhost: y\r\n",
        "GET /host HTTP/1.1\r\nhost: x, x\r\n",
        "GET http://x/host HTTP/1.1\r\nhost: x\r\nhost: x\r\n",
        "POST /post.Post/Answer HTTP/1.1\r\nhost: x\r\nhost: x\r\ncontent-type: application/grpc\r\n",
    ] {
        let response = Browser::ask(&site, &format!("{request}connection: close\r\n\r\n")).await;
        assert!(response.starts_with("HTTP/1.1 400 "), "{response} to {request}");
    }
    site.serving.end().await;
}

#[tokio::test]
async fn an_rpc_by_http1_is_told_what_it_needs() {
    let site = Site::new().await;
    let request = "POST /post.Post/Answer HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc\r\nconnection: close\r\n\
                   content-length: 5\r\n\r\n\0\0\0\0\0";
    let response = Browser::ask(&site, request).await;
    assert!(response.starts_with("HTTP/1.1 505 "), "{response}");
    assert!(response.contains("gRPC needs HTTP/2"), "{response}");
    site.serving.end().await;
}

#[tokio::test]
async fn a_response_that_breaks_off_does_not_look_complete() {
    let site = Site::new().await;
    // What was not written when the body broke off is never written.
    let response = Browser::ask(&site, &get("/broken")).await;
    assert!(!response.ends_with("0\r\n\r\n"), "{response}");
    assert!(Browser::ask(&site, &get("/")).await.ends_with("the front page"), "the server goes on");
    site.serving.end().await;
}

#[tokio::test]
async fn what_is_malformed_or_too_large_is_refused() {
    let site = Site::new().await;
    for (request, status) in [
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n".to_owned(), "400"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\nlong: {}\r\n\r\n", "y".repeat(20_000)), "431"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "many: y\r\n".repeat(101)), "431"),
        (format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "y".repeat(20_000)), "431"),
    ] {
        let response = Browser::ask(&site, &request).await;
        assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{response:?} to {}", &request[..40]);
    }
    assert!(Browser::ask(&site, &get("/")).await.ends_with("the front page"), "the server goes on");
    site.serving.end().await;
}

#[tokio::test]
async fn a_head_that_does_not_come_ends_the_connection() {
    let mut limits = Http1Limits::default();
    limits.head_timeout = Duration::from_millis(50);
    let site = Site::with(|server| server.http1(limits)).await;
    assert_eq!(Browser::ask(&site, "GET / HTTP/1.1\r\nhost: sl").await, "");
    // A connection that is idle between two requests ends by the same limit.
    let response = Browser::ask(&site, "GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(response.ends_with("the front page"), "{response}");
    site.serving.end().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_keeps_no_connection() {
    let mut limits = Http1Limits::default();
    limits.stall_timeout = Duration::from_millis(50);
    let site = Site::with(|server| server.http1(limits).max_connections(1)).await;
    let mut silent = Browser::open(&site).await;
    silent.send(&get("/endless")).await;
    // It has the only place, until the server is tired of it.
    assert!(Browser::ask(&site, &get("/")).await.ends_with("the front page"));
    drop(silent);
    site.serving.end().await;
}

#[tokio::test]
async fn a_stop_closes_what_is_idle_and_lets_the_rest_end() {
    let site = Site::new().await;
    let mut idle = Browser::open(&site).await;
    idle.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    idle.until("the front page").await;
    let mut busy = Browser::open(&site).await;
    busy.send("GET /gate HTTP/1.1\r\nhost: x\r\n\r\n").await;
    site.seen.started(1).await;

    site.serving.handle.shutdown();
    assert_eq!(idle.rest().await, "");
    site.seen.gate.add_permits(1);
    let response = busy.rest().await;
    assert!(response.ends_with("through the gate") && response.contains("connection: close\r\n"), "{response}");
    soon(site.serving.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_drain_limit_ends_a_request_that_does_not_end() {
    let site = Site::with(|server| server.drain(Duration::from_millis(50))).await;
    let mut busy = Browser::open(&site).await;
    busy.send("GET /gate HTTP/1.1\r\nhost: x\r\n\r\n").await;
    site.seen.started(1).await;
    site.serving.end().await;
    assert_eq!(busy.rest().await, "");
}

#[tokio::test]
async fn connections_count_towards_the_limit() {
    let site = Site::with(|server| server.max_connections(1)).await;
    let mut first = Browser::open(&site).await;
    first.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    first.until("the front page").await;
    let mut second = Browser::open(&site).await;
    second.send(&get("/gate")).await;
    first.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    first.until("the front page").await;
    assert_eq!(*site.seen.started.borrow(), 0, "the second connection waits");
    drop(first);
    site.seen.gate.add_permits(1);
    assert!(second.rest().await.ends_with("through the gate"));
    site.serving.end().await;
}
