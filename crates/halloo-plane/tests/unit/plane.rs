//! Tests of `src/plane.rs`.

use std::time::Duration;

use super::*;
use crate::backoff::Backoff;
use crate::balancer::PickFirst;
use crate::failure::Cause;
use crate::resolver::{Dns, Fixed};

/// A plane and a clock that moves only when told.
struct Bench {
    plane: Plane,
    now: Instant,
}

impl Bench {
    fn new(resolver: impl Resolver) -> Self {
        let pace =
            Pace { backoff: Backoff::new().jitter(0.0), connect_timeout: Duration::from_secs(20), max_connections: 3 };
        let plane = Plane::new(Box::new(resolver), Box::new(PickFirst::new()), "greeter:1", pace, Dice::seeded(1));
        Self { plane, now: Instant::now() }
    }

    fn fixed(ports: &[u16]) -> Self {
        Self::new(Fixed::new(ports.iter().map(|port| address(*port)).collect::<Vec<_>>()))
    }

    /// What is to be done, as text; and the channel's state.
    fn todo(&mut self) -> String {
        let mut todo: Vec<_> = std::iter::from_fn(|| self.plane.poll_action())
            .filter_map(|action| match action {
                Action::Publish => None,
                Action::Connect { attempt, address, .. } => Some(format!("connect {} {address}", attempt.0)),
                Action::Lookup { host, .. } => Some(format!("look up {host}")),
                Action::Abandon(attempt) => Some(format!("abandon {}", attempt.0)),
                Action::Release(_) => Some("release".into()),
            })
            .collect();
        todo.push(self.plane.state().to_string());
        todo.join("; ")
    }

    fn exit_idle(&mut self) -> String {
        self.plane.exit_idle(self.now);
        self.todo()
    }

    fn refuse(&mut self, attempt: u64) -> String {
        let why = Unreachable { reason: "connection refused".into(), cause: Cause::Refused, hint: None };
        self.plane.handle_attempt(self.now, AttemptId(attempt), Err(why));
        self.todo()
    }

    /// Lets the time of the next timer come.
    fn next_timer(&mut self) -> String {
        self.now = self.plane.poll_timeout().unwrap();
        self.plane.handle_timeout(self.now);
        self.todo()
    }
}

fn address(port: u16) -> Address {
    Address::Tcp(([10, 0, 0, 1], port).into())
}

#[test]
fn a_server_that_is_down_is_tried_with_growing_pauses() {
    let mut bench = Bench::fixed(&[1]);
    let start = bench.now;
    assert_eq!(bench.exit_idle(), "connect 0 10.0.0.1:1; CONNECTING");
    let mut pauses = Vec::new();
    for attempt in 0..4 {
        assert_eq!(bench.refuse(attempt), "TRANSIENT_FAILURE");
        let todo = bench.next_timer();
        assert_eq!(todo, format!("connect {} 10.0.0.1:1; TRANSIENT_FAILURE", attempt + 1));
        pauses.push((bench.now - start).as_millis());
    }
    assert_eq!(pauses, [1000, 2600, 5160, 9256]);
    let id = bench.plane.handle_attempt(bench.now, AttemptId(4), Ok(())).unwrap();
    assert_eq!(bench.todo(), "READY");
    bench.plane.handle_closed(bench.now, id);
    assert_eq!(bench.todo(), "release; IDLE");
    assert_eq!(bench.plane.poll_timeout(), None, "an idle channel does nothing");
    assert_eq!(bench.exit_idle(), "connect 5 10.0.0.1:1; CONNECTING");
}

#[test]
fn an_empty_answer_is_asked_about_again_after_a_pause() {
    let mut bench = Bench::fixed(&[]);
    let start = bench.now;
    assert_eq!(bench.exit_idle(), "TRANSIENT_FAILURE");
    for seconds in 1..4 {
        assert_eq!(bench.next_timer(), "TRANSIENT_FAILURE");
        assert_eq!(bench.now - start, Duration::from_secs(seconds));
    }
}

#[test]
fn an_answer_that_comes_too_late_is_nobodys() {
    let mut bench = Bench::fixed(&[1, 2]);
    bench.exit_idle();
    assert_eq!(bench.next_timer(), "abandon 0; connect 1 10.0.0.1:2; CONNECTING");
    assert_eq!(bench.plane.handle_attempt(bench.now, AttemptId(0), Ok(())), None);
    assert!(bench.plane.handle_attempt(bench.now, AttemptId(1), Ok(())).is_some());
    assert_eq!(bench.todo(), "release; READY");
}

#[test]
fn a_lost_connection_asks_the_resolver_again_but_not_within_thirty_seconds() {
    let mut bench = Bench::new(Dns::new("greeter", 1));
    assert_eq!(bench.exit_idle(), "look up greeter; CONNECTING");
    bench.plane.handle_lookup(bench.now, Ok(vec![([10, 0, 0, 1], 1).into()]));
    assert_eq!(bench.todo(), "connect 0 10.0.0.1:1; CONNECTING");
    let id = bench.plane.handle_attempt(bench.now, AttemptId(0), Ok(())).unwrap();
    bench.plane.handle_closed(bench.now, id);
    assert_eq!(bench.todo(), "release; IDLE");
    assert_eq!(bench.exit_idle(), "connect 1 10.0.0.1:1; CONNECTING", "the known address serves meanwhile");
    assert_eq!(bench.plane.poll_timeout(), Some(bench.now + Duration::from_secs(20)));
    bench.plane.handle_attempt(bench.now, AttemptId(1), Ok(()));
    bench.todo();
    assert_eq!(bench.next_timer(), "look up greeter; READY");
}

/// A bench whose only address has a connection.
fn connected() -> (Bench, SubchannelId) {
    let mut bench = Bench::fixed(&[1]);
    bench.exit_idle();
    let id = bench.plane.handle_attempt(bench.now, AttemptId(0), Ok(())).unwrap();
    assert_eq!(bench.todo(), "READY");
    (bench, id)
}

impl Bench {
    fn full(&mut self, id: SubchannelId) -> String {
        self.plane.handle_full(self.now, id);
        self.todo()
    }

    fn close(&mut self, id: SubchannelId) -> String {
        self.plane.handle_closed(self.now, id);
        self.todo()
    }

    fn accept(&mut self, attempt: u64) -> String {
        self.plane.handle_attempt(self.now, AttemptId(attempt), Ok(())).unwrap();
        self.todo()
    }
}

#[test]
fn a105_a_full_subchannel_gets_connections_one_after_the_other_up_to_its_maximum() {
    let (mut bench, id) = connected();
    assert_eq!(bench.full(id), "connect 1 10.0.0.1:1; READY");
    assert_eq!(bench.full(id), "READY", "one attempt at a time");
    assert_eq!(bench.accept(1), "READY");
    assert_eq!(bench.full(id), "connect 2 10.0.0.1:1; READY");
    assert_eq!(bench.accept(2), "READY");
    assert_eq!(bench.full(id), "READY", "three are the limit");
    assert_eq!(bench.close(id), "READY");
    assert_eq!(bench.full(id), "connect 3 10.0.0.1:1; READY", "one has gone, in whichever way");
    assert_eq!(bench.accept(3), "READY");
    for _ in 0..2 {
        assert_eq!(bench.close(id), "READY");
    }
    assert_eq!(bench.close(id), "release; IDLE");
    assert_eq!(bench.plane.poll_timeout(), None);
}

#[test]
fn a105_a_further_connection_that_fails_respects_the_back_off_and_disturbs_nobody() {
    let (mut bench, id) = connected();
    let start = bench.now;
    let mut pauses = Vec::new();
    for attempt in 1..4 {
        assert_eq!(bench.full(id), format!("connect {attempt} 10.0.0.1:1; READY"));
        assert_eq!(bench.refuse(attempt), "READY");
        assert_eq!(bench.full(id), "READY", "not before the back-off is over");
        assert_eq!(bench.next_timer(), "READY");
        pauses.push((bench.now - start).as_millis());
    }
    assert_eq!(pauses, [1000, 2600, 5160]);
    assert_eq!(bench.full(id), "connect 4 10.0.0.1:1; READY");
    assert_eq!(bench.next_timer(), "abandon 4; READY", "20 s are the limit");
    assert_eq!(bench.next_timer(), "READY");
    assert_eq!(bench.plane.poll_timeout(), None, "who needs no further connection does nothing");
    assert_eq!(bench.full(id), "connect 5 10.0.0.1:1; READY");
    assert_eq!(bench.accept(5), "READY");
    assert_eq!(bench.full(id), "connect 6 10.0.0.1:1; READY");
    assert_eq!(bench.refuse(6), "READY");
    assert_eq!(bench.plane.poll_timeout(), Some(bench.now + Duration::from_secs(1)), "success resets the back-off");
}

#[test]
fn a105_losing_the_only_connection_leaves_what_the_next_one_is() {
    let (mut bench, id) = connected();
    bench.full(id);
    assert_eq!(bench.close(id), "CONNECTING");
    assert_eq!(bench.accept(1), "READY");
    bench.full(id);
    assert_eq!(bench.refuse(2), "READY");
    assert_eq!(bench.close(id), "TRANSIENT_FAILURE");
    assert_eq!(bench.next_timer(), "connect 3 10.0.0.1:1; TRANSIENT_FAILURE");
    assert_eq!(bench.accept(3), "READY");
}

#[test]
fn a105_what_is_removed_gives_up_its_attempt_and_its_connections() {
    let (mut bench, id) = connected();
    bench.full(id);
    bench.plane.remove(id);
    assert_eq!(bench.todo(), "abandon 1; release; READY");
    assert_eq!(bench.full(id), "READY");
    assert_eq!(bench.plane.handle_attempt(bench.now, AttemptId(1), Ok(())), None);
}

#[test]
fn a105_another_driver_begins_without_connections_and_attempts() {
    let (mut bench, id) = connected();
    bench.full(id);
    bench.accept(1);
    bench.full(id);
    bench.plane.restart(bench.now);
    assert_eq!(bench.todo(), "release; IDLE");
}

#[test]
fn another_driver_begins_from_idle() {
    let mut bench = Bench::new(Dns::new("greeter", 1));
    bench.exit_idle();
    bench.plane.restart(bench.now);
    assert_eq!(bench.todo(), "look up greeter; CONNECTING", "the question is asked again");
    bench.plane.handle_lookup(bench.now, Ok(vec![([10, 0, 0, 1], 1).into()]));
    bench.plane.handle_attempt(bench.now, AttemptId(0), Ok(()));
    bench.plane.restart(bench.now);
    assert_eq!(bench.todo(), "release; IDLE");
}
