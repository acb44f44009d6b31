//! Peers that accept small header lists (SETTINGS_MAX_HEADER_LIST_SIZE): what is larger is not sent (RFC 9113 sections
//! 6.5.2 and 10.5.1), and both sides hear why.

use halloo::server::{HttpRequest, HttpResponder};
use halloo::{Code, Origin};
use halloo_tests::Letter;

use crate::raw::{
    END_HEADERS, END_STREAM, HEADERS, INTERNAL_ERROR, Raw, Response, block, call_fields, call_fields_to, frame,
};
use crate::support::rig::{Rig, Setup, Transport};
use crate::{rig, rig_with};

const MAX_HEADER_LIST_SIZE: u16 = 6;
const LIMIT: u32 = 400;

/// A letter in its envelope: text, a parcel of so many bytes, number.
fn letter(text: &str, parcel_bytes: u8, number: u8) -> Vec<u8> {
    let mut message = vec![0x0a, text.len() as u8];
    message.extend(text.as_bytes());
    // A length above 127 has two bytes.
    message.extend([0x12, 0x80 | parcel_bytes, parcel_bytes >> 7]);
    message.extend(vec![1; parcel_bytes.into()]);
    message.extend([0x18, number]);
    [&[0, 0, 0, 0, message.len() as u8], &message[..]].concat()
}

/// What a client that accepts lists of `limit` bytes hears; none of it is larger.
async fn answer(rig: &Rig, limit: u32, path: &str, fields: &[(&str, &str)], body: &[u8]) -> Response {
    let mut raw = Raw::open_with(rig, &[(MAX_HEADER_LIST_SIZE, limit)]).await;
    raw.call(1, &call_fields_to(path, fields), body).await;
    let response = raw.response(1).await;
    let bytes: usize = response.fields.iter().map(|(name, value)| name.len() + value.len() + 32).sum();
    // The head and the trailers together, of which each may have as many.
    assert!(bytes <= 2 * limit as usize, "{response:?}");
    response
}

#[tokio::test]
async fn a_reply_that_is_too_large_for_its_client_becomes_a_small_status() {
    let rig = rig().await;
    let long = "x".repeat(400);
    let headers = |bytes| format!("8 the reply's headers are a list of {bytes} bytes, and the client accepts 400");
    let trailers = |bytes| format!("8 the reply's trailers are a list of {bytes} bytes, and the client accepts 400");
    let failed = "5 the call failed; its text, details and trailers are left out, since they are a list of";
    for (method, fields, body, expected) in [
        ("Answer", vec![("h-a", "short"), ("t-a", "short")], letter("hi", 0, 0), "0 ".to_owned()),
        ("Answer", vec![("h-a", long.as_str())], letter("hi", 0, 0), headers(102 + 435)),
        ("Answer", vec![("t-a", long.as_str())], letter("hi", 0, 0), trailers(44 + 435)),
        ("Answer", vec![("h-a", "1"), ("t-a", long.as_str())], letter("hi", 0, 0), trailers(44 + 435)),
        ("Answer", vec![], letter("fail", 200, 5), format!("{failed} 680 bytes, and the client accepts 400")),
        ("Follow", vec![("h-a", long.as_str())], letter("x", 0, 3), headers(102 + 435)),
        // A handler that would never end.
        ("Follow", vec![("h-a", long.as_str())], letter("endless", 0, 0), headers(102 + 435)),
        ("Follow", vec![("t-a", long.as_str())], letter("x", 0, 3), trailers(44 + 435)),
        ("Follow", vec![], letter("fail", 200, 5), format!("{failed} 578 bytes, and the client accepts 400")),
    ] {
        let response = answer(&rig, LIMIT, &format!("/post.Post/{method}"), &fields, &body).await;
        assert_eq!((response.status(), response.reset), (expected, None), "{method} {fields:?} {body:?}");
        rig.seen.running(0).await;
    }
    rig.end().await;
}

#[tokio::test]
async fn a_client_that_accepts_no_answer_at_all_is_reset() {
    let rig = rig().await;
    for limit in [0, 101, 150] {
        for (fields, body) in [
            (vec![], letter("hi", 0, 0)),
            (vec![("h-a", "x")], letter("hi", 0, 0)),
            (vec![("t-a", "x")], letter("hi", 0, 0)),
            (vec![], letter("fail", 0, 5)),
        ] {
            let fits = limit == 150 && body == letter("hi", 0, 0);
            let response = answer(&rig, limit, "/post.Post/Answer", &fields, &body).await;
            let expected = if fits { None } else { Some(INTERNAL_ERROR) };
            assert_eq!(response.reset, expected, "{limit} {fields:?} {body:?}");
            rig.seen.running(0).await;
        }
    }
    rig.end().await;
}

#[tokio::test]
async fn what_is_no_rpc_becomes_a_500() {
    let answer = async |_: HttpRequest, mut responder: HttpResponder| {
        responder.head(200, vec![("x-large".into(), "x".repeat(400).into())]);
        responder.write("never sent".into()).await;
        responder.finish();
    };
    let rig = Setup::new(Transport::Tcp).server(move |server| server.fallback(answer)).rig().await;
    let mut raw = Raw::open_with(&rig, &[(MAX_HEADER_LIST_SIZE, LIMIT)]).await;
    let get = [(":method", "GET"), (":scheme", "http"), (":path", "/")];
    raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&get))).await;
    let response = raw.response(1).await;
    assert_eq!((response.fields, response.data), (vec![(":status".into(), "500".into())], vec![]));
    raw.call(3, &call_fields(&[]), &letter("hi", 0, 0)).await;
    assert_eq!(raw.response(3).await.status(), "0 ");
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn a_call_that_is_too_large_for_its_server_is_not_sent() {
    let rig = rig_with(|config| config.limits.max_header_list_bytes = 1000).await;
    let started = *rig.seen.started.borrow();
    for _ in 0..3 {
        let call = rig.client.answer(Letter::default()).metadata("x-large", "x".repeat(2000));
        let status = call.await.unwrap_err();
        assert_eq!((status.code(), status.origin()), (Code::ResourceExhausted, Origin::Local));
        let text = status.message();
        let address = rig.target.trim_start_matches("http://");
        assert!(text.starts_with("the call's metadata makes a header list of 2"), "{text}");
        assert!(text.ends_with(&format!(" bytes, and {address} accepts 1000")), "{text}");
        // The connection serves the next call.
        rig.client.answer(Letter::default()).metadata("x-small", "x".repeat(200)).await.unwrap();
    }
    assert_eq!(*rig.seen.started.borrow(), started + 3);
    rig.end().await;
}
