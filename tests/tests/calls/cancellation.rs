//! Calls that are given up: at every point, by either side.

use std::future::poll_fn;
use std::task::Poll;

use halloo::{Code, Status};
use halloo_tests::Letter;

use crate::support::rig::Rig;
use crate::support::soon;

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

/// Polls a future once; it is not ready.
async fn begin<F: Future + Unpin>(future: &mut F) {
    poll_fn(|cx| {
        assert!(std::pin::Pin::new(&mut *future).poll(cx).is_pending());
        Poll::Ready(())
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_not_awaited_does_nothing() {
    for rig in Rig::each().await {
        drop(rig.client.answer(letter("x")).into_future());
        drop(rig.client.chat().into_future());
        let _ = rig.client.collect();
        rig.client.answer(letter("y")).await.unwrap();
        assert_eq!(*rig.seen.started.borrow(), 1);
        rig.end().await;
    }
}

#[tokio::test]
async fn dropping_a_call_that_waits_drops_its_handler() {
    for rig in Rig::each().await {
        let mut call = rig.client.answer(letter("tell")).into_future();
        begin_and_wait(&rig, &mut call, 1).await;
        drop(call);
        rig.seen.told(1).await;
        rig.seen.running(0).await;

        let mut call = rig.client.follow(letter("tell")).into_future();
        begin_and_wait(&rig, &mut call, 2).await;
        drop(call);
        rig.seen.told(2).await;
        rig.seen.running(0).await;

        let mut call = Box::pin(rig.client.collect().send_all([letter("tell")]));
        begin_and_wait(&rig, &mut call, 3).await;
        drop(call);
        rig.seen.told(3).await;
        rig.end().await;
    }
}

/// Polls `call` until that many handlers have begun.
async fn begin_and_wait<F: Future + Unpin>(rig: &Rig, call: &mut F, started: usize) {
    tokio::select! {
        biased;
        _ = call => panic!("the call has ended"),
        () = rig.seen.started(started) => {}
    }
}

#[tokio::test]
async fn a_call_that_was_dropped_at_once_leaves_nothing() {
    for rig in Rig::each().await {
        for _ in 0..20 {
            let mut call = rig.client.answer(letter("hang")).into_future();
            begin(&mut call).await;
            drop(call);
        }
        assert_eq!(rig.client.answer(letter("x")).await.unwrap().text, "x");
        rig.end().await;
    }
}

#[tokio::test]
async fn dropping_the_replies_stops_the_handler() {
    for rig in Rig::each().await {
        let mut replies = rig.client.follow(letter("endless")).await.unwrap();
        for _ in 0..3 {
            replies.next().await.unwrap().unwrap();
        }
        drop(replies);
        rig.seen.running(0).await;

        let mut replies = rig.client.follow(letter("tell").with_number(1)).await.unwrap();
        replies.next().await.unwrap().unwrap();
        drop(replies);
        rig.seen.told(1).await;

        let (mut requests, replies) = rig.client.chat().await.unwrap();
        requests.send(letter("x")).await.unwrap();
        rig.seen.started(3).await;
        drop(replies);
        rig.seen.running(0).await;
        assert!(requests.is_closed());
        assert_eq!(requests.send(letter("y")).await.unwrap_err().code(), Code::Cancelled);
        rig.end().await;
    }
}

#[tokio::test]
async fn dropping_the_pending_reply_cancels_the_call() {
    for rig in Rig::each().await {
        let (mut requests, reply) = rig.client.collect().await.unwrap();
        requests.send(letter("tell")).await.unwrap();
        rig.seen.running(1).await;
        drop(reply);
        rig.seen.told(1).await;
        rig.seen.running(0).await;
        assert_eq!(requests.send(letter("y")).await.unwrap_err().code(), Code::Cancelled);
        rig.end().await;
    }
}

#[tokio::test]
async fn requests_that_break_off_never_look_complete() {
    for rig in Rig::each().await {
        let (mut requests, reply) = rig.client.collect().await.unwrap();
        requests.send(letter("x")).await.unwrap();
        rig.seen.running(1).await;
        drop(requests);
        let status = soon(reply).await.unwrap_err();
        assert_eq!(status.to_string(), "the request stream was dropped without `finish()` (CANCELLED)");
        rig.seen.running(0).await;

        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        requests.send(letter("x")).await.unwrap();
        replies.next().await.unwrap().unwrap();
        drop(requests);
        assert_eq!(soon(replies.next()).await.unwrap_err().code(), Code::Cancelled);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_server_that_ends_early_ends_the_requests() {
    for rig in Rig::each().await {
        let (mut requests, mut reply) = rig.client.collect().await.unwrap();
        requests.send(letter("early").with_number(7)).await.unwrap();
        let reply = soon(&mut reply).await.unwrap();
        assert_eq!(reply.number, 7);
        assert!(requests.is_closed());
        let status = requests.send(letter("late")).await.unwrap_err();
        assert_eq!(status.code(), Code::Cancelled, "{status:?}");
        assert_eq!(requests.send(letter("late")).await.unwrap_err().code(), Code::Cancelled);
        requests.finish();

        let (mut requests, mut replies) = rig.client.chat().await.unwrap();
        requests.send(letter("bye")).await.unwrap();
        assert_eq!(soon(replies.next()).await.unwrap(), None);
        assert!(requests.send(letter("late")).await.is_err());
        drop(requests);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_client_that_streams_for_ever_learns_how_the_call_ended() {
    for rig in Rig::each().await {
        let endless = std::iter::once(letter("early").with_number(9)).chain(std::iter::repeat_with(|| letter("more")));
        assert_eq!(soon(rig.client.collect().send_all(endless)).await.unwrap().number, 9);
        let fail = letter("fail").with_number(9);
        let endless = std::iter::once(fail).chain(std::iter::repeat_with(|| letter("more")));
        let status = soon(rig.client.collect().send_all(endless)).await.unwrap_err();
        assert_eq!(status.code(), Code::FailedPrecondition);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_call_that_has_ended_is_not_cancelled() {
    for rig in Rig::each().await {
        let (mut requests, replies) = rig.client.chat().await.unwrap();
        requests.send(letter("bye")).await.unwrap();
        rig.seen.started(1).await;
        rig.seen.running(0).await;
        drop(replies);
        drop(requests);
        assert!(rig.seen.failed.borrow().is_empty());
        assert_eq!(*rig.seen.told.borrow(), 0);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_handler_that_waits_for_requests_hears_why_they_end() {
    for rig in Rig::each().await {
        // The handler is dropped at its `await`, so it cannot tell; its task is woken all the same.
        let (mut requests, replies) = rig.client.chat().await.unwrap();
        requests.send(letter("x")).await.unwrap();
        rig.seen.running(1).await;
        drop((requests, replies));
        rig.seen.running(0).await;
        rig.end().await;
    }
}

#[tokio::test]
async fn sending_waits_for_a_handler_that_does_not_read() {
    for rig in Rig::each().await {
        let (mut requests, reply) = rig.client.collect().await.unwrap();
        requests.send(letter("gate")).await.unwrap();
        let parcel = vec![1; 64 * 1024];
        // More than all buffers on the way hold.
        let mut sending = Box::pin(async {
            for _ in 0..1024 {
                requests.send(Letter::default().with_parcel(parcel.clone())).await?;
            }
            requests.finish();
            Ok::<(), Status>(())
        });
        tokio::select! {
            biased;
            result = &mut sending => panic!("64 MiB went somewhere: {result:?}"),
            () = rig.seen.running(1) => {}
        }
        begin(&mut sending).await;
        rig.seen.gate.add_permits(1);
        soon(sending).await.unwrap();
        assert_eq!(soon(reply).await.unwrap().parcel.len(), 4 * 1025);
        rig.end().await;
    }
}
