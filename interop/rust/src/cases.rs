//! The checks of our client, by name. Each leaves the channel as it found it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use halloo::client::UnaryCall;
use halloo::codec::Codecs;
use halloo::descriptor::{Method, MethodDescriptor, MethodKind};
use halloo::protobuf::{Json, Message, Protobuf};
use halloo::{Code, Metadata};
use tokio::task::JoinSet;

use crate::check::{Checked, expect, expect_failure};
use crate::{
    CountRequest, Failure, InteropClient, Key, NowhereClient, Number, Payload, Seen, Size, Stage, StatusDetails,
    Violation, WatchRequest, details,
};

/// For a call that should take no time at all.
const PLENTY: Duration = Duration::from_secs(20);

const MIB: usize = 1 << 20;

const UNICODE: &str = "Grüße, 世界 🌍: 100 % \t\n\\ \x7f done";

/// What `x-echo` carries, in this order.
const TEXTS: [&str; 3] = ["one", "two, with a comma", "three"];

/// What `x-echo-bin` carries besides all byte values, in this order.
const BYTES: [&[u8]; 2] = [b"", b"\xff"];

/// Runs the case of that name.
///
/// # Errors
/// What it found instead of what it expects.
pub async fn run(case: &str, client: &InteropClient) -> Result<(), Box<dyn std::error::Error>> {
    match case {
        "unary" => unary(client).await,
        "server_streaming" => server_streaming(client).await,
        "client_streaming" => client_streaming(client).await,
        "bidi_streaming" => bidi_streaming(client).await,
        "metadata_unary" => metadata_unary(client).await,
        "metadata_streaming" => metadata_streaming(client).await,
        "metadata_of_failure" => metadata_of_failure(client).await,
        "status_codes" => status_codes(client).await,
        "status_details" => status_details(client).await,
        "status_unicode" => status_message(client, UNICODE).await,
        "outer_spaces" => outer_spaces(client).await,
        "status_without_message" => status_message(client, "").await,
        "deadline_unary" => deadline_unary(client).await,
        "deadline_streaming" => deadline_streaming(client).await,
        "deadline_reaches_server" => deadline_reaches_server(client).await,
        "deadline_ends_handler" => deadline_ends_handler(client).await,
        "no_deadline" => no_deadline(client).await,
        "cancel_unary" => cancel_unary(client).await,
        "cancel_streaming" => cancel_streaming(client).await,
        "server_aborts_midway" => server_aborts_midway(client).await,
        "server_ends_early" => server_ends_early(client).await,
        "big_unary" => big_unary(client).await,
        "big_streaming" => big_streaming(client).await,
        "request_too_large" => request_too_large(client).await,
        "reply_too_large" => reply_too_large(client).await,
        "empty_messages" => empty_messages(client).await,
        "empty_streams" => empty_streams(client).await,
        "unknown_method" => unknown_method(client).await,
        "unknown_service" => unknown_service(client).await,
        "many_at_once" => many_at_once(client).await,
        "compressed_gzip" => compressed(client, halloo::compression::Gzip).await,
        "compressed_deflate" => compressed(client, halloo::compression::Deflate).await,
        "refused" => refused(client).await,
        _ => Err("our client has no such case".into()),
    }
}

fn text(text: impl Into<String>) -> Payload {
    Payload::default().with_text(text)
}

async fn unary(client: &InteropClient) -> Checked {
    let payload = text("Grüße").with_body([0, 1, 2]);
    let reply = client.echo(payload.clone()).timeout(PLENTY).await?;
    expect(&*reply, &payload)
}

async fn server_streaming(client: &InteropClient) -> Checked {
    let mut numbers = client.count(CountRequest::default().with_count(1000)).timeout(PLENTY).await?;
    for expected in 0..1000 {
        let number = numbers.next().await?.ok_or("the stream ended early")?;
        expect(&number.value, &expected)?;
    }
    expect(&numbers.next().await?, &None)
}

async fn client_streaming(client: &InteropClient) -> Checked {
    let numbers = (-10..1000).map(|value| Number::default().with_value(value));
    let sum = client.sum().timeout(PLENTY).send_all(numbers).await?;
    expect(&sum.value, &(-10..1000).sum())
}

async fn bidi_streaming(client: &InteropClient) -> Checked {
    let (mut requests, mut replies) = client.chat().timeout(PLENTY).await?;
    for word in ["one", "two", "three"] {
        requests.send(text(word)).await?;
        expect(&replies.next().await?, &Some(text(word)))?;
    }
    requests.finish();
    expect(&replies.next().await?, &None)
}

async fn metadata_unary(client: &InteropClient) -> Checked {
    let reply = with_metadata(client.echo(Payload::default())).await?;
    expect_values(reply.headers(), "x-echo", "x-echo-bin")?;
    expect_values(reply.trailers(), "x-trail", "x-trail-bin")
}

async fn metadata_streaming(client: &InteropClient) -> Checked {
    let mut call = client.chat().timeout(PLENTY);
    for word in TEXTS {
        call = call.metadata("x-echo", word);
    }
    for value in binary_values() {
        call = call.metadata_bin("x-echo-bin", value);
    }
    let (mut requests, mut replies) = call.await?;
    requests.send(text("one")).await?;
    expect_values(replies.headers().await?, "x-echo", "x-echo-bin")?;
    expect(&replies.next().await?, &Some(text("one")))?;
    requests.finish();
    expect(&replies.next().await?, &None)?;
    expect_values(replies.trailers().ok_or("no trailers")?, "x-trail", "x-trail-bin")
}

async fn metadata_of_failure(client: &InteropClient) -> Checked {
    let failure = Failure::default().with_code(9).with_message("not now");
    let status = expect_failure(with_metadata(client.fail(failure)).await, Code::FailedPrecondition)?;
    expect(&status.message(), &"not now")?;
    expect_values(status.metadata(), "x-trail", "x-trail-bin")
}

fn with_metadata<Q>(call: UnaryCall<'_, Q, Payload>) -> UnaryCall<'_, Q, Payload> {
    let call = call.timeout(PLENTY);
    let call = TEXTS.into_iter().fold(call, |call, value| call.metadata("x-echo", value));
    binary_values().into_iter().fold(call, |call, value| call.metadata_bin("x-echo-bin", value))
}

fn binary_values() -> Vec<Vec<u8>> {
    std::iter::once((0..=255).collect()).chain(BYTES.map(<[u8]>::to_vec)).collect()
}

fn expect_values(metadata: &Metadata, key: &str, binary_key: &str) -> Checked {
    expect(&metadata.get_all(key).collect(), &TEXTS.to_vec())?;
    expect(&metadata.get_all_bin(binary_key).map(Vec::from).collect(), &binary_values())
}

async fn status_codes(client: &InteropClient) -> Checked {
    for number in 1..=16_u8 {
        let code = Code::from_u32(number.into());
        let failure = Failure::default().with_code(number.into()).with_message(code.name());
        let status = expect_failure(client.fail(failure).timeout(PLENTY).await, code)?;
        expect(&status.message(), &code.name())?;
    }
    Ok(())
}

async fn status_details(client: &InteropClient) -> Checked {
    let violations = [("name", "is empty"), ("größe", "")];
    let violations = violations.map(|(field, why)| Violation::default().with_field(field).with_why(why));
    let failure = Failure::default().with_code(3).with_message("bad request").with_violations(violations);
    let expected = StatusDetails::decode_from_slice(&details::encode(&failure))?;
    let status = expect_failure(client.fail(failure).timeout(PLENTY).await, Code::InvalidArgument)?;
    expect(&status.message(), &"bad request")?;
    expect(&StatusDetails::decode_from_slice(status.details())?, &expected)
}

async fn status_message(client: &InteropClient, message: &str) -> Checked {
    let failure = Failure::default().with_code(5).with_message(message);
    let status = expect_failure(client.fail(failure).timeout(PLENTY).await, Code::NotFound)?;
    expect(&status.message(), &message)
}

/// The C core sends them as they are; a receiver may strip them (PROTOCOL-HTTP2).
async fn outer_spaces(client: &InteropClient) -> Checked {
    let reply = client.echo(Payload::default()).metadata("x-echo", " padded ").timeout(PLENTY).await?;
    expect(&reply.headers().get("x-echo"), &Some("padded"))?;
    expect(&reply.trailers().get("x-trail"), &Some("padded"))?;
    let failure = Failure::default().with_code(5).with_message(" cannot open: ");
    let status = expect_failure(client.fail(failure).timeout(PLENTY).await, Code::NotFound)?;
    expect(&status.message().trim(), &"cannot open:")
}

async fn deadline_unary(client: &InteropClient) -> Checked {
    let started = Instant::now();
    let outcome = client.hold(new_key()).timeout(Duration::from_millis(200)).await;
    expect_failure(outcome, Code::DeadlineExceeded)?;
    let took = started.elapsed();
    if (Duration::from_millis(190)..Duration::from_secs(5)).contains(&took) {
        return Ok(());
    }
    Err(format!("a deadline of 200 ms ended the call after {took:?}").into())
}

async fn deadline_streaming(client: &InteropClient) -> Checked {
    let mut numbers = client.hold_stream(new_key()).timeout(Duration::from_millis(500)).await?;
    expect(&numbers.next().await?, &Some(Number::default().with_value(1)))?;
    expect_failure(numbers.next().await, Code::DeadlineExceeded)?;
    Ok(())
}

async fn deadline_reaches_server(client: &InteropClient) -> Checked {
    let key = new_key();
    let seen = tokio::select! {
        answer = client.hold(key.clone()).timeout(Duration::from_secs(60)) => return unexpected(&answer),
        seen = watch(client, &key, Stage::Started) => seen?,
    };
    // A client may round the timeout up to what eight digits can hold.
    if seen.has_deadline && (30_001..=61_000).contains(&seen.time_left_millis) {
        return Ok(());
    }
    Err(format!("of a deadline of 60 s the server saw {seen:?}").into())
}

async fn deadline_ends_handler(client: &InteropClient) -> Checked {
    let key = new_key();
    let outcome = client.hold(key.clone()).timeout(Duration::from_millis(300)).await;
    expect_failure(outcome, Code::DeadlineExceeded)?;
    expect(&watch(client, &key, Stage::Cancelled).await?.has_deadline, &true)
}

async fn no_deadline(client: &InteropClient) -> Checked {
    let key = new_key();
    let seen = tokio::select! {
        answer = client.hold(key.clone()) => return unexpected(&answer),
        seen = watch(client, &key, Stage::Started) => seen?,
    };
    expect(&seen, &Seen::default())
}

async fn cancel_unary(client: &InteropClient) -> Checked {
    let key = new_key();
    // The branch that loses is dropped, and dropping a call cancels it.
    tokio::select! {
        answer = client.hold(key.clone()) => return unexpected(&answer),
        seen = watch(client, &key, Stage::Started) => seen?,
    };
    watch(client, &key, Stage::Cancelled).await?;
    Ok(())
}

async fn cancel_streaming(client: &InteropClient) -> Checked {
    let key = new_key();
    let mut numbers = client.hold_stream(key.clone()).await?;
    expect(&numbers.next().await?, &Some(Number::default().with_value(1)))?;
    watch(client, &key, Stage::Started).await?;
    drop(numbers);
    watch(client, &key, Stage::Cancelled).await?;
    Ok(())
}

async fn watch(client: &InteropClient, key: &Key, stage: Stage) -> Checked<Seen> {
    let request = WatchRequest::default().with_key(&*key.key).with_stage(stage);
    Ok(client.watch(request).timeout(PLENTY).await?.into_message())
}

fn new_key() -> Key {
    static KEYS: AtomicU64 = AtomicU64::new(0);
    // One server is watched by both clients, so the key says whose it is.
    Key::default().with_key(format!("halloo-{}", KEYS.fetch_add(1, Ordering::Relaxed)))
}

fn unexpected(answer: &impl std::fmt::Debug) -> Checked {
    Err(format!("the call was to be held and ended with {answer:?}").into())
}

async fn server_aborts_midway(client: &InteropClient) -> Checked {
    let failure = Failure::default().with_code(10).with_message("enough");
    let request = CountRequest::default().with_count(3).with_failure(failure);
    let mut numbers = client.count(request).timeout(PLENTY).await?;
    for value in 0..3 {
        expect(&numbers.next().await?, &Some(Number::default().with_value(value)))?;
    }
    let status = expect_failure(numbers.next().await, Code::Aborted)?;
    expect(&status.message(), &"enough")
}

async fn server_ends_early(client: &InteropClient) -> Checked {
    let (mut requests, mut replies) = client.chat().timeout(PLENTY).await?;
    requests.send(text("one")).await?;
    expect(&replies.next().await?, &Some(text("one")))?;
    requests.send(text("bye")).await?;
    expect(&replies.next().await?, &None)?;
    expect(&requests.is_closed(), &true)
}

async fn big_unary(client: &InteropClient) -> Checked {
    let body: Vec<u8> = (0..=255).cycle().take(MIB).collect();
    let reply = client.echo(Payload::default().with_body(body.clone())).timeout(PLENTY).await?;
    expect(&(reply.body == body), &true)
}

async fn big_streaming(client: &InteropClient) -> Checked {
    let (mut requests, mut replies) = client.chat().timeout(PLENTY).await?;
    let payload = |number: u8| text(number.to_string()).with_body(vec![number; MIB]);
    let send = async {
        for number in 0..8 {
            requests.send(payload(number)).await?;
        }
        requests.finish();
        Checked::Ok(())
    };
    let receive = async {
        for number in 0..8 {
            let reply = replies.next().await?.ok_or("the stream ended early")?;
            expect(&(reply == payload(number)), &true)?;
        }
        expect(&replies.next().await?, &None)
    };
    let (sent, received) = tokio::join!(send, receive);
    received.and(sent)
}

async fn request_too_large(client: &InteropClient) -> Checked {
    let payload = Payload::default().with_body(vec![0; 5 * MIB]);
    expect_failure(client.echo(payload).timeout(PLENTY).await, Code::ResourceExhausted)?;
    unary(client).await
}

async fn reply_too_large(client: &InteropClient) -> Checked {
    let size = Size::default().with_bytes(u32::try_from(5 * MIB)?);
    expect_failure(client.produce(size).timeout(PLENTY).await, Code::ResourceExhausted)?;
    unary(client).await
}

async fn empty_messages(client: &InteropClient) -> Checked {
    let reply = client.echo(Payload::default()).timeout(PLENTY).await?;
    expect(&*reply, &Payload::default())?;
    let (mut requests, mut replies) = client.chat().timeout(PLENTY).await?;
    for _ in 0..3 {
        requests.send(Payload::default()).await?;
    }
    requests.finish();
    for _ in 0..3 {
        expect(&replies.next().await?, &Some(Payload::default()))?;
    }
    expect(&replies.next().await?, &None)
}

async fn empty_streams(client: &InteropClient) -> Checked {
    let mut numbers = client.count(CountRequest::default()).timeout(PLENTY).await?;
    expect(&numbers.next().await?, &None)?;
    let sum = client.sum().timeout(PLENTY).send_all([]).await?;
    expect(&*sum, &Number::default())?;
    let (requests, mut replies) = client.chat().timeout(PLENTY).await?;
    requests.finish();
    expect(&replies.next().await?, &None)
}

async fn unknown_method(client: &InteropClient) -> Checked {
    static DESCRIPTOR: MethodDescriptor = MethodDescriptor::new(
        "halloo.interop.Interop",
        "Missing",
        "/halloo.interop.Interop/Missing",
        MethodKind::Unary,
    );
    static JSON: Json = Json::new(&[crate::register_types]);
    static MISSING: Method<Payload, Payload> =
        Method::new(&DESCRIPTOR, Codecs::new(&[&Protobuf, &JSON]), Codecs::new(&[&Protobuf, &JSON]));
    let outcome = client.channel().unary(&MISSING, Payload::default()).timeout(PLENTY).await;
    expect_failure(outcome, Code::Unimplemented)?;
    Ok(())
}

async fn unknown_service(client: &InteropClient) -> Checked {
    let nowhere = NowhereClient::new(client.channel().clone());
    expect_failure(nowhere.call(Payload::default()).timeout(PLENTY).await, Code::Unimplemented)?;
    Ok(())
}

async fn many_at_once(client: &InteropClient) -> Checked {
    let mut calls = JoinSet::new();
    for number in 0..100 {
        let client = client.clone();
        calls.spawn(async move {
            let word = number.to_string();
            let reply = client.echo(text(&*word)).timeout(PLENTY).await?;
            Ok::<_, halloo::Status>(reply.text == word)
        });
    }
    while let Some(echoed) = calls.join_next().await {
        expect(&echoed??, &true)?;
    }
    Ok(())
}

/// A client without a certificate and a server that wants one.
async fn refused(client: &InteropClient) -> Checked {
    let status = expect_failure(client.echo(Payload::default()).timeout(PLENTY).await, Code::Unavailable)?;
    // Some servers say what they want, to others a hint has to do.
    if format!("{status:?}").contains("certificate of this client") {
        return Ok(());
    }
    Err(format!("it does not say why: {status:?}").into())
}

/// Messages of a call that compresses, large and small, to a server that answers in the same way.
async fn compressed(client: &InteropClient, algorithm: impl halloo::compression::Compression + Copy) -> Checked {
    let large = text("it was the best of times, ").with_body(vec![7; 100_000]);
    for payload in [large.clone(), text("small"), Payload::default()] {
        let call = client.echo(payload.clone()).compress(algorithm).metadata("x-compress", algorithm.name());
        expect(&*call.timeout(PLENTY).await?, &payload)?;
    }
    let call = client.chat().compress(algorithm).metadata("x-compress", algorithm.name());
    let (mut requests, mut replies) = call.timeout(PLENTY).await?;
    for payload in [large.clone(), text("small"), large] {
        requests.send(payload.clone()).await?;
        expect(&replies.next().await?, &Some(payload.clone()))?;
        requests.send_uncompressed(payload.clone()).await?;
        expect(&replies.next().await?, &Some(payload))?;
    }
    requests.finish();
    expect(&replies.next().await?, &None)
}
