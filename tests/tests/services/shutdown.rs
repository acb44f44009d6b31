//! A server that stops: health says so first, and neither watches nor tools hold it up.

use std::time::Duration;

use halloo::Code;
use halloo::health::{HealthClient, ServingStatus};
use halloo_services::reflection::{INFO, MessageRequest, ServerReflectionRequest};
use halloo_tests::Letter;

use crate::channel;
use crate::health::next;
use crate::raw::{DATA, GOAWAY, HEADERS, Raw, call_fields_to};
use crate::support::rig::{Rig, Setup, Transport};
use crate::support::soon;

/// A drain limit that no test waits for.
const FOR_EVER: Duration = Duration::from_secs(3600);

async fn patient_rig() -> Rig {
    Setup::new(Transport::Tcp).server(|server| server.drain(FOR_EVER)).rig().await
}

#[tokio::test]
async fn a_watch_is_told_and_ends() {
    let rig = patient_rig().await;
    let client = HealthClient::new(channel(&rig).await);
    let mut server = client.watch("").await.unwrap();
    let mut service = client.watch("post.Post").await.unwrap();
    let mut unknown = client.watch("no.Body").await.unwrap();
    assert_eq!(next(&mut server).await, Ok(ServingStatus::SERVING));
    assert_eq!(next(&mut service).await, Ok(ServingStatus::SERVING));
    assert_eq!(next(&mut unknown).await, Ok(ServingStatus::SERVICE_UNKNOWN));
    // Neither the watches nor the channel are let go: they must not matter.
    let serving = rig.serving.unwrap();
    serving.end().await;
    for watch in [&mut server, &mut service] {
        assert_eq!(next(watch).await, Ok(ServingStatus::NOT_SERVING));
        assert_eq!(next(watch).await, Err(Code::Unavailable));
    }
    assert_eq!(next(&mut unknown).await, Err(Code::Unavailable));
}

#[tokio::test]
async fn a_running_call_sees_health_change_while_it_drains() {
    let rig = patient_rig().await;
    let client = HealthClient::new(channel(&rig).await);
    let mut watch = client.watch("post.Post").await.unwrap();
    assert_eq!(next(&mut watch).await, Ok(ServingStatus::SERVING));
    let running = tokio::spawn({
        let client = rig.client.clone();
        async move { client.answer(Letter::default().with_text("gate")).await }
    });
    rig.seen.running(1).await;
    let serving = rig.serving.unwrap();
    serving.handle.shutdown();
    assert_eq!(next(&mut watch).await, Ok(ServingStatus::NOT_SERVING));
    assert!(!serving.ended.is_finished());
    rig.seen.gate.add_permits(1);
    soon(running).await.unwrap().unwrap();
    soon(serving.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn not_serving_leaves_before_goaway() {
    let rig = patient_rig().await;
    let mut raw = Raw::open(&rig).await;
    raw.call(1, &call_fields_to("/grpc.health.v1.Health/Watch", &[]), &[0, 0, 0, 0, 0]).await;
    loop {
        let frame = raw.next().await.unwrap();
        if (frame.kind, frame.stream) == (DATA, 1) {
            assert_eq!(frame.payload, [0, 0, 0, 0, 2, 8, 1]);
            break;
        }
    }
    rig.serving.as_ref().unwrap().handle.shutdown();
    let mut kinds = Vec::new();
    while let Some(frame) = raw.next().await {
        match frame.kind {
            DATA => assert_eq!((frame.stream, &frame.payload[..]), (1, &[0, 0, 0, 0, 2, 8, 2][..])),
            HEADERS | GOAWAY => {}
            _ => continue,
        }
        kinds.push(frame.kind);
        if frame.kind == HEADERS {
            break;
        }
    }
    let position = |kind| kinds.iter().position(|found| *found == kind);
    assert!(position(DATA).is_some_and(|data| position(GOAWAY).is_none_or(|goaway| data < goaway)), "{kinds:?}");
    drop(raw);
    soon(rig.serving.unwrap().ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_open_reflection_stream_holds_nothing_up() {
    let rig = patient_rig().await;
    let channel = channel(&rig).await;
    let (mut requests, mut replies) = channel.bidi_streaming(&INFO).await.unwrap();
    let list = MessageRequest::ListServices("*".into());
    requests.send(ServerReflectionRequest { message_request: Some(list), ..Default::default() }).await.unwrap();
    assert!(soon(replies.next()).await.unwrap().is_some());
    rig.serving.unwrap().end().await;
    assert_eq!(soon(replies.next()).await.unwrap_err().code(), Code::Unavailable);
}
