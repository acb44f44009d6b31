//! Calls in other protocols to a server that has pages: what they are told, over HTTP/1.1 and HTTP/2.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

use crate::support::site::{Browser, Site};
use crate::support::soon;

/// A request with an empty body, and what answers it: a status, and how the text ends.
struct Row {
    method: &'static str,
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    status: u16,
    end: &'static str,
}

const ANSWER: &str = "/post.Post/Answer";
const CONNECT: &str = "This request speaks Connect: let the client speak gRPC (connect.WithGRPC() in Go, createGrpcTransport \
     in Node).\n";
const GRPC_WEB: &str =
    "This request is gRPC-Web: put a proxy in front that translates it, such as Envoy's grpc_web filter.\n";
const JSON: &str = "This request is plain JSON: grpcurl turns JSON into a gRPC call.\n";
const OTHER: &str =
    "called by POST over HTTP/2 with content-type application/grpc. This request has another content type.\n";

const fn post(fields: &'static [(&'static str, &'static str)], end: &'static str) -> Row {
    Row { method: "POST", path: ANSWER, fields, status: 415, end }
}

const ROWS: [Row; 14] = [
    post(&[("content-type", "application/grpc-web")], GRPC_WEB),
    post(&[("content-type", "application/grpc-web+proto"), ("x-grpc-web", "1")], GRPC_WEB),
    post(&[("content-type", "Application/gRPC-Web-Text")], GRPC_WEB),
    post(&[("content-type", "application/connect+proto")], CONNECT),
    post(&[("content-type", "application/connect+json")], CONNECT),
    post(&[("content-type", "application/proto"), ("connect-protocol-version", "1")], CONNECT),
    post(&[("content-type", "application/json"), ("connect-protocol-version", "1")], CONNECT),
    post(&[("content-type", "application/json; charset=utf-8")], JSON),
    post(&[("content-type", "application/proto")], OTHER),
    post(&[], OTHER),
    // All else is the pages'.
    Row { method: "POST", path: "/post.Post/Nothing", fields: JSON_BODY, status: 404, end: "no such page" },
    Row { method: "GET", path: ANSWER, fields: &[], status: 404, end: "no such page" },
    Row { method: "OPTIONS", path: ANSWER, fields: &[], status: 404, end: "no such page" },
    Row { method: "POST", path: "/length", fields: JSON_BODY, status: 200, end: "0" },
];
const JSON_BODY: &[(&str, &str)] = &[("content-type", "application/json")];

async fn over_http1(site: &Site, row: &Row) -> (u16, String) {
    let fields: String = row.fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let request = format!(
        "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n{fields}\r\n",
        row.method, row.path
    );
    let response = Browser::ask(site, &request).await;
    let (head, text) = response.split_once("\r\n\r\n").unwrap();
    (head["HTTP/1.1 ".len()..][..3].parse().unwrap(), text.to_owned())
}

async fn over_http2(site: &Site, row: &Row) -> (u16, String) {
    let socket = TcpStream::connect(&site.address).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await.unwrap();
    tokio::spawn(connection);
    let request = Request::builder().method(row.method).uri(format!("{}{}", site.url(), row.path));
    let request = row.fields.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = soon(client.send_request(request.body(Full::new(Bytes::new())).unwrap())).await.unwrap();
    let status = response.status().as_u16();
    let text = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

#[tokio::test]
async fn a_call_in_another_protocol_is_told_what_is_spoken() {
    let site = Site::new().await;
    for row in &ROWS {
        for (version, (status, text)) in
            [("HTTP/1.1", over_http1(&site, row).await), ("HTTP/2", over_http2(&site, row).await)]
        {
            assert_eq!(status, row.status, "{version} {} {} {:?}: {text}", row.method, row.path, row.fields);
            assert!(text.ends_with(row.end), "{version} {} {:?}: {text}", row.path, row.fields);
        }
    }
    site.serving.end().await;
}
