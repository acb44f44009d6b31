//! Tests of `src/dispatch/running.rs`.

use std::future::{pending, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::time::Instant;

use halloo_core::{Code, Metadata, MethodDescriptor, MethodKind, MethodRef, Origin};

use super::*;
use crate::exchange::ends::{CallerEnd, exchange};
use crate::exchange::state::Outcome;

static METHOD: MethodRef = MethodRef::new(&MethodDescriptor::new("a.B", "C", "/a.B/C", MethodKind::Unary));

/// Counts its polls, and itself as long as it lives.
#[derive(Clone, Default)]
struct Counts {
    polls: Arc<AtomicUsize>,
    alive: Arc<()>,
}

impl Counts {
    fn handling(&self, ends_at_poll: usize) -> (CallerEnd, Handling, HandlerWatch) {
        let (caller, responder) = exchange();
        let watch = responder.handler_watch();
        let counts = self.clone();
        let work = std::future::poll_fn(move |_| {
            let _alive = &counts.alive;
            let polls = counts.polls.fetch_add(1, Ordering::Relaxed) + 1;
            if polls < ends_at_poll { Poll::Pending } else { Poll::Ready(Ok(Metadata::new())) }
        });
        (caller, Handling::rpc(Box::pin(work), responder, &METHOD, None), watch)
    }

    fn polls(&self) -> usize {
        self.polls.load(Ordering::Relaxed)
    }

    fn is_alive(&self) -> bool {
        Arc::strong_count(&self.alive) > 1
    }
}

#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn poll(running: &mut RunningHandler) -> bool {
    Pin::new(running).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn outcome_of(caller: &CallerEnd) -> Outcome {
    caller.collect(None, true, drop).outcome.expect("the call has ended")
}

fn never(_: Deadline) -> DeadlineTimer {
    Box::pin(pending())
}

fn at_once(_: Deadline) -> DeadlineTimer {
    Box::pin(ready(()))
}

fn unused(_: Deadline) -> DeadlineTimer {
    panic!("the handler ended at its first poll")
}

#[test]
fn a_handler_runs_to_its_end() {
    let deadline = Deadline::after(Instant::now(), std::time::Duration::from_secs(1));
    for (ends_at_poll, timer) in [(1, unused as fn(Deadline) -> DeadlineTimer), (3, never)] {
        for allowance in [Allowance::Unlimited, Allowance::Client(deadline), Allowance::Server(deadline)] {
            let counts = Counts::default();
            let (caller, handling, watch) = counts.handling(ends_at_poll);
            let mut running = RunningHandler::timed(handling, watch, allowance, timer);
            for _ in 1..ends_at_poll {
                assert!(!poll(&mut running));
            }
            assert!(poll(&mut running) && !counts.is_alive());
            assert!(poll(&mut running) && counts.polls() == ends_at_poll, "it is polled no more");
            assert!(outcome_of(&caller).is_ok());
        }
    }
}

#[test]
fn a_handler_whose_call_is_cancelled_is_dropped_and_not_polled_again() {
    for polls in [0, 1, 2] {
        let counts = Counts::default();
        let (caller, handling, watch) = counts.handling(usize::MAX);
        let mut running = RunningHandler::new(handling, watch, None);
        let woken = Arc::new(Woken::default());
        let waker = Waker::from(Arc::clone(&woken));
        for _ in 0..polls {
            assert!(Pin::new(&mut running).poll(&mut Context::from_waker(&waker)).is_pending());
        }
        caller.cancel(Status::aborted("enough"));
        assert_eq!(woken.0.load(Ordering::Relaxed), usize::from(polls > 0));
        assert!(poll(&mut running) && !counts.is_alive() && counts.polls() == polls);
        assert_eq!(outcome_of(&caller).unwrap_err().code(), Code::Aborted);
    }
}

#[test]
fn a_call_that_is_cancelled_by_its_handler_ends_with_that_poll() {
    let (caller, responder) = exchange();
    let watch = responder.handler_watch();
    let other = caller.handler_watch();
    let work = std::future::poll_fn(move |_| {
        other.cancel(Status::aborted("enough"));
        Poll::Pending
    });
    let handling = Handling::rpc(Box::pin(work), responder, &METHOD, None);
    assert!(poll(&mut RunningHandler::new(handling, watch, None)));
    assert_eq!(outcome_of(&caller).unwrap_err().code(), Code::Aborted);
}

#[test]
fn a_handler_whose_time_is_up_is_dropped_and_the_call_says_whose_time_it_was() {
    let deadline = Deadline::after(Instant::now(), std::time::Duration::ZERO);
    for (allowance, origin) in
        [(Allowance::Client(deadline), Origin::Local), (Allowance::Server(deadline), Origin::Peer)]
    {
        let counts = Counts::default();
        let (caller, handling, watch) = counts.handling(usize::MAX);
        let mut running = RunningHandler::timed(handling, watch, allowance, at_once);
        assert!(poll(&mut running) && !counts.is_alive() && counts.polls() == 1);
        let status = outcome_of(&caller).unwrap_err();
        assert_eq!((status.code(), status.origin()), (Code::DeadlineExceeded, origin));
    }
}

#[test]
fn a_call_without_end_needs_no_timer() {
    let counts = Counts::default();
    let (_caller, handling, watch) = counts.handling(usize::MAX);
    let mut running = RunningHandler::timed(handling, watch, Allowance::Unlimited, unused);
    assert!(!poll(&mut running) && !poll(&mut running));
}

#[test]
fn a_task_that_is_dropped_fails_its_call() {
    let counts = Counts::default();
    let (caller, handling, watch) = counts.handling(usize::MAX);
    let mut running = RunningHandler::new(handling, watch, None);
    assert!(!poll(&mut running));
    drop(running);
    assert!(!counts.is_alive());
    assert_eq!(outcome_of(&caller).unwrap_err().code(), Code::Unavailable);
}
