//! What a sender knows of its reader's pace, and how a long stream learns that the server stops.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use halloo::{Code, MessageSender};
use halloo_tests::{Letter, PostServer};

use crate::support::office::Office;
use crate::support::rig::Rig;
use crate::support::soon;

/// As much as may wait in one direction.
const FULL: usize = 64 * 1024;

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

async fn is_pending(future: impl Future) -> bool {
    let mut future = pin!(future);
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

#[tokio::test]
async fn headers_may_leave_before_the_first_message() {
    for rig in Rig::each().await {
        for number in [2, 0] {
            // Without its headers the call would not be there until the gate opens.
            let call = rig.client.follow(letter("headers").with_number(number)).metadata("h-a", "one");
            let mut replies = soon(call.into_future()).await.unwrap();
            assert_eq!(replies.headers().await.unwrap().get("h-a"), Some("one"));
            rig.seen.gate.add_permits(1);
            for number in 0..number {
                assert_eq!(soon(replies.next()).await.unwrap().unwrap().number, number);
            }
            assert_eq!(soon(replies.next()).await.unwrap(), None);
        }
        rig.end().await;
    }
}

#[tokio::test]
async fn a_sender_knows_whether_there_is_room() {
    for rig in Rig::each().await {
        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        assert!(requests.has_room());
        requests.encode(letter("gate").with_parcel(vec![1; FULL])).unwrap();
        // Nothing else has run since.
        assert!(!requests.has_room());
        assert!(is_pending(requests.ready()).await);
        rig.seen.gate.add_permits(1);
        soon(requests.ready()).await.unwrap();
        assert!(requests.has_room());
        requests.send_all(["a", "b"].map(letter)).await.unwrap();
        requests.finish();
        for text in ["gate", "a", "b"] {
            assert_eq!(soon(replies.next()).await.unwrap().unwrap().text, text);
        }
        assert_eq!(soon(replies.next()).await.unwrap(), None);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_sender_that_waits_for_room_learns_that_the_call_has_failed() {
    for rig in Rig::each().await {
        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        requests.send(letter("fail").with_number(Code::Aborted.as_u32())).await.unwrap();
        assert_eq!(soon(replies.next()).await.unwrap_err().code(), Code::Aborted);
        assert!(requests.has_room(), "there is nothing to wait for");
        assert!(soon(requests.ready()).await.is_err());
        assert!(soon(requests.send_all(["a", "b"].map(letter))).await.is_err());
        rig.end().await;
    }
}

#[tokio::test]
async fn a_sender_that_collects_always_has_room() {
    let mut replies = MessageSender::collect();
    replies.send_all([letter("a"), letter("b")]).await.unwrap();
    assert!(replies.has_room());
    replies.ready().await.unwrap();
    assert_eq!(replies.into_messages(), [letter("a"), letter("b")]);
}

#[tokio::test]
async fn whoever_asks_is_told_that_the_server_stops() {
    for rig in Rig::each().await {
        let Some(serving) = &rig.serving else { continue };
        let (one, other) = (serving.handle.stopping(), serving.handle.stopping());
        assert!(is_pending(serving.handle.stopping()).await);
        serving.handle.shutdown();
        soon(one).await;
        soon(other).await;
        soon(serving.handle.stopping()).await;
        rig.end().await;
    }
}

#[tokio::test]
async fn whatever_stops_the_server_is_told() {
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = halloo::Server::bind("127.0.0.1:0").await.unwrap().shutdown_on(async { drop(stopped.await) });
    let stopping = server.handle().stopping();
    let serving = tokio::spawn(server.serve(PostServer::new(Office::default())));
    stop.send(()).unwrap();
    soon(stopping).await;
    soon(serving).await.unwrap().unwrap();
}
