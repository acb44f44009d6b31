//! The four kinds of call: messages, metadata, statuses, sizes.

use bytes::Bytes;
use halloo::metadata::Value;
use halloo::{Code, Metadata, Origin, PeerAddress, Status};
use halloo_tests::Letter;

use crate::support::office::failure;
use crate::support::rig::{Rig, Setup, TRANSPORTS, Transport};

const DEFAULT_LIMIT: usize = 4 << 20;

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

/// A letter whose message is `bytes` long, which is at least 2 MiB + 5.
fn letter_of(bytes: usize) -> Letter {
    // A tag, and a length of four bytes.
    Letter::default().with_parcel(vec![1; bytes - 5])
}

/// The entries whose keys start with `prefix`, in order.
fn entries(metadata: &Metadata, prefix: &str) -> Vec<String> {
    metadata.iter().filter(|(key, _)| key.starts_with(prefix)).map(|(key, value)| format!("{key}={value:?}")).collect()
}

/// The order that a transport keeps: HTTP libraries sort fields by their names, those of one name in order.
fn as_it_travels(transport: Transport, mut entries: Vec<String>) -> Vec<String> {
    if matches!(transport, Transport::Axum | Transport::Layered) {
        entries.sort_by_key(|entry| entry.split('=').next().map(ToOwned::to_owned));
    }
    entries
}

/// What every call of `metadata_and_order` sends, and what comes back under a prefix.
macro_rules! with_metadata {
    ($call:expr) => {
        $call
            .metadata("h-a", "one")
            .metadata_bin("h-b-bin", vec![0, 1, 255])
            .metadata("t-a", "first")
            .metadata("h-c", "")
            .metadata("h-a", "two, three")
            .metadata_bin("t-b-bin", vec![])
            .metadata_bin("t-b-bin", vec![2; 100])
            .metadata("t-a", "second")
    };
}

fn expected_headers() -> [String; 4] {
    let binary = format!("h-b-bin={:?}", Value::Binary(&[0, 1, 255]));
    let ascii = |key: &str, text: &str| format!("{key}={:?}", Value::Ascii(text));
    [ascii("h-a", "one"), binary, ascii("h-c", ""), ascii("h-a", "two, three")]
}

fn expected_trailers() -> [String; 4] {
    let binary = |bytes: &[u8]| format!("t-b-bin={:?}", Value::Binary(bytes));
    let ascii = |text: &str| format!("t-a={:?}", Value::Ascii(text));
    [ascii("first"), binary(&[]), binary(&[2; 100]), ascii("second")]
}

#[tokio::test]
async fn messages_travel_in_all_four_kinds() {
    for rig in Rig::each().await {
        let text = "Zoë → 世界 🌍\0";
        assert_eq!(rig.client.answer(letter(text)).await.unwrap().text, text);

        let mut replies = rig.client.follow(letter("x").with_number(3)).await.unwrap();
        for number in 0..3 {
            assert_eq!(replies.next().await.unwrap().unwrap().number, number);
        }
        assert_eq!(replies.next().await.unwrap(), None);
        assert_eq!(replies.next().await.unwrap(), None, "the end stays the end");

        let sum = rig.client.collect().send_all(["a", "b", "c"].map(|text| letter(text).with_number(2))).await.unwrap();
        assert_eq!((sum.text.as_str(), sum.number), ("a+b+c", 6));

        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        for text in ["ping", "pong"] {
            requests.send(letter(text)).await.unwrap();
            assert_eq!(replies.next().await.unwrap().unwrap().text, text);
        }
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None);
        rig.end().await;
    }
}

#[tokio::test]
async fn empty_messages_and_empty_streams_arrive() {
    for rig in Rig::each().await {
        assert_eq!(rig.client.answer(Letter::default()).await.unwrap().into_message(), Letter::default());

        let mut replies = rig.client.follow(Letter::default()).await.unwrap();
        assert_eq!(replies.next().await.unwrap(), None);

        let sum = rig.client.collect().send_all([]).await.unwrap();
        assert_eq!(sum.into_message(), Letter::default());
        let sum = rig.client.collect().send_all([Letter::default(), Letter::default()]).await.unwrap();
        assert_eq!((sum.parcel.len(), sum.text.as_str()), (8, "+"));

        let (requests, mut replies) = rig.client.chat().await.unwrap();
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None);
        rig.end().await;
    }
}

#[tokio::test]
async fn metadata_comes_back_as_headers_and_trailers_in_order() {
    for rig in Rig::each().await {
        let by = |entries| as_it_travels(rig.transport, entries);
        let reply = with_metadata!(rig.client.answer(letter("x"))).await.unwrap();
        assert_eq!(by(entries(reply.headers(), "h-")), by(expected_headers().into()));
        assert_eq!(by(entries(reply.trailers(), "t-")), by(expected_trailers().into()));
        assert_eq!(reply.headers().get_all("h-a").collect::<Vec<_>>(), ["one", "two, three"]);
        assert_eq!(reply.trailers().get_all_bin("t-b-bin").collect::<Vec<_>>(), [vec![], vec![2; 100]]);
        assert!(entries(reply.headers(), "t-").is_empty() && entries(reply.trailers(), "h-").is_empty());

        for number in [0, 2] {
            let call = rig.client.follow(letter("x").with_number(number));
            let mut replies = with_metadata!(call).await.unwrap();
            assert_eq!(by(entries(replies.headers().await.unwrap(), "h-")), by(expected_headers().into()));
            while replies.next().await.unwrap().is_some() {}
            assert_eq!(by(entries(replies.trailers().unwrap(), "t-")), by(expected_trailers().into()));
        }

        let reply = with_metadata!(rig.client.collect()).send_all([letter("x")]).await.unwrap();
        assert_eq!(by(entries(reply.headers(), "h-")), by(expected_headers().into()));
        assert_eq!(by(entries(reply.trailers(), "t-")), by(expected_trailers().into()));

        let (mut requests, mut replies) = with_metadata!(rig.client.chat()).await.unwrap();
        requests.send(letter("x")).await.unwrap();
        requests.finish();
        assert_eq!(by(entries(replies.headers().await.unwrap(), "h-")), by(expected_headers().into()));
        while replies.next().await.unwrap().is_some() {}
        assert_eq!(by(entries(replies.trailers().unwrap(), "t-")), by(expected_trailers().into()));
        rig.end().await;
    }
}

#[tokio::test]
async fn metadata_of_the_channel_comes_before_that_of_the_call() {
    for transport in TRANSPORTS {
        let rig = Setup::new(transport).client(|client| client.metadata("h-a", "channel")).rig().await;
        let reply = rig.client.answer(letter("x")).metadata("h-a", "call").await.unwrap();
        assert_eq!(reply.headers().get_all("h-a").collect::<Vec<_>>(), ["channel", "call"]);
        rig.end().await;
    }
}

#[tokio::test]
async fn metadata_that_may_not_travel_fails_the_call_before_it_leaves() {
    for rig in Rig::each().await {
        for (key, value) in
            [("grpc-timeout", "1S"), ("te", "trailers"), ("bad key", "x"), ("x", "line\nbreak"), ("x-bin", "x")]
        {
            let status = rig.client.answer(letter("x")).metadata(key, value).await.unwrap_err();
            assert_eq!((status.code(), status.origin()), (Code::Internal, Origin::Local), "{key}: {status}");
            assert!(status.message().contains(key), "{status}");
        }
        assert_eq!(*rig.seen.started.borrow(), 0);
        rig.end().await;
    }
}

fn assert_failure(status: &Status) {
    let expected = failure(&letter("fail").with_number(5).with_parcel(*b"\x00detail\xff"));
    assert_eq!((status.code(), status.message()), (Code::NotFound, expected.message()));
    assert_eq!(status.details(), &Bytes::from_static(b"\x00detail\xff"));
    assert_eq!(entries(status.metadata(), "t-"), entries(expected.metadata(), "t-"));
    assert_eq!(status.origin(), Origin::Peer);
}

#[tokio::test]
async fn statuses_arrive_whole_in_all_four_kinds() {
    let fail = || letter("fail").with_number(5).with_parcel(*b"\x00detail\xff");
    for rig in Rig::each().await {
        assert_failure(&rig.client.answer(fail()).await.unwrap_err());

        let mut replies = rig.client.follow(fail()).await.unwrap();
        for _ in 0..5 {
            replies.next().await.unwrap().unwrap();
        }
        assert_failure(&replies.next().await.unwrap_err());
        assert_failure(&replies.next().await.unwrap_err());

        assert_failure(&rig.client.collect().send_all([letter("x"), fail()]).await.unwrap_err());

        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        requests.send(fail()).await.unwrap();
        assert_failure(&replies.next().await.unwrap_err());
        rig.end().await;
    }
}

#[tokio::test]
async fn a_failure_without_a_code_does_not_look_like_success() {
    for rig in Rig::each().await {
        let status = rig.client.follow(letter("fail").with_number(0)).await.map(drop).unwrap_err();
        assert_eq!(status.to_string(), "the handler failed with a status whose code is OK (INTERNAL)");
        rig.end().await;
    }
}

#[tokio::test]
async fn every_code_arrives() {
    for rig in Rig::each().await {
        for number in 1..=16 {
            let status = rig.client.answer(letter("fail").with_number(number)).await.unwrap_err();
            assert_eq!(status.code().as_u32(), number);
        }
        rig.end().await;
    }
}

#[tokio::test]
async fn handlers_know_their_peer() {
    for rig in Rig::each().await {
        let facts = rig.client.answer(letter("facts")).await.unwrap().into_message().text;
        let peer = facts.rsplit_once("peer ").unwrap().1;
        match rig.transport {
            Transport::Tcp | Transport::DualStack | Transport::Axum | Transport::Layered => {
                assert!(peer.starts_with("127.0.0.1:") && peer.ends_with(" None"), "{peer}")
            }
            Transport::Tls => {
                assert!(peer.starts_with("127.0.0.1:") && peer.ends_with(" PrivacyAndIntegrity"), "{peer}")
            }
            Transport::Unix => assert_eq!(peer, "unix: PrivacyAndIntegrity"),
            Transport::InProcess => {
                assert_eq!(peer, format!("{} PrivacyAndIntegrity", PeerAddress::InProcess));
            }
        }
        let mut streamed = rig.client.follow(letter("facts").with_number(1)).await.unwrap();
        assert_eq!(streamed.next().await.unwrap().unwrap().text, facts);
        rig.end().await;
    }
}

#[tokio::test]
async fn large_messages_travel_in_all_four_kinds() {
    for rig in Rig::each().await {
        let parcel: Vec<u8> =
            (0..3 << 20).map(|index: u32| index.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
        let large = Letter::default().with_parcel(parcel.clone()).with_number(2);
        assert!(rig.client.answer(large.clone()).await.unwrap().parcel == parcel);
        let mut replies = rig.client.follow(large.clone()).await.unwrap();
        while let Some(reply) = replies.next().await.unwrap() {
            assert!(reply.parcel == parcel);
        }
        let sum = rig.client.collect().send_all([large.clone(), large.clone()]).await.unwrap();
        assert_eq!(sum.parcel, [(3_u32 << 20).to_be_bytes(), (3_u32 << 20).to_be_bytes()].concat());
        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        for _ in 0..2 {
            requests.send(large.clone()).await.unwrap();
            assert!(replies.next().await.unwrap().unwrap().parcel == parcel);
        }
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_message_of_exactly_the_limit_passes_and_a_byte_more_does_not() {
    for rig in Rig::each().await {
        let reply = rig.client.answer(letter_of(DEFAULT_LIMIT)).await.unwrap();
        assert_eq!(reply.parcel.len(), DEFAULT_LIMIT - 5);
        let status = rig.client.answer(letter_of(DEFAULT_LIMIT + 1)).await.unwrap_err();
        assert_eq!(
            status.to_string(),
            "request is 4194305 bytes, this server's max_request_bytes is 4194304; raise it, or send it in pieces, as a stream (RESOURCE_EXHAUSTED)"
        );
        let big = letter("big").with_number(u32::try_from(DEFAULT_LIMIT - 4).unwrap());
        let status = rig.client.answer(big.clone()).await.unwrap_err();
        assert_eq!(status.to_string(), "reply is 4194305 bytes, this client accepts 4194304 (RESOURCE_EXHAUSTED)");
        // The knob that the text names is there.
        assert_eq!(
            rig.client.answer(big).max_reply_bytes(DEFAULT_LIMIT + 1).await.unwrap().parcel.len(),
            DEFAULT_LIMIT - 4
        );
        rig.end().await;
    }
}

#[tokio::test]
async fn limits_hold_for_each_message_of_a_stream() {
    let small = || Letter::default().with_parcel(vec![1; 98]);
    let large = || Letter::default().with_parcel(vec![1; 99]);
    for transport in TRANSPORTS {
        let rig = Setup::new(transport).max_request_bytes(100).client(|client| client.max_reply_bytes(100)).rig().await;
        let sum = rig.client.collect().send_all([small(), small()]).await.unwrap();
        assert_eq!(sum.parcel.len(), 8);
        let status = rig.client.collect().send_all([small(), large()]).await.unwrap_err();
        assert_eq!(
            status.to_string(),
            "request is 101 bytes, this server's max_request_bytes is 100; raise it, or send it in pieces, as a stream (RESOURCE_EXHAUSTED)"
        );
        let failed = rig.seen.failed().await;
        assert_eq!(failed.code(), Code::ResourceExhausted);

        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        requests.send(small()).await.unwrap();
        assert_eq!(replies.next().await.unwrap().unwrap(), small());
        requests.send(large()).await.unwrap();
        let status = replies.next().await.unwrap_err();
        assert_eq!(
            status.to_string(),
            "request is 101 bytes, this server's max_request_bytes is 100; raise it, or send it in pieces, as a stream (RESOURCE_EXHAUSTED)"
        );

        let mut replies = rig.client.follow(Letter::default().with_parcel(vec![1; 96]).with_number(3)).await.unwrap();
        assert_eq!(replies.next().await.unwrap().unwrap().number, 0);
        // From the second on, the number takes two more bytes than the default that the first has.
        assert_eq!(replies.next().await.unwrap().unwrap().number, 1);
        assert_eq!(replies.next().await.unwrap().unwrap().number, 2);
        drop(replies);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_first_reply_that_is_too_large() {
    for transport in TRANSPORTS {
        let rig = Setup::new(transport).rig().await;
        let call = rig.client.follow(Letter::default().with_parcel(vec![1; 97]).with_number(3));
        let mut replies = call.max_reply_bytes(100).await.unwrap();
        assert_eq!(replies.next().await.unwrap().unwrap().number, 0);
        let status = replies.next().await.unwrap_err();
        assert_eq!(status.to_string(), "reply is 101 bytes, this client accepts 100 (RESOURCE_EXHAUSTED)");
        assert_eq!(replies.next().await.unwrap_err().code(), Code::ResourceExhausted);
        rig.end().await;
    }
}

#[tokio::test]
async fn limits_on_what_a_side_sends() {
    for transport in TRANSPORTS {
        let rig = Setup::new(transport).max_reply_bytes(100).client(|client| client.max_request_bytes(100)).rig().await;
        let fits = Letter::default().with_parcel(vec![1; 98]);
        assert_eq!(rig.client.answer(fits.clone()).await.unwrap().into_message(), fits);
        let status = rig.client.answer(Letter::default().with_parcel(vec![1; 99])).await.unwrap_err();
        assert_eq!(
            status.to_string(),
            "request is 101 bytes, this client's max_request_bytes is 100 (RESOURCE_EXHAUSTED)"
        );
        assert_eq!(status.origin(), Origin::Local);
        let status = rig.client.answer(letter("big").with_number(99)).await.unwrap_err();
        assert_eq!(
            status.to_string(),
            "reply is 101 bytes, this server's max_reply_bytes is 100; raise it, or send it in pieces, as a stream (RESOURCE_EXHAUSTED)"
        );
        assert_eq!(status.origin(), Origin::Peer);

        let (mut requests, reply) = rig.client.collect().await.unwrap();
        requests.send(fits.clone()).await.unwrap();
        let refused = requests.send(Letter::default().with_parcel(vec![1; 99])).await.unwrap_err();
        assert_eq!(refused.code(), Code::ResourceExhausted);
        // The call goes on without the message that was refused.
        requests.send(fits).await.unwrap();
        requests.finish();
        assert_eq!(reply.await.unwrap().parcel.len(), 8);
        rig.end().await;
    }
}
