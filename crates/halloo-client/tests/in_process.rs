//! All four kinds of call, their options, errors and interceptors, against a service in the same process.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod common;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{CHAT, COUNT, JOIN, SAY, Talk, shown};
use halloo_call::{Call, Next};
use halloo_client::{Channel, ChannelBuilder, ConnectivityState};
use halloo_core::{Code, Deadline, Metadata, Status};

fn channel() -> Channel {
    Channel::in_process(Talk::default())
}

#[tokio::test]
async fn a_unary_call_brings_its_reply_with_headers_and_trailers() {
    let channel = channel();
    assert_eq!(channel.state(), ConnectivityState::Ready);
    let reply = channel.unary(&SAY, "hello".into()).await.unwrap();
    assert_eq!(*reply, "you said: hello");
    assert_eq!(reply.headers().get("x-served-by"), Some("edison"));
    assert_eq!(reply.trailers().get("x-cost"), Some("1"));
}

#[tokio::test]
async fn a_failed_call_says_which_it_was_and_keeps_what_the_server_sent() {
    let status = channel().unary(&SAY, "fail no shelf 7".into()).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "no shelf 7 (NOT_FOUND)\n  \
         calling  talk.Talk/Say\n  \
         details  7 bytes that are no google.rpc.Status"
    );
    assert_eq!(status.details().as_ref(), b"details");
    assert_eq!(status.metadata().get("x-cost"), Some("3"));
}

#[tokio::test]
async fn a_unary_call_has_exactly_one_reply() {
    for (request, count) in [("twice", "more than one"), ("none", "no")] {
        let status = channel().unary(&SAY, request.into()).await.unwrap_err();
        assert_eq!(status.to_string(), format!("talk.Talk/Say got {count} reply where one belongs (UNIMPLEMENTED)"));
    }
}

#[tokio::test]
async fn metadata_of_the_channel_comes_before_that_of_the_call() {
    let channel = channel();
    let reply = channel.unary(&SAY, "tell x-id".into()).metadata("X-Id", "1").metadata("x-id", "2").await.unwrap();
    assert_eq!(*reply, "1,2");
    let reply = channel.unary(&SAY, "tell id-bin".into()).metadata_bin("id-bin", vec![7_u8, 255]).await.unwrap();
    assert_eq!(*reply, "b\"\\x07\\xff\"");
}

#[tokio::test]
async fn metadata_that_may_not_travel_fails_the_call_before_it_leaves() {
    let talk = Talk::default();
    let channel = Channel::in_process(talk.clone());
    let call = channel.unary(&SAY, "hello".into()).metadata("grpc-timeout", "1S").metadata("y-bin", "text");
    let status = call.await.unwrap_err();
    assert_eq!(status.to_string(), "metadata key \"grpc-timeout\" is reserved for the protocol (INTERNAL)");
    assert_eq!(talk.seen.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test(start_paused = true)]
async fn e07_a_deadline_says_how_long_it_was_and_where_the_time_went() {
    let channel = channel();
    let status = channel.unary(&SAY, "hang".into()).timeout(Duration::from_millis(200)).await.unwrap_err();
    let expected = "deadline of 200 ms passed (DEADLINE_EXCEEDED)\n  \
                    calling  talk.Talk/Say\n  \
                    spent    waiting for the server for _ ms\n  \
                    hint     .timeout(..) on the call or the channel raises the limit; the server's log may tell what \
                    took so long";
    assert_eq!(shown(&status), expected);

    let mut replies =
        channel.server_streaming(&COUNT, "2 hang".into()).timeout(Duration::from_millis(200)).await.unwrap();
    assert_eq!(replies.next().await.unwrap().as_deref(), Some("0"));
    assert_eq!(replies.next().await.unwrap().as_deref(), Some("1"));
    let status = replies.next().await.unwrap_err();
    assert_eq!(shown(&status), expected.replace("Say", "Count"), "it covers the whole stream");
}

/// The handler waits for more requests, or for their end.
#[tokio::test(start_paused = true)]
async fn a_forgotten_finish_is_named() {
    let (channel, timeout) = (channel(), Duration::from_millis(200));
    let (mut requests, reply) = channel.client_streaming(&JOIN).timeout(timeout).await.unwrap();
    requests.send("x".into()).await.unwrap();
    let joined = reply.await.unwrap_err();
    let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).timeout(timeout).await.unwrap();
    requests.send("x".into()).await.unwrap();
    replies.next().await.unwrap();
    let chatted = replies.next().await.unwrap_err();

    let finish = "call `finish()` after the last request: the server may wait for it";
    let limit = ".timeout(..) on the call or the channel raises the limit; the server's log may tell what took so long";
    for (status, method, hint) in
        [(joined, "Join", finish.to_owned()), (chatted, "Chat", format!("{finish}; or {limit}"))]
    {
        assert_eq!(
            shown(&status),
            format!(
                "deadline of 200 ms passed (DEADLINE_EXCEEDED)\n  \
                 calling  talk.Talk/{method}\n  \
                 spent    waiting for the server for _ ms\n  \
                 hint     {hint}\n  \
                 requests their stream is still open"
            )
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_earlier_of_timeout_and_deadline_counts() {
    let now = tokio::time::Instant::now().into_std();
    let status = channel()
        .unary(&SAY, "hang".into())
        .timeout(Duration::from_secs(9))
        .deadline(Deadline::after(now, Duration::from_secs(2)))
        .await
        .unwrap_err();
    assert_eq!(status.to_string(), "deadline of 2 s passed (DEADLINE_EXCEEDED)");
}

#[tokio::test]
async fn fields_that_the_server_calls_wrong_are_shown() {
    let status = channel().unary(&SAY, "wrong name".into()).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "that will not do (INVALID_ARGUMENT)\n  \
         calling  talk.Talk/Say\n  \
         field    name: must not be empty"
    );
}

#[tokio::test]
async fn e08_a_reply_over_the_limit_names_sizes_side_and_knob() {
    let channel = channel();
    let status = channel.unary(&SAY, "big 5000005".into()).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "reply is 5000005 bytes, this client accepts 4194304 (RESOURCE_EXHAUSTED)\n  \
         calling  talk.Talk/Say\n  \
         hint     .max_reply_bytes(..) on the call or the channel raises the limit, or let the server send it in pieces, as a stream"
    );
    let reply = channel.unary(&SAY, "big 5000005".into()).max_reply_bytes(8 << 20).await.unwrap();
    assert_eq!(reply.len(), 5_000_005);
}

#[tokio::test]
async fn a_request_that_cannot_be_encoded_fails_its_call() {
    let status = channel().unary(&SAY, "unspeakable".into()).await.unwrap_err();
    assert_eq!(format!("{status:?}"), "that cannot be encoded (INTERNAL)\n  calling  talk.Talk/Say");
}

#[tokio::test]
async fn replies_stream() {
    let channel = channel();
    let mut replies = channel.server_streaming(&COUNT, "3 fail".into()).await.unwrap();
    for number in 0..3 {
        assert_eq!(replies.next().await.unwrap(), Some(number.to_string()));
    }
    let status = replies.next().await.unwrap_err();
    assert_eq!(format!("{status:?}"), "lost count (ABORTED)\n  calling  talk.Talk/Count");
    let status = channel.server_streaming(&COUNT, "0 fail".into()).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted, "a failure before any reply comes at once");
}

#[tokio::test]
async fn requests_stream() {
    let channel = channel();
    let reply = channel.client_streaming(&JOIN).send_all(["a", "b", "c"].map(String::from)).await.unwrap();
    assert_eq!(*reply, "a+b+c");
    let (mut requests, reply) = channel.client_streaming(&JOIN).await.unwrap();
    requests.send("x".into()).await.unwrap();
    requests.finish();
    assert_eq!(*reply.await.unwrap(), "x");
}

#[tokio::test]
async fn send_all_stops_when_the_call_has_ended_and_returns_its_result() {
    let channel = channel();
    let long = "y".repeat(10_000);
    for (word, expected) in [("enough", Ok("".to_owned())), ("stop", Err(Code::ResourceExhausted))] {
        let mut asked = 0;
        let endless = std::iter::from_fn(|| {
            asked += 1;
            Some(if asked == 1 { word.to_owned() } else { long.clone() })
        });
        let result = channel.client_streaming(&JOIN).send_all(endless).await;
        assert_eq!(result.map(halloo_call::Reply::into_message).map_err(|status| status.code()), expected);
    }
    let status = channel.client_streaming(&JOIN).send_all(["unspeakable".to_owned()]).await.unwrap_err();
    assert_eq!(status.message(), "that cannot be encoded");
}

#[tokio::test]
async fn both_sides_stream_at_their_own_pace() {
    let (mut requests, mut replies) = channel().bidi_streaming(&CHAT).await.unwrap();
    for word in ["one", "two"] {
        requests.send(word.into()).await.unwrap();
        assert_eq!(replies.next().await.unwrap(), Some(format!("re: {word}")));
    }
    requests.finish();
    assert_eq!(replies.next().await.unwrap(), None);
}

#[tokio::test]
async fn dropping_a_call_cancels_it() {
    let talk = Talk::default();
    let channel = Channel::in_process(talk.clone());
    let hanging = tokio::time::timeout(Duration::from_millis(5), channel.unary(&SAY, "hang".into()).into_future());
    assert!(hanging.await.is_err());
    let replies = channel.server_streaming(&COUNT, "1 hang".into()).await.unwrap();
    drop(replies);
    let (requests, _replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    drop(requests);
    while talk.seen.running.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(talk.seen.calls.load(Ordering::SeqCst), 3);
}

#[test]
fn a_call_without_a_runtime_says_so() {
    let channel = channel();
    let mut call = channel.unary(&SAY, "hello".into()).into_future();
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    let std::task::Poll::Ready(Err(status)) = call.as_mut().poll(&mut cx) else { panic!("nothing can be waited for") };
    assert_eq!(status.message(), "calls need a tokio runtime; await them in a task of one");
}

#[test]
fn futures_are_send_and_builders_are_small() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let channel = channel();
    drop(is_send(channel.unary(&SAY, String::new()).into_future()));
    drop(is_send(channel.server_streaming(&COUNT, String::new()).into_future()));
    drop(is_send(channel.client_streaming(&JOIN).into_future()));
    drop(is_send(channel.client_streaming(&JOIN).send_all(Vec::new())));
    drop(is_send(channel.bidi_streaming(&CHAT).into_future()));
    assert_eq!(size_of::<Channel>(), size_of::<usize>());
}

type Log = Arc<Mutex<Vec<String>>>;

/// A channel whose interceptor writes down what it sees.
fn watched(log: &Log) -> Channel {
    let log = Arc::clone(log);
    ChannelBuilder::in_process(Talk::default())
        .intercept(move |mut call: Call, next: Next| {
            let log = Arc::clone(&log);
            async move {
                let method = call.method().unwrap().name().to_owned();
                call.metadata_mut().append("x-token", "secret")?;
                let outcome = next.run(call).await;
                let end = match &outcome {
                    Ok(trailers) => format!("{method} ok {}", trailers.get("x-cost").unwrap_or("-")),
                    Err(status) => format!("{method} {}", status.code()),
                };
                log.lock().unwrap().push(end);
                outcome
            }
        })
        .build()
        .unwrap()
}

#[tokio::test]
async fn an_interceptor_sees_every_kind_of_call_and_how_it_ends() {
    let log = Log::default();
    let channel = watched(&log);
    assert_eq!(*channel.unary(&SAY, "tell x-token".into()).await.unwrap(), "secret");
    assert_eq!(*channel.unary(&SAY, "hello".into()).await.unwrap(), "you said: hello");
    channel.unary(&SAY, "fail x".into()).await.unwrap_err();
    channel.unary(&SAY, "big 5000005".into()).await.unwrap_err();
    let mut replies = channel.server_streaming(&COUNT, "1 fail".into()).await.unwrap();
    while let Ok(Some(_)) = replies.next().await {}
    channel.client_streaming(&JOIN).send_all(["a".to_owned()]).await.unwrap();
    let (requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    requests.finish();
    assert_eq!(replies.next().await.unwrap(), None);
    let seen = log.lock().unwrap().join("; ");
    assert_eq!(seen, "Say ok -; Say ok 1; Say NOT_FOUND; Say RESOURCE_EXHAUSTED; Count ABORTED; Join ok -; Chat ok -");
}

#[tokio::test]
async fn an_interceptor_answers_early_and_the_server_sees_nothing() {
    let talk = Talk::default();
    let channel = ChannelBuilder::in_process(talk.clone())
        .intercept(async |_: Call, _: Next| Err(Status::unauthenticated("no token")))
        .build()
        .unwrap();
    let expected = |method: &str| format!("no token (UNAUTHENTICATED)\n  calling  talk.Talk/{method}");
    let status = channel.unary(&SAY, "hello".into()).await.unwrap_err();
    assert_eq!(format!("{status:?}"), expected("Say"));
    let status = channel.server_streaming(&COUNT, "1".into()).await.unwrap_err();
    assert_eq!(format!("{status:?}"), expected("Count"));
    let status = channel.client_streaming(&JOIN).send_all(Vec::new()).await.unwrap_err();
    assert_eq!(format!("{status:?}"), expected("Join"));
    let status = channel.bidi_streaming(&CHAT).await.unwrap_err();
    assert_eq!(format!("{status:?}"), expected("Chat"));
    assert_eq!(talk.seen.calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_interceptor_changes_how_a_call_ends() {
    let channel = ChannelBuilder::in_process(Talk::default())
        .intercept(async |call: Call, next: Next| match next.run(call).await {
            Err(status) if status.code() == Code::NotFound => Err(Status::permission_denied("not for you")),
            Err(status) if status.code() == Code::Aborted => Ok(Metadata::new()),
            outcome => outcome,
        })
        .build()
        .unwrap();
    let status = channel.unary(&SAY, "fail x".into()).await.unwrap_err();
    assert_eq!(status.to_string(), "not for you (PERMISSION_DENIED)");
    let mut replies = channel.server_streaming(&COUNT, "1 fail".into()).await.unwrap();
    assert_eq!(replies.next().await.unwrap().as_deref(), Some("0"));
    assert_eq!(replies.next().await.unwrap(), None);
}

#[tokio::test]
async fn an_early_end_without_a_failure_is_an_empty_stream() {
    let channel = ChannelBuilder::in_process(Talk::default())
        .intercept(async |_: Call, _: Next| Ok(Metadata::new()))
        .build()
        .unwrap();
    let mut replies = channel.server_streaming(&COUNT, "1".into()).await.unwrap();
    assert_eq!(replies.next().await.unwrap(), None);
    let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    assert_eq!(requests.send("x".into()).await.unwrap_err().code(), Code::Cancelled);
    assert_eq!(replies.next().await.unwrap(), None);
    let status = channel.unary(&SAY, "hello".into()).await.unwrap_err();
    assert_eq!(status.to_string(), "talk.Talk/Say got no reply where one belongs (UNIMPLEMENTED)");
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_that_gives_a_unary_call_up_ends_it() {
    let talk = Talk::default();
    let channel = ChannelBuilder::in_process(talk.clone())
        .intercept(async |call: Call, next: Next| {
            match tokio::time::timeout(Duration::from_millis(50), next.run(call)).await {
                Ok(outcome) => outcome,
                Err(_) => Err(Status::aborted("too slow for me")),
            }
        })
        .build()
        .unwrap();
    let status = channel.unary(&SAY, "hang".into()).await.unwrap_err();
    assert_eq!(status.to_string(), "too slow for me (ABORTED)");
    while talk.seen.running.load(Ordering::SeqCst) > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_interceptor_sets_the_deadline() {
    let channel = ChannelBuilder::in_process(Talk::default())
        .intercept(async |mut call: Call, next: Next| {
            let now = tokio::time::Instant::now().into_std();
            call.set_deadline(Some(Deadline::after(now, Duration::from_secs(3))));
            next.run(call).await
        })
        .build()
        .unwrap();
    let status = channel.unary(&SAY, "hang".into()).await.unwrap_err();
    assert_eq!(status.to_string(), "deadline of 3 s passed (DEADLINE_EXCEEDED)");
}
