//! Many calls on one connection that stall or break off: the others do not notice, and nothing is left behind.

mod support;

use std::time::Duration;

use bytes::Bytes;
use halloo_core::{Code, Status};
use halloo_transport::{ConnectOptions, Http2Config, ReturnedCalls, connect};
use support::{CHAT, COLLECT, ECHO, HANG, REPEAT, call_of, deadline, rig, start, unary, unary_with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_is_paused_for_good_holds_up_no_other_stream() {
    let rig = rig(|server| server).await;
    // A reply stream that its client never reads.
    let (mut requests, paused) = start(&rig.connection, &REPEAT, call_of(&REPEAT));
    requests.send("10000000".into()).await.unwrap();
    requests.finish();
    // A request stream that its handler never reads past the pipe, because its own replies are not read.
    let (mut stuck, never_read) = start(&rig.connection, &CHAT, call_of(&CHAT));
    let chunk = Bytes::from(vec![1; 64 * 1024]);
    for _ in 0..4 {
        stuck.send(chunk.clone()).await.unwrap();
    }
    let others: Vec<_> = (0..99)
        .map(|_| {
            let connection = rig.connection.clone();
            let chunk = chunk.clone();
            tokio::spawn(async move {
                let (mut requests, replies) = start(&connection, &COLLECT, call_of(&COLLECT));
                for _ in 0..16 {
                    requests.send(chunk.clone()).await?;
                }
                requests.finish();
                let (sum, ..) = replies.only_message().await?;
                let echo = unary(&connection, &ECHO, chunk.clone()).await?;
                Ok::<_, Status>((sum, echo.len()))
            })
        })
        .collect();
    for other in others {
        let (sum, echo) = other.await.unwrap().unwrap();
        assert_eq!((sum, echo), (Bytes::from((16 * 64 * 1024).to_string()), 64 * 1024));
    }
    drop((paused, never_read));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_break_off_anywhere_leave_a_connection_that_works() {
    let rig = rig(|server| server).await;
    let tasks: Vec<_> = (0_u64..64)
        .map(|seed| {
            let connection = rig.connection.clone();
            tokio::spawn(async move {
                let mut random = seed;
                for _ in 0..25 {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    // Most live longer than the age at which a server takes a reset for an attack.
                    let micros = (random >> 33) % 40_000;
                    let call = async {
                        let (mut requests, mut replies) = start(&connection, &CHAT, call_of(&CHAT));
                        for _ in 0..2000 {
                            requests.send(Bytes::from_static(&[5; 2000])).await?;
                            replies.next().await?;
                        }
                        requests.finish();
                        replies.next().await
                    };
                    // Either outcome is fine; what counts is what is left afterwards.
                    let _ = tokio::time::timeout(Duration::from_micros(micros), call).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(unary(&rig.connection, &ECHO, "alive").await.unwrap(), "alive");
    rig.handle.shutdown();
    // Returns at once only if no stream and no handler was left behind.
    rig.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_lost_connection_fails_its_calls_with_unavailable() {
    let rig = rig(|server| server).await;
    let (mut requests, mut replies) = start(&rig.connection, &CHAT, call_of(&CHAT));
    requests.send("x".into()).await.unwrap();
    replies.next().await.unwrap();
    rig.connection.close();
    assert_eq!(replies.next().await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_call_that_could_not_leave_is_given_back() {
    let mut config = Http2Config::default();
    config.limits.max_concurrent_streams = 1;
    let rig = rig(|server| server.http2(config)).await;
    let (returned, mut given_back) = tokio::sync::mpsc::unbounded_channel();
    let mut options = ConnectOptions::new("test");
    options.returned = Some(ReturnedCalls::new(move |refused| {
        // The test is over if nobody listens.
        let _ = returned.send(refused);
    }));
    let connection = connect(&rig.address, options).await.unwrap();
    let (mut first, hanging) = start(&connection, &HANG, call_of(&HANG));
    first.send("x".into()).await.unwrap();
    first.finish();
    rig.seen.hanging.notified().await;
    let (mut second, mut replies) = start(&connection, &ECHO, call_of(&ECHO));
    second.send("waits for a stream".into()).await.unwrap();
    second.finish();
    rig.handle.shutdown();
    let refused = given_back.recv().await.unwrap();
    assert_eq!(refused.head.method.full_name(), "test.Service/Echo");
    refused.responder.finish(Err(Status::aborted("seen")));
    assert_eq!(replies.next().await.unwrap_err().code(), Code::Aborted);
    drop(hanging);
    rig.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn reading_replies_does_not_put_the_sender_to_sleep() {
    let rig = rig(|server| server).await;
    let (mut requests, replies) = start(&rig.connection, &COLLECT, call_of(&COLLECT));
    let sending = async {
        for _ in 0..64 {
            requests.send(Bytes::from_static(&[3; 64 * 1024])).await.unwrap();
        }
        requests.finish();
    };
    let ((), reply) = tokio::join!(sending, replies.only_message());
    assert_eq!(reply.unwrap().0, (64 * 64 * 1024).to_string());
}

#[tokio::test]
async fn no_deadline_is_swept_away_with_those_of_calls_that_have_ended() {
    let rig = rig(|server| server).await;
    let with_deadline = |method: &'static halloo_core::Method<Bytes, Bytes>, timeout: Duration| {
        let mut call = call_of(method);
        call.set_deadline(Some(deadline(timeout)));
        call
    };
    for ended in 0..200 {
        let call = with_deadline(&ECHO, Duration::from_secs(600));
        unary_with(&rig.connection, &ECHO, call, "x").await.unwrap();
        if ended > 60 && ended % 3 == 0 {
            let call = with_deadline(&HANG, Duration::from_millis(1));
            let status = unary_with(&rig.connection, &HANG, call, "x").await.unwrap_err();
            assert_eq!(status.code(), Code::DeadlineExceeded);
        }
    }
}

#[tokio::test]
async fn a_call_that_waits_for_a_stream_can_be_cancelled() {
    let mut config = Http2Config::default();
    config.limits.max_concurrent_streams = 1;
    let rig = rig(|server| server.http2(config)).await;
    let (mut first, hanging) = start(&rig.connection, &HANG, call_of(&HANG));
    first.send("x".into()).await.unwrap();
    first.finish();
    rig.seen.hanging.notified().await;
    for _ in 0..100 {
        drop(start(&rig.connection, &ECHO, call_of(&ECHO)));
    }
    drop(hanging);
    rig.seen.dropped.notified().await;
    // The server's place is free a moment after the handler has ended; until then it refuses streams.
    while let Err(status) = unary(&rig.connection, &ECHO, "next").await {
        assert_eq!(status.code(), Code::Unavailable);
    }
    rig.handle.shutdown();
    rig.serving.await.unwrap().unwrap();
}

#[tokio::test]
async fn many_half_large_requests_do_not_close_the_connections_window_on_each_other() {
    let rig = rig(|server| server).await;
    let half = Bytes::from(vec![1; 40 * 1024]);
    let mut calls = Vec::new();
    for _ in 0..600 {
        let (mut requests, replies) = start(&rig.connection, &ECHO, call_of(&ECHO));
        requests.encode(Bytes::from(vec![2; 60 * 1024])).unwrap();
        calls.push((requests, replies));
    }
    for (requests, replies) in calls {
        requests.finish();
        assert_eq!(replies.only_message().await.unwrap().0.len(), 60 * 1024);
    }
    assert_eq!(unary(&rig.connection, &ECHO, half.clone()).await.unwrap(), half);
}
