//! The four kinds of call with messages in JSON, over every transport, and what is on the wire.

use halloo::compression::{Gzip, Zstd};
use halloo::health::HealthClient;
use halloo::{Channel, ChannelBuilder, Code, Reply, Request, Router};
use halloo_tests::Letter;
use halloo_tests::forms::{self, Form, Forms, FormsClient, FormsServer};

use crate::raw::{Raw, Response, call_fields_to};
use crate::support::rig::{Rig, Setup, TRANSPORTS, Transport};

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text).with_parcel(vec![0, 255])
}

/// Calls with one message in the format `content_type`.
async fn ask(rig: &Rig, content_type: &str, message: &[u8]) -> Response {
    ask_at(rig, "/post.Post/Answer", content_type, message).await
}

async fn ask_at(rig: &Rig, path: &str, content_type: &str, message: &[u8]) -> Response {
    let mut raw = Raw::open(rig).await;
    let mut fields = call_fields_to(path, &[]);
    fields[4].1 = content_type;
    let mut body = vec![0];
    body.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend_from_slice(message);
    raw.call(1, &fields, &body).await;
    raw.response(1).await
}

#[tokio::test]
async fn messages_travel_in_all_four_kinds() {
    for transport in TRANSPORTS {
        let rig = Setup::new(transport).client(|channel| channel.json()).rig().await;
        assert_eq!(rig.client.answer(letter("Zoë → 🌍\0")).await.unwrap().into_message(), letter("Zoë → 🌍\0"));

        let mut replies = rig.client.follow(letter("x").with_number(3)).await.unwrap();
        for number in 0..3 {
            assert_eq!(replies.next().await.unwrap().unwrap(), letter("x").with_number(number));
        }
        assert_eq!(replies.next().await.unwrap(), None);

        let sum = rig.client.collect().send_all(["a", "b"].map(|text| letter(text).with_number(2))).await.unwrap();
        assert_eq!((sum.text.as_str(), sum.number), ("a+b", 4));

        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        for text in ["ping", "pong"] {
            requests.send(letter(text)).await.unwrap();
            assert_eq!(replies.next().await.unwrap().unwrap().parcel, [0, 255]);
        }
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None);
        rig.end().await;
    }
}

#[tokio::test]
async fn one_server_answers_each_call_in_its_own_format() {
    let rig = Rig::new(Transport::Tcp).await;
    let json = br#"{"text":"hello","parcel":"AP8="}"#;
    for content_type in ["application/grpc+json", "application/grpc+JSON"] {
        let response = ask(&rig, content_type, json).await;
        assert_eq!(response.status(), "0 ");
        assert_eq!(response.data[5..], *json);
        assert_eq!(response.field("content-type").unwrap().to_ascii_lowercase(), "application/grpc+json");
    }
    for content_type in ["application/grpc", "application/grpc+proto"] {
        let response = ask(&rig, content_type, b"\x0a\x05hello").await;
        assert_eq!(response.status(), "0 ");
        assert_eq!(response.data[5..], *b"\x0a\x05hello");
        assert_eq!(response.field("content-type"), Some("application/grpc"));
    }
    rig.end().await;
}

#[tokio::test]
async fn bad_json_is_internal_and_the_next_call_is_served() {
    let rig = Rig::new(Transport::Tcp).await;
    for (message, expected) in [
        (&br#"{"text":1}"#[..], "13 cannot decode post.Letter from JSON: text: invalid type: integer `1`"),
        (b"{\"text\":\"\xff\"}", "13 cannot decode post.Letter from JSON: text: invalid unicode code point"),
        (b"", "13 cannot decode post.Letter from JSON: EOF while parsing a value"),
        (b"\x0a\x05hello", "13 cannot decode post.Letter from JSON: expected value at line 2 column 1"),
    ] {
        let response = ask(&rig, "application/grpc+json", message).await;
        assert!(response.status().starts_with(expected), "{}", response.status());
        assert_eq!(response.field("content-type"), Some("application/grpc+json"));
    }
    assert_eq!(ask(&rig, "application/grpc+json", b"{}").await.status(), "0 ");
    rig.end().await;
}

#[tokio::test]
async fn large_messages_and_their_limits_are_as_with_protobuf() {
    for transport in [Transport::Tcp, Transport::InProcess, Transport::Axum] {
        let rig = Setup::new(transport).client(|channel| channel.json()).rig().await;
        // Three bytes are four letters.
        let large = Letter::default().with_parcel(vec![7; 3 << 20]);
        let status = rig.client.answer(large).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let fits = Letter::default().with_parcel(vec![7; 2 << 20]);
        assert_eq!(rig.client.answer(fits.clone()).await.unwrap().into_message(), fits);
        // The server's reply is larger than the client takes.
        let big = Letter::default().with_text("big").with_number(3 << 20);
        let status = rig.client.answer(big).max_reply_bytes(4 << 20).await.unwrap_err();
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        rig.end().await;
    }
}

#[tokio::test]
async fn messages_are_compressed_as_those_of_protobuf() {
    let rig = Setup::new(Transport::Tcp).server(|server| server.compress(Zstd)).rig().await;
    let letter = Letter::default().with_text("z".repeat(100_000));
    let reply = rig.client.answer(letter.clone()).json().compress(Gzip).await.unwrap();
    assert_eq!(reply.into_message(), letter);
    rig.end().await;
}

/// Gives back forms.
struct Desk;

impl Forms for Desk {
    async fn fill(&self, request: Request<Form>) -> halloo::Result<Form> {
        Ok(Reply::new(request.into_message()))
    }

    async fn glance(&self, request: Request<forms::FormOwnedView>) -> halloo::Result<Form> {
        Ok(Reply::new(Form::default().with_full_name(request.full_name())))
    }
}

#[tokio::test]
async fn handlers_that_take_views_are_served_too() {
    let client =
        FormsClient::new(ChannelBuilder::in_process(Router::new(FormsServer::new(Desk))).json().build().unwrap());
    let form = Form::default().with_full_name("Ada");
    assert_eq!(client.glance(form.clone()).await.unwrap().into_message(), form);
    assert_eq!(client.fill(form.clone()).await.unwrap().into_message(), form);
    assert_eq!(client.glance(form.clone()).codec("proto").await.unwrap().into_message(), form);
}

#[tokio::test]
async fn services_without_json_say_how_to_get_it() {
    let rig = Rig::new(Transport::Tcp).await;
    let response = ask_at(&rig, "/grpc.health.v1.Health/Check", "application/grpc+json", b"{}").await;
    assert_eq!(
        response.status(),
        "12 this method does not speak application/grpc+json; it speaks: proto (JSON: `.json(true)` where the server's \
         code is generated, and halloo's feature `json`)"
    );
    assert_eq!(response.field(":status"), Some("200"));
    rig.end().await;
}

#[tokio::test]
async fn a_call_chooses_its_codec_over_the_channels() {
    let rig = Setup::new(Transport::InProcess).client(|channel| channel.json()).rig().await;
    assert_eq!(rig.client.answer(letter("proto")).codec("proto").await.unwrap().text, "proto");
    let rig = Rig::new(Transport::InProcess).await;
    assert_eq!(rig.client.answer(letter("json")).json().await.unwrap().text, "json");
}

#[tokio::test]
async fn a_client_without_the_codec_says_how_to_get_it() {
    let rig = Rig::new(Transport::Tcp).await;
    let status = rig.client.answer(letter("x")).codec("thrift").await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.message(), "the client of post.Post/Answer has no codec `thrift`; it has: proto, json");

    let channel = Channel::builder(&rig.target).json().build().unwrap();
    let status = HealthClient::new(channel).check("").await.unwrap_err();
    assert_eq!(status.message(), "the client of grpc.health.v1.Health/Check has no codec `json`; it has: proto");
    assert!(format!("{status:?}").contains(".json(true)"), "{status:?}");
    rig.end().await;
}
