//! Tests of `src/dispatch/scope.rs`.

use std::time::{Duration, Instant};

use halloo_core::Metadata;

use super::*;
use crate::Request;
use crate::exchange::ends::{CallerEnd, ResponderEnd, exchange};

static OUTER: MethodDescriptor = MethodDescriptor::new("a.Outer", "Call", "/a.Outer/Call", MethodKind::Unary);

fn scope_of(responder: &ResponderEnd) -> Scope {
    Scope { deadline: None, method: &OUTER, cancelled: responder.cancelled() }
}

fn failure(inner: &CallerEnd) -> Option<Status> {
    inner.collect(None, true, drop).outcome.and_then(Result::err)
}

#[test]
fn a_call_that_has_ended_is_not_kept_by_the_one_within_which_it_was_made() {
    let (_outer, outer_responder) = exchange();
    let scope = scope_of(&outer_responder);
    let watchers = || scope.cancelled.exchange().unwrap().watchers();
    let inner: Vec<_> = (0..100).map(|_| exchange().0).collect();
    let bonds: Vec<_> = inner.iter().map(|inner| scope.hold(inner.shared())).collect();
    assert_eq!(watchers(), 100);
    drop(inner);
    drop(bonds);
    assert_eq!(watchers(), 0);
}

#[test]
fn every_call_within_one_that_ends_is_cancelled_and_the_first_end_counts() {
    let (outer, outer_responder) = exchange();
    let scope = scope_of(&outer_responder);
    let (inner, _responders): (Vec<_>, Vec<_>) = (0..2).map(|_| exchange()).unzip();
    let _bonds: Vec<_> = inner.iter().map(|inner| scope.hold(inner.shared())).collect();
    scope.check().unwrap();
    outer.cancel(Status::deadline_exceeded("late"));
    outer_responder.finish(Ok(Metadata::new()));
    for inner in &inner {
        assert_eq!(failure(inner).unwrap().message(), Enclosing::passed(&OUTER).message());
    }
    assert_eq!(scope.check().unwrap_err().code(), Code::DeadlineExceeded);
    let (late, _responder) = exchange();
    let _bond = scope.hold(late.shared());
    assert_eq!(failure(&late).unwrap().code(), Code::DeadlineExceeded, "also one that is begun too late");
}

#[test]
fn a_request_that_a_test_made_has_a_scope_without_an_end() {
    let scope = Request::new(()).scope();
    let (inner, _responder) = exchange();
    let bond = scope.hold(inner.shared());
    scope.check().unwrap();
    assert!(scope.deadline().is_none() && scope.enclosing().is_none() && !bond.is_cancelled());
    assert!(failure(&inner).is_none());
}

#[test]
fn the_earlier_deadline_counts_where_a_handler_polls_another_and_is_forgotten_afterwards() {
    let now = Instant::now();
    let at = |seconds| Enclosing::new(Deadline::after(now, Duration::from_secs(seconds)), Some(&OUTER));
    let current = || Enclosing::current().map(|current| current.deadline);
    at(5).during(|| {
        assert_eq!(current(), Some(at(5).deadline));
        at(9).during(|| assert_eq!(current(), Some(at(5).deadline)));
        at(2).during(|| assert_eq!(current(), Some(at(2).deadline)));
        let panicked = std::panic::catch_unwind(|| at(1).during(|| panic!("boom")));
        assert!(panicked.is_err());
        assert_eq!(current(), Some(at(5).deadline));
    });
    assert_eq!(current(), None);
}
