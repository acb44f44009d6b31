//! Tests of `src/response_head.rs`.

use bytes::Bytes;

use super::*;

#[test]
fn trailers_come_back_as_they_were_sent() {
    let mut status = Status::not_found("no such ☃").details_bytes(Bytes::from_static(b"\x08\x05"));
    status.metadata_mut().append("x-cost", "3").unwrap();
    let mut fields = HeaderList::new();
    assert!(write_trailers(&Err(status), &mut fields).is_none());
    let read = read_trailers(&Arc::new(fields)).unwrap_err();
    assert_eq!(read.code(), Code::NotFound);
    assert_eq!(read.message(), "no such ☃");
    assert_eq!(read.details().as_ref(), b"\x08\x05");
    assert_eq!(read.metadata().get("x-cost"), Some("3"));
}

#[test]
fn secrets_are_never_indexed() {
    let mut metadata = Metadata::new();
    for key in ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-request-id"] {
        metadata.append(key, "1").unwrap();
    }
    let mut fields = HeaderList::new();
    push_metadata(&metadata, &mut fields);
    let indexed: Vec<_> = fields.iter().filter(|field| !field.sensitive).map(|field| field.name).collect();
    assert_eq!(indexed, [b"x-request-id"]);
}

#[test]
fn a_web_servers_answer_is_named_as_one() {
    let fields = Arc::new(fields_of(&[(":status", "404"), ("content-type", "text/html")]));
    let ResponseStart::Ended(Err(status)) = read_head(&fields, false, "127.0.0.1:8080", || None) else {
        panic!("a 404 is no RPC");
    };
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(
        status.message(),
        "127.0.0.1:8080 answered HTTP/2 404 text/html; it is a web server or a proxy, not gRPC"
    );
}

#[test]
fn an_answer_in_another_codec_is_internal() {
    let check = |content_type: &str, asked: &'static str| {
        let fields = Arc::new(fields_of(&[(":status", "200"), ("content-type", content_type)]));
        match read_head(&fields, false, "127.0.0.1:1", || Some(asked)) {
            ResponseStart::Ended(Err(status)) => format!("{:?} {}", status.code(), status.message()),
            other => format!("{other:?}"),
        }
    };
    for content_type in ["application/grpc", "application/grpc+proto", "application/grpc;charset=utf-8"] {
        assert_eq!(check(content_type, "proto"), "Rpc");
    }
    for content_type in ["application/grpc+json", "application/grpc+JSON", "application/grpc"] {
        assert_eq!(check(content_type, "json"), "Rpc");
    }
    let expected = "Internal 127.0.0.1:1 answered in application/grpc+json, but was asked in +proto";
    assert_eq!(check("application/grpc+json", "proto"), expected);
    let expected = "Internal 127.0.0.1:1 answered in application/grpc+proto, but was asked in +json";
    assert_eq!(check("application/grpc+proto", "json"), expected);
}

#[test]
fn trailers_without_a_status_are_unknown() {
    let status = read_trailers(&Arc::new(fields_of(&[("x", "y")]))).unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
}

#[test]
fn a_call_whose_stream_is_gone_says_why() {
    let slow = "the stream window stayed at zero while data waited";
    for (by, code, why, expected) in [
        (Origin::Peer, ErrorCode::Cancel, None, "the client reset the call: CANCEL"),
        (Origin::Local, ErrorCode::EnhanceYourCalm, Some(slow), &*format!("this server reset the call: {slow}")),
        (Origin::Local, ErrorCode::InternalError, None, "this server reset the call: INTERNAL_ERROR"),
        (Origin::Connection, ErrorCode::ConnectError, None, "the client's connection was lost"),
    ] {
        assert_eq!(lost_stream(by, code, why).message(), expected);
    }
}
