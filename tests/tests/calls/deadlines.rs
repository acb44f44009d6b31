//! Deadlines: over the whole call, on both sides.

use std::time::{Duration, Instant};

use halloo::{Code, Deadline, MessageReceiver, Origin, Status};
use halloo_tests::Letter;

use crate::support::rig::{Rig, Setup, TRANSPORTS};
use crate::support::{shown, soon};

const SHORT: Duration = Duration::from_millis(40);

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

fn assert_expired(status: &Status, began: Instant) {
    assert_eq!((status.code(), status.origin()), (Code::DeadlineExceeded, Origin::Local), "{status:?}");
    assert_eq!(status.message(), "deadline of 40 ms passed");
    assert!(began.elapsed() >= SHORT, "{:?}", began.elapsed());
}

/// Opens a call, and once more as long as the machine was so busy that its time had passed before.
async fn open<T, C>(call: impl Fn() -> C) -> (T, Instant)
where
    C: IntoFuture<Output = Result<T, Status>>,
{
    loop {
        let began = Instant::now();
        match call().await {
            Ok(opened) => return (opened, began),
            Err(status) => assert_expired(&status, began),
        }
    }
}

/// Makes a unary call that takes too long, until a handler has begun with one before its time had passed.
async fn expire_in_handler(rig: &Rig, text: &str) -> Status {
    let started = *rig.seen.started.borrow();
    loop {
        let began = Instant::now();
        let status = soon(rig.client.answer(letter(text)).timeout(SHORT).into_future()).await.unwrap_err();
        assert_expired(&status, began);
        if *rig.seen.started.borrow() > started {
            return status;
        }
    }
}

async fn read_all(mut replies: MessageReceiver<Letter>) -> Status {
    loop {
        match soon(replies.next()).await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream has no end"),
            Err(status) => return status,
        }
    }
}

#[tokio::test]
async fn a_deadline_ends_all_four_kinds_and_their_handlers() {
    for rig in Rig::each().await {
        // To connect may take longer than that, with TLS and on a machine that has much to do.
        rig.client.answer(letter("x")).await.unwrap();
        expire_in_handler(&rig, "hang").await;
        rig.seen.running(0).await;

        let began = Instant::now();
        let status = rig.client.follow(letter("hang")).timeout(SHORT).await.map(drop).unwrap_err();
        assert_expired(&status, began);
        rig.seen.running(0).await;

        let ((mut requests, reply), began) = open(|| rig.client.collect().timeout(SHORT)).await;
        // What matters is the end of the call, which may come first.
        let _ = requests.send(letter("x")).await;
        assert_expired(&soon(reply).await.unwrap_err(), began);
        assert!(requests.is_closed());
        assert!(requests.send(letter("late")).await.is_err());
        rig.seen.running(0).await;

        let ((requests, replies), began) = open(|| rig.client.chat().timeout(SHORT)).await;
        assert_expired(&read_all(replies).await, began);
        drop(requests);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_deadline_covers_a_stream_whose_messages_keep_coming() {
    for rig in Rig::each().await {
        let began = Instant::now();
        // On a machine that is busy it may have passed before the first message.
        let status = match rig.client.follow(letter("endless")).timeout(SHORT).await {
            Ok(replies) => read_all(replies).await,
            Err(status) => status,
        };
        assert_expired(&status, began);
        rig.seen.running(0).await;

        let ((mut requests, reply), began) = open(|| rig.client.collect().timeout(SHORT)).await;
        while requests.send(letter("x")).await.is_ok() {}
        assert_expired(&soon(reply).await.unwrap_err(), began);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_handler_that_hears_of_the_deadline_hears_deadline_exceeded() {
    for rig in Rig::each().await {
        let ((requests, reply), _) = open(|| rig.client.collect().timeout(SHORT)).await;
        soon(reply).await.unwrap_err();
        drop(requests);
        let status = expire_in_handler(&rig, "tell").await;
        assert_eq!(status.code(), Code::DeadlineExceeded);
        soon(rig.seen.told.subscribe().wait_for(|told| *told >= 1)).await.unwrap();
        rig.end().await;
    }
}

#[tokio::test]
async fn handlers_see_the_time_that_is_left() {
    for rig in Rig::each().await {
        let limit = Duration::from_secs(30);
        let left = rig.client.answer(letter("time")).timeout(limit).await.unwrap().number;
        assert!((20_000..=30_000).contains(&left), "{left}");
        let deadline = Deadline::after(Instant::now(), limit);
        let left = rig.client.answer(letter("time")).deadline(deadline).await.unwrap().number;
        assert!((20_000..=30_000).contains(&left), "{left}");
        // The earlier of both counts.
        let left = rig.client.answer(letter("time")).timeout(limit * 2).deadline(deadline).await.unwrap().number;
        assert!((20_000..=30_000).contains(&left), "{left}");
        for (timeout, expected) in [(Some(limit), "deadline"), (None, "no deadline")] {
            let mut call = rig.client.follow(letter("facts").with_number(1));
            if let Some(timeout) = timeout {
                call = call.timeout(timeout);
            }
            let facts = call.await.unwrap().next().await.unwrap().unwrap().text;
            assert!(facts.starts_with(&format!("{expected};")), "{facts}");
        }
        rig.end().await;
    }
}

#[tokio::test]
async fn a_channels_timeout_is_for_calls_that_have_none() {
    for transport in TRANSPORTS {
        let rig = Setup::new(transport).client(|client| client.timeout(SHORT)).rig().await;
        let began = Instant::now();
        assert_expired(&rig.client.answer(letter("hang")).await.unwrap_err(), began);
        let left = rig.client.answer(letter("time")).timeout(Duration::from_secs(30)).await.unwrap().number;
        assert!(left > 20_000, "{left}");
        rig.end().await;
    }
}

#[tokio::test]
async fn a_call_whose_deadline_has_passed_never_leaves() {
    for rig in Rig::each().await {
        let status = rig.client.answer(letter("x")).timeout(Duration::ZERO).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
        let status = rig.client.chat().deadline(Deadline::after(Instant::now(), Duration::ZERO)).await;
        assert_eq!(status.map(drop).unwrap_err().code(), Code::DeadlineExceeded);
        assert_eq!(*rig.seen.started.borrow(), 0);
        rig.end().await;
    }
}

#[tokio::test]
async fn a_timeout_too_long_for_any_clock_is_none() {
    for rig in Rig::each().await {
        assert_eq!(rig.client.answer(letter("x")).timeout(Duration::MAX).await.unwrap().text, "x");
        rig.end().await;
    }
}

#[tokio::test]
async fn the_text_says_where_the_time_went() {
    for rig in Rig::each().await {
        rig.client.answer(letter("x")).await.unwrap();
        let status = rig.client.answer(letter("hang")).timeout(Duration::from_millis(20)).await.unwrap_err();
        let place = format!(" at {}", rig.target.trim_start_matches("http://").trim_start_matches("https://"));
        assert_eq!(
            shown(&status).replace(&place, ""),
            "deadline of 20 ms passed (DEADLINE_EXCEEDED)\n  \
             calling  post.Post/Answer\n  \
             spent    waiting for the server for _ ms\n  \
             hint     .timeout(..) on the call or the channel raises the limit; the server's log may tell what took so long"
        );
        rig.end().await;
    }
}
