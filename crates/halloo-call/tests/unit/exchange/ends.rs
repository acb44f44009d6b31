//! Tests of `src/exchange/ends.rs`.

use std::task::Waker;

use halloo_core::{Code, Metadata};

use super::*;
use crate::exchange::state::PIPE_LIMIT_BYTES;

fn outcome_of(caller: &CallerEnd) -> Outcome {
    caller.collect(None, true, drop).outcome.expect("the call has ended")
}

#[test]
fn a_cancelled_call_ends_with_what_it_was_cancelled_for() {
    let (caller, responder) = exchange();
    caller.cancel(Status::deadline_exceeded("too late"));
    drop(responder);
    assert_eq!(outcome_of(&caller).unwrap_err().code(), Code::DeadlineExceeded);
}

#[test]
fn a_responder_that_is_dropped_fails_its_call() {
    let (caller, responder) = exchange();
    drop(responder);
    assert_eq!(outcome_of(&caller).unwrap_err().code(), Code::Unavailable);
}

#[test]
fn a_feed_waits_for_the_reader_until_the_call_is_over() {
    let (caller, responder) = exchange();
    let feed = caller.request_feed();
    let cx = Context::from_waker(Waker::noop());
    feed.push(Bytes::from(vec![0; PIPE_LIMIT_BYTES]));
    assert!(feed.poll_room(&cx).is_pending());
    assert_eq!(responder.collect(None, true, drop).bytes, PIPE_LIMIT_BYTES);
    assert!(feed.poll_room(&cx).is_ready());
    feed.push(Bytes::from(vec![0; PIPE_LIMIT_BYTES]));
    feed.finish();
    assert!(!feed.is_over());
    caller.cancel(Status::cancelled("enough"));
    assert!(feed.is_over() && feed.poll_room(&cx).is_ready());
}

#[test]
fn only_the_first_outcome_counts() {
    let (caller, responder) = exchange();
    responder.finish(Ok(Metadata::new()));
    responder.finish(Err(Status::internal("late")));
    caller.cancel(Status::cancelled("later"));
    assert!(outcome_of(&caller).is_ok());
}

#[test]
fn a_recycled_exchange_remembers_nothing() {
    let mut pool = ExchangePool::default();
    let (caller, responder) = pool.exchange();
    caller.push_request(Bytes::from_static(b"old"), true);
    responder.push_response(Bytes::from_static(b"old"));
    responder.finish(Err(Status::internal("old")));
    drop(responder);
    pool.recycle(caller);
    let (caller, responder) = pool.exchange();
    let progress = caller.collect(None, true, |chunk| panic!("{chunk:?}"));
    assert!(progress.outcome.is_none() && progress.head.is_none());
    let progress = responder.collect(None, true, |chunk| panic!("{chunk:?}"));
    assert!(!progress.finished && progress.cancelled.is_none() && progress.credit == 0);
}

#[test]
fn an_exchange_that_somebody_holds_is_not_recycled() {
    let mut pool = ExchangePool::default();
    let (caller, responder) = pool.exchange();
    let cancelled = responder.cancelled();
    responder.finish(Ok(Metadata::new()));
    drop(responder);
    pool.recycle(caller);
    assert!(pool.free.is_empty());
    assert!(!cancelled.is_cancelled());
}

#[test]
fn a_whole_request_is_taken_only_if_it_is_one_message_in_one_piece() {
    for (chunks, expected) in [
        (vec![b"\0\0\0\0\x02hi".as_slice()], Some(b"hi".as_slice())),
        (vec![b"\0\0\0\0\0"], Some(b"")),
        (vec![b"\x01\0\0\0\x02hi"], None),
        (vec![b"\0\0\0\0\x02h"], None),
        (vec![b"\0\0\0\0\x02hi!"], None),
        (vec![b"\0\0\0\0\x04four"], None),
        (vec![b"\0\0\0", b"\0\x02hi"], None),
        (vec![b"\0"], None),
    ] {
        let (caller, responder) = exchange();
        for chunk in &chunks {
            caller.push_request(Bytes::from_static(chunk), false);
        }
        assert_eq!(responder.take_whole_request(None, 3), None, "the request is not complete");
        caller.finish_request();
        assert_eq!(responder.take_whole_request(None, 3).as_deref(), expected, "{chunks:?}");
        let [chunk] = chunks[..] else { continue };
        let (_caller, responder) = exchange();
        assert_eq!(responder.take_whole_request(Some(Bytes::from_static(chunk)), 3).as_deref(), expected);
        let left = if expected.is_some() { 0 } else { chunk.len() };
        assert_eq!(responder.collect(None, true, drop).bytes, left, "the rest is read from the exchange");
    }
}

#[test]
fn who_watches_a_call_hears_of_its_end() {
    for is_cancelled in [false, true] {
        let (caller, responder) = exchange();
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        let mut cancelled = std::pin::pin!(responder.cancelled());
        assert!(cancelled.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        if is_cancelled {
            caller.cancel(Status::cancelled("enough"));
        } else {
            responder.finish(Ok(Metadata::new()));
        }
        assert!(woken.0.load(Ordering::Relaxed), "the watcher is woken");
        drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1, "and its waker is let go");
        assert!(cancelled.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
        assert_eq!(cancelled.is_cancelled(), is_cancelled);
    }
}

#[derive(Default)]
struct Woken(AtomicBool);

impl std::task::Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
