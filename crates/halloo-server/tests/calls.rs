//! Calls over a real socket: four kinds, metadata, statuses, deadlines, cancellation, panics, limits.

mod support;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use halloo_call::{Call, Interceptor, Next, OutcomeFuture};
use halloo_core::{Code, ServiceDescriptor, Status};
use halloo_server::{Router, Server};
use support::{
    CHAT, COLLECT, ECHO, FAIL, HANG, NOBODY, PANIC, REPEAT, TestService, call_of, deadline, rig, start, unary,
    unary_with,
};

#[tokio::test]
async fn unary_echoes_message_metadata_and_trailers() {
    let rig = rig(|server| server).await;
    let mut call = call_of(&ECHO);
    for (key, value) in [("x-a", "1"), ("x-b", "2"), ("x-a", "3")] {
        call.metadata_mut().append(key, value).unwrap();
    }
    call.metadata_mut().append_bin("x-raw-bin", vec![0, 1, 255]).unwrap();
    let (message, headers, trailers) = unary_with(&rig.connection, &ECHO, call, "hello").await.unwrap();
    assert_eq!(message, "hello");
    assert_eq!(headers.get_all("x-a").collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(headers.get_bin("x-raw-bin").as_deref(), Some([0, 1, 255].as_slice()));
    assert_eq!(trailers.get("x-trailer"), Some("end"));
}

#[tokio::test]
async fn many_calls_share_a_connection() {
    let rig = rig(|server| server).await;
    for _ in 0..3 {
        let calls: Vec<_> = (0..200)
            .map(|index: u32| {
                let connection = rig.connection.clone();
                tokio::spawn(async move { unary(&connection, &ECHO, index.to_string()).await })
            })
            .collect();
        for (index, call) in calls.into_iter().enumerate() {
            assert_eq!(call.await.unwrap().unwrap(), index.to_string());
        }
    }
}

#[tokio::test]
async fn a_status_arrives_with_message_details_and_trailers() {
    let rig = rig(|server| server).await;
    let status = unary(&rig.connection, &FAIL, "x").await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(status.message(), "not today: ☃");
    assert_eq!(status.details().as_ref(), b"why");
    assert_eq!(status.metadata().get("x-why"), Some("snow"));
}

#[tokio::test]
async fn server_streaming_brings_every_message_in_order() {
    let rig = rig(|server| server).await;
    let (mut requests, mut replies) = start(&rig.connection, &REPEAT, call_of(&REPEAT));
    requests.send("5000".into()).await.unwrap();
    requests.finish();
    assert_eq!(replies.headers().await.unwrap().get("x-count"), Some("5000"));
    for index in 0..5000 {
        assert_eq!(replies.next().await.unwrap().unwrap(), index.to_string());
    }
    assert!(replies.next().await.unwrap().is_none());
    assert_eq!(replies.trailers().unwrap().get("x-done"), Some("yes"));
}

#[tokio::test]
async fn client_streaming_sends_more_than_all_windows() {
    let rig = rig(|server| server).await;
    let (mut requests, replies) = start(&rig.connection, &COLLECT, call_of(&COLLECT));
    let chunk = Bytes::from(vec![7; 1 << 20]);
    for _ in 0..40 {
        requests.send(chunk.clone()).await.unwrap();
    }
    requests.finish();
    let (message, ..) = replies.only_message().await.unwrap();
    assert_eq!(message, (40 << 20).to_string());
}

#[tokio::test]
async fn bidi_streaming_plays_ping_pong() {
    let rig = rig(|server| server).await;
    let (mut requests, mut replies) = start(&rig.connection, &CHAT, call_of(&CHAT));
    for index in 0..100 {
        requests.send(index.to_string().into()).await.unwrap();
        assert_eq!(replies.next().await.unwrap().unwrap(), index.to_string());
    }
    requests.finish();
    assert!(replies.next().await.unwrap().is_none());
}

#[tokio::test]
async fn large_messages_pass_both_ways() {
    let rig = rig(|server| server).await;
    let large = Bytes::from((0..3_000_000_u32).map(|index| u8::try_from(index % 251).unwrap()).collect::<Vec<_>>());
    assert_eq!(unary(&rig.connection, &ECHO, large.clone()).await.unwrap(), large);
}

#[tokio::test]
async fn a_panic_fails_its_call_alone_and_leaks_no_text() {
    let rig = rig(|server| server).await;
    let (mut requests, mut replies) = start(&rig.connection, &CHAT, call_of(&CHAT));
    let status = unary(&rig.connection, &PANIC, "x").await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown);
    assert!(status.message().starts_with("the server failed while handling this call (incident "), "{status}");
    assert!(!format!("{status:?}").contains("secret"));
    requests.send("still here".into()).await.unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap(), "still here");
}

#[tokio::test]
async fn unknown_methods_are_unimplemented_with_a_text() {
    let rig = rig(|server| server).await;
    let status = unary(&rig.connection, &NOBODY, "x").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "this server has no handler for test.Service/Nobody");
}

#[tokio::test]
async fn a_deadline_ends_the_call_on_both_sides() {
    let rig = rig(|server| server).await;
    let mut call = call_of(&HANG);
    call.set_deadline(Some(deadline(Duration::from_millis(50))));
    let status = unary_with(&rig.connection, &HANG, call, "x").await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    rig.seen.dropped.notified().await;
    rig.seen.cancelled.notified().await;
}

#[tokio::test]
async fn dropping_a_call_cancels_its_handler() {
    let rig = rig(|server| server).await;
    let (mut requests, replies) = start(&rig.connection, &HANG, call_of(&HANG));
    requests.send("x".into()).await.unwrap();
    requests.finish();
    rig.seen.hanging.notified().await;
    drop(replies);
    rig.seen.dropped.notified().await;
    rig.seen.cancelled.notified().await;
}

#[tokio::test]
async fn a_request_over_the_limit_names_sizes_side_and_knob() {
    let rig = rig(|server| server.max_request_bytes(1000)).await;
    let status = unary(&rig.connection, &ECHO, vec![0; 1001]).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(
        status.message(),
        "request is 1001 bytes, this server's max_request_bytes is 1000; raise it, or send it in pieces, as a stream"
    );
    assert_eq!(unary(&rig.connection, &ECHO, vec![0; 1000]).await.unwrap().len(), 1000);
}

#[tokio::test]
async fn a_request_stream_that_breaks_off_does_not_look_complete() {
    let rig = rig(|server| server).await;
    let (mut requests, replies) = start(&rig.connection, &COLLECT, call_of(&COLLECT));
    requests.send("half".into()).await.unwrap();
    drop(requests);
    let status = replies.only_message().await.unwrap_err();
    assert_eq!(status.code(), Code::Cancelled);
}

#[tokio::test]
async fn an_interceptor_may_keep_a_server_from_starting() {
    struct Picky;
    impl Interceptor for Picky {
        fn intercept(&self, call: Call, next: Next) -> OutcomeFuture {
            next.run(call)
        }

        fn check(&self, services: &[&'static ServiceDescriptor]) -> Result<(), Status> {
            let names: Vec<_> = services.iter().map(|service| service.name()).collect();
            Err(Status::not_found(format!("not to my taste: {}", names.join(", "))))
        }
    }
    let server = Server::bind("127.0.0.1:0").await.unwrap().intercept(Picky).reflection(true);
    let status = server.serve(TestService(Arc::default())).await.unwrap_err();
    // Health is there, too, but passes by.
    let reflection = "grpc.reflection.v1.ServerReflection, grpc.reflection.v1alpha.ServerReflection";
    assert_eq!(status.to_string(), format!("not to my taste: test.Service, {reflection} (NOT_FOUND)"));
    let router = Router::new(TestService(Arc::default())).intercept(Picky);
    assert_eq!(router.map(|_| ()).unwrap_err().message(), "not to my taste: test.Service");
}

#[tokio::test]
async fn shutdown_lets_running_calls_end_and_then_returns() {
    let rig = rig(|server| server).await;
    let (mut requests, mut replies) = start(&rig.connection, &CHAT, call_of(&CHAT));
    requests.send("before".into()).await.unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap(), "before");
    rig.handle.shutdown();
    rig.connection.closed().await;
    requests.send("after".into()).await.unwrap();
    assert_eq!(replies.next().await.unwrap().unwrap(), "after");
    requests.finish();
    assert!(replies.next().await.unwrap().is_none());
    rig.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn shutdown_cancels_what_still_runs_at_the_drain_limit() {
    let rig = rig(|server| server.drain(Duration::from_millis(20))).await;
    let (mut requests, mut replies) = start(&rig.connection, &HANG, call_of(&HANG));
    requests.send("x".into()).await.unwrap();
    requests.finish();
    rig.seen.hanging.notified().await;
    rig.handle.shutdown();
    rig.serving.await.unwrap().unwrap();
    rig.seen.dropped.notified().await;
    let status = replies.next().await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}
