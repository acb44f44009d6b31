//! Requests that break a rule: what the server answers, and that the connection goes on.

use std::time::Duration;

use halloo::server::{HttpRequest, HttpResponder};

use crate::raw::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PROTOCOL_ERROR, Raw, block, call_fields, call_fields_to,
    frame,
};
use crate::support::rig::{Rig, Setup, Transport};
use crate::{beside_honest_calls, rig};

const EMPTY_MESSAGE: &[u8] = &[0; 5];

/// Fails unless a call with these fields and this body is answered with `expected`: status code and text.
async fn check(rig: &Rig, fields: &[(&str, &str)], body: &[u8], expected: &str) {
    let mut raw = Raw::open(rig).await;
    let response = beside_honest_calls(rig, async {
        raw.call(1, fields, body).await;
        raw.response(1).await
    })
    .await;
    assert_eq!(response.status(), expected, "{fields:?}");
    assert_eq!(response.field(":status"), Some("200"));
    assert_eq!(response.field("content-type"), Some("application/grpc"));
    // The same connection serves the next call.
    raw.call(3, &call_fields(&[]), EMPTY_MESSAGE).await;
    assert_eq!(raw.response(3).await.status(), "0 ");
}

#[tokio::test]
async fn a_good_call_is_answered() {
    let rig = rig().await;
    check(&rig, &call_fields(&[("grpc-timeout", "10S"), ("x-bin", "AAH/")]), EMPTY_MESSAGE, "0 ").await;
    rig.end().await;
}

#[tokio::test]
async fn a_malformed_timeout_is_internal() {
    let rig = rig().await;
    for timeout in ["", "S", "1", "123456789S", "-1S", "1.5S", "1x", "1 S", "99999999999999999999H"] {
        let mut raw = Raw::open(&rig).await;
        raw.call(1, &call_fields(&[("grpc-timeout", timeout)]), EMPTY_MESSAGE).await;
        let status = raw.response(1).await.status();
        assert!(status.starts_with("13 malformed grpc-timeout: "), "{timeout:?}: {status}");
    }
    assert_eq!(*rig.seen.started.borrow(), 1, "the honest call's handler alone");
    rig.end().await;
}

/// The handler sends all `grpc-*` metadata back, as headers and as trailers.
#[tokio::test]
async fn the_protocols_own_fields_are_no_metadata() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let fields = [
        ("grpc-status", "5"),
        ("grpc-message", "no"),
        ("grpc-message-type", "post.Letter"),
        ("grpc-status-details-bin", "AAA"),
        ("grpc-encoding", "identity"),
        ("grpc-timeout", "10S"),
        ("grpc-previous-rpc-attempts", "1"),
    ];
    raw.call(1, &call_fields(&fields), EMPTY_MESSAGE).await;
    let response = raw.response(1).await;
    let grpc: Vec<_> = (response.fields.iter())
        .filter(|(name, _)| name.starts_with("grpc-"))
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let attempts = ("grpc-previous-rpc-attempts", "1");
    assert_eq!(grpc, [attempts, ("grpc-status", "0"), attempts]);
    drop(raw);
    rig.end().await;
}

/// PROTOCOL-HTTP2, "Custom-Metadata": white space around a value may be stripped. gRPC's C core sends it as it was given.
#[tokio::test]
async fn white_space_around_metadata_is_stripped() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let fields = [("h-a", " a b\t"), ("h-b", "  "), ("h-c-bin", " AAE "), ("grpc-timeout", " 10S ")];
    for stream in [1, 3] {
        raw.call(stream, &call_fields(&fields), EMPTY_MESSAGE).await;
        let response = raw.response(stream).await;
        assert_eq!(response.status(), "0 ");
        let headers = ["h-a", "h-b", "h-c-bin"].map(|name| response.field(name));
        assert_eq!(headers, [Some("a b"), Some(""), Some("AAE")]);
    }
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn malformed_binary_metadata_is_internal() {
    let rig = rig().await;
    for value in ["*", "AAA*", "A", "AA,*"] {
        let mut raw = Raw::open(&rig).await;
        raw.call(1, &call_fields(&[("x-bin", value)]), EMPTY_MESSAGE).await;
        let status = raw.response(1).await.status();
        assert!(status.starts_with("13 malformed metadata: ") && status.contains("x-bin"), "{value:?}: {status}");
    }
    assert_eq!(*rig.seen.started.borrow(), 1);
    rig.end().await;
}

#[tokio::test]
async fn a_path_without_a_leading_slash_reaches_nobody() {
    let rig = rig().await;
    let expected = "12 malformed method path \"post.Post/Answer\": it does not begin with `/`";
    check(&rig, &call_fields_to("post.Post/Answer", &[]), EMPTY_MESSAGE, expected).await;
    rig.end().await;
}

#[tokio::test]
async fn unknown_paths_are_unimplemented() {
    let rig = rig().await;
    for (path, expected) in [
        ("/post.Post/Anser", "12 post.Post has no method Anser; did you mean Answer?"),
        ("/post.Post/", "12 post.Post has no method%20"),
        ("/post.Post", "12 malformed method path \"/post.Post\": expected `/package.Service/Method`"),
        ("/", "12 malformed method path \"/\": expected `/package.Service/Method`"),
        ("/post.Post/Answer/", "12 this server has no service post.Post/Answer"),
        ("/post.Post/Answer?x=1", "12 post.Post has no method Answer?x=1"),
    ] {
        let mut raw = Raw::open(&rig).await;
        raw.call(1, &call_fields_to(path, &[]), EMPTY_MESSAGE).await;
        let status = raw.response(1).await.status();
        // A suggestion may follow.
        assert!(status.starts_with(expected), "{path}: {status}");
    }
    rig.end().await;
}

#[tokio::test]
async fn a_compressed_message_without_an_encoding_is_internal() {
    let rig = rig().await;
    let expected = "13 a message is marked as compressed, but the call's grpc-encoding is identity";
    check(&rig, &call_fields(&[]), &[1, 0, 0, 0, 0], expected).await;
    check(&rig, &call_fields(&[("grpc-encoding", "identity")]), &[1, 0, 0, 0, 0], expected).await;
    rig.end().await;
}

#[tokio::test]
async fn an_unknown_encoding_is_unimplemented_and_the_known_ones_are_named() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    raw.call(1, &call_fields(&[("grpc-encoding", "zippy")]), &[1, 0, 0, 0, 0]).await;
    let response = raw.response(1).await;
    let expected = "12 this server cannot read messages in grpc-encoding zippy; it accepts: gzip,deflate,zstd";
    assert_eq!(response.status(), expected);
    assert_eq!(response.field("grpc-accept-encoding"), Some("gzip,deflate,zstd"));
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn an_unknown_codec_is_unimplemented() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let mut fields = call_fields(&[]);
    fields[4].1 = "application/grpc+thrift";
    raw.call(1, &fields, EMPTY_MESSAGE).await;
    let status = raw.response(1).await.status();
    assert_eq!(status, "12 this method does not speak application/grpc+thrift; it speaks: proto, json");
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn a_prefix_of_four_gibibytes_is_refused_at_once() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    raw.send(&frame(HEADERS, END_HEADERS, 1, &block(&call_fields(&[])))).await;
    // The stream stays open: the prefix alone decides.
    raw.send(&frame(DATA, 0, 1, &[0, 255, 255, 255, 255, 1, 2, 3])).await;
    let response = beside_honest_calls(&rig, raw.response(1)).await;
    assert_eq!(
        response.status(),
        "8 request is 4294967295 bytes, this server's max_request_bytes is 4194304; raise it, or send it in pieces, as a stream"
    );
    raw.call(3, &call_fields(&[]), EMPTY_MESSAGE).await;
    assert_eq!(raw.response(3).await.status(), "0 ");
    drop(raw);
    rig.end().await;
}

/// gRPC's statuscodes.md, "cardinality violation".
#[tokio::test]
async fn a_method_that_takes_one_message_takes_exactly_one() {
    let rig = rig().await;
    for method in ["Answer", "Follow"] {
        let path = format!("/post.Post/{method}");
        for (body, got) in [(&[][..], "no"), (&[0; 10], "more than one"), (&[0; 100], "more than one")] {
            let expected = format!("12 post.Post/{method} takes one request message and got {got}");
            check(&rig, &call_fields_to(&path, &[]), body, &expected).await;
        }
    }
    rig.end().await;
}

#[tokio::test]
async fn a_request_that_ends_inside_a_message_is_internal() {
    let rig = rig().await;
    for body in [&[0, 0][..], &[0, 0, 0, 0, 9, 1, 2]] {
        check(&rig, &call_fields(&[]), body, "13 the requests ended in the middle of a message").await;
    }
    rig.end().await;
}

#[tokio::test]
async fn a_message_that_is_not_protobuf_is_internal() {
    let rig = rig().await;
    let bodies: [&[u8]; 6] = [
        &[0, 0, 0, 0, 1, 0xff],
        &[0, 0, 0, 0, 2, 0x0a, 0x05],
        &[0, 0, 0, 0, 2, 0x00, 0x01],
        // A varint of eleven bytes.
        &[0, 0, 0, 0, 12, 0x18, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
        // A string that is not UTF-8.
        &[0, 0, 0, 0, 3, 0x0a, 1, 0xff],
        // The end of a group that never began.
        &[0, 0, 0, 0, 1, 0x0c],
    ];
    for body in bodies {
        let mut raw = Raw::open(&rig).await;
        raw.call(1, &call_fields(&[]), body).await;
        let status = raw.response(1).await.status();
        assert!(status.starts_with("13 "), "{body:?}: {status}");
    }
    assert_eq!(*rig.seen.started.borrow(), 1);
    rig.end().await;
}

#[tokio::test]
async fn malformed_requests_are_reset_and_reach_nobody() {
    let rig = rig().await;
    let call = call_fields(&[]);
    let without = |name: &str| call.iter().copied().filter(|(known, _)| *known != name).collect::<Vec<_>>();
    let with = |name: &'static str, value: &'static str| call_fields(&[(name, value)]);
    for fields in [
        without(":path"),
        without(":method"),
        without(":scheme"),
        with("connection", "close"),
        with("te", "gzip"),
        with("X-Upper", "x"),
        with("", "x"),
        with(":path", "/twice"),
        with("content-length", "7"),
        with("x", "a\r\nb"),
        with("host", "elsewhere.example"),
        with("host", ""),
        with("te", "trailers "),
        with("content-length", " 5"),
        with(":path", " /"),
        [without("content-type"), vec![("content-type", " application/grpc")]].concat(),
        [without("content-type"), vec![("content-type", "application/grpc ")]].concat(),
        [without("content-type"), vec![("content-type", "text/html"), ("x", " a")]].concat(),
    ] {
        let mut raw = Raw::open(&rig).await;
        raw.call(1, &fields, EMPTY_MESSAGE).await;
        assert_eq!(raw.response(1).await.reset, Some(PROTOCOL_ERROR), "{fields:?}");
        raw.call(3, &call, EMPTY_MESSAGE).await;
        assert_eq!(raw.response(3).await.status(), "0 ");
    }
    rig.end().await;
}

/// gRFC A41; RPCs and other requests alike.
#[tokio::test]
async fn two_hosts_are_answered_with_400() {
    let rig = rig().await;
    let hosts = [("host", "a"), ("host", "b")];
    let mut raw = Raw::open(&rig).await;
    raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&call_fields(&hosts)))).await;
    assert_eq!(raw.response(1).await.fields, [(":status".into(), "400".into())]);
    let get = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
    raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 3, &block(&[&get[..], &hosts].concat()))).await;
    assert_eq!(raw.response(3).await.fields, [(":status".into(), "400".into())]);
    // What is still to come of the request is not wanted.
    raw.call(5, &call_fields(&hosts), EMPTY_MESSAGE).await;
    assert_eq!(raw.response(5).await.field(":status"), Some("400"));
    raw.call(7, &call_fields(&[]), EMPTY_MESSAGE).await;
    assert_eq!(raw.response(7).await.status(), "0 ");
    drop(raw);
    rig.end().await;
}

/// gRFC A41: what a fallback and what is behind it see of `:authority` and `host`.
#[tokio::test]
async fn handlers_see_one_authority_and_no_host() {
    let answer = async |request: HttpRequest, responder: HttpResponder| {
        let hosts = request.headers.iter().filter(|(name, _)| *name == "host").count();
        responder.text(200, format!("{} {hosts}", request.authority.escape_ascii())).await;
    };
    let setup = Setup::new(Transport::Tcp).server(move |server| server.fallback(answer));
    let rig = setup.rig().await;
    let get = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
    for (named, seen) in [
        (vec![(":authority", "a")], "a 0"),
        (vec![(":authority", "A"), ("host", "a:80")], "A 0"),
        (vec![("host", "a")], "a 0"),
        (vec![], " 0"),
    ] {
        let mut raw = Raw::open(&rig).await;
        raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&[&get[..], &named].concat()))).await;
        assert_eq!(String::from_utf8_lossy(&raw.response(1).await.data), seen, "{named:?}");
    }
    rig.end().await;
}

#[tokio::test]
async fn the_server_enforces_a_deadline_by_itself() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    // A client that never gives up, and a handler that never ends: field 1 is the text.
    raw.call(1, &call_fields(&[("grpc-timeout", "30m")]), b"\0\0\0\0\x06\x0a\x04hang").await;
    assert_eq!(raw.response(1).await.status(), "4 the call's deadline passed on the server");
    // The request is never completed.
    raw.send(&frame(HEADERS, END_HEADERS, 3, &block(&call_fields(&[("grpc-timeout", "30m")])))).await;
    assert!(raw.response(3).await.status().starts_with("4 "));
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn a_call_that_the_server_ended_gives_its_place_back_though_the_request_goes_on() {
    let rig = crate::rig_with(|config| config.limits.max_concurrent_streams = 1).await;
    let mut raw = Raw::open(&rig).await;
    // In turn: a handler that returns early, a message over the limit, and a deadline. None of the requests ends.
    let early = b"\0\0\0\0\x07\x0a\x05early";
    let too_large = [0, 255, 255, 255, 255];
    let bodies: [(&[u8], &str); 3] = [(early, "0 "), (&too_large, "8 "), (b"", "4 ")];
    for (stream, (body, expected)) in (1..).step_by(2).zip(bodies) {
        let fields = call_fields_to("/post.Post/Collect", &[("grpc-timeout", "50m")]);
        raw.send(&frame(HEADERS, END_HEADERS, stream, &block(&fields))).await;
        raw.send(&frame(DATA, 0, stream, body)).await;
        let status = raw.response(stream).await.status();
        assert!(status.starts_with(expected), "{stream}: {status}");
    }
    raw.call(7, &call_fields(&[]), EMPTY_MESSAGE).await;
    assert_eq!(raw.response(7).await.status(), "0 ");
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn what_is_no_rpc_is_told_what_this_port_is() {
    let rig = rig().await;
    for (method, path, content_type, expected) in [
        ("GET", "/", "text/html", "200"),
        ("GET", "/favicon.ico", "text/html", "404"),
        ("POST", "/post.Post/Answer", "application/json", "415"),
        ("PUT", "/", "application/grpc", "405"),
    ] {
        let mut raw = Raw::open(&rig).await;
        let fields = [
            (":method", method),
            (":scheme", "http"),
            (":path", path),
            (":authority", "x"),
            ("content-type", content_type),
        ];
        raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields))).await;
        let response = raw.response(1).await;
        assert_eq!(response.field(":status"), Some(expected), "{method} {path}");
        assert!(response.data.starts_with(b"This is a gRPC server"), "{response:?}");
    }
    rig.end().await;
}

#[tokio::test]
async fn http_1_gets_no_answer_that_could_be_mistaken() {
    let rig = rig().await;
    let mut raw = Raw::silent(&rig).await;
    raw.send(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = beside_honest_calls(&rig, raw.rest()).await;
    assert!(answer.starts_with(b"HTTP/1.1 400 Bad Request\r\n"), "{}", answer.escape_ascii());
    rig.end().await;
}

#[tokio::test]
async fn a_slow_preface_is_given_up() {
    let rig = crate::rig_with(|config| config.limits.handshake_timeout = Duration::from_millis(30)).await;
    for bytes in [&b""[..], b"PRI * HT", crate::raw::PREFACE] {
        let mut raw = Raw::silent(&rig).await;
        raw.send(bytes).await;
        let (code, _) = beside_honest_calls(&rig, raw.goaway()).await;
        assert_eq!(code, crate::raw::SETTINGS_TIMEOUT, "{bytes:?}");
    }
    rig.end().await;
}

#[tokio::test]
async fn a_slow_header_block_is_given_up() {
    let rig = crate::rig_with(|config| config.limits.header_block_timeout = Duration::from_millis(30)).await;
    let mut raw = Raw::open(&rig).await;
    raw.send(&frame(HEADERS, 0, 1, &block(&call_fields(&[])))).await;
    raw.send(&frame(CONTINUATION, 0, 1, &block(&[("x", "y")]))).await;
    beside_honest_calls(&rig, raw.goaway()).await;
    rig.end().await;
}
