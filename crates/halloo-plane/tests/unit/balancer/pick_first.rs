//! Tests of `src/balancer/pick_first.rs`.

use std::time::Duration;

use halloo_core::{Metadata, MethodDescriptor, MethodKind, MethodRef};

use super::*;
use crate::balancer::Command;
use crate::failure::{Cause, Unreachable};

/// A balancer and what it asked its channel for, as text.
struct Bench {
    balancer: PickFirst,
    control: Control,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        Self { balancer: PickFirst::new(), control: Control::new("greeter:1"), now: Instant::now() }
    }

    fn addresses(&mut self, ports: &[u16]) -> String {
        let addresses: Vec<_> = ports.iter().map(|port| Address::Tcp(([10, 0, 0, 1], *port).into())).collect();
        self.balancer.handle_resolution(self.now, addresses.into(), &mut self.control);
        self.asked()
    }

    fn exit_idle(&mut self) -> String {
        self.balancer.exit_idle(self.now, &mut self.control);
        self.asked()
    }

    fn update(&mut self, id: u64, update: SubchannelUpdate) -> String {
        self.balancer.handle_subchannel(self.now, SubchannelId(id), update, &mut self.control);
        self.asked()
    }

    fn fail(&mut self, id: u64) -> String {
        let why = Unreachable { reason: "connection refused".into(), cause: Cause::Refused, hint: None };
        let address = self.balancer.slots.iter().find(|slot| slot.id.0 == id).unwrap().address.clone();
        self.update(id, SubchannelUpdate::Failed(ConnectFailure::new(address, why, Duration::ZERO)))
    }

    fn asked(&mut self) -> String {
        let mut asked = Vec::new();
        while let Some(command) = self.control.next_command() {
            asked.push(match &command {
                Command::Publish(ConnectivityState::TransientFailure, picker) => match picker.pick(&args()) {
                    Pick::Fail(status) => format!("publish {status}"),
                    other => panic!("{other:?} does not fail"),
                },
                command => format!("{command:?}"),
            });
        }
        asked.join("; ")
    }
}

fn args() -> PickArgs<'static> {
    static METHOD: MethodRef = MethodRef::new(&MethodDescriptor::new("a.B", "C", "/a.B/C", MethodKind::Unary));
    static METADATA: Metadata = Metadata::new();
    PickArgs::new(&METHOD, &METADATA)
}

#[test]
fn addresses_are_tried_in_order_and_the_first_that_answers_wins() {
    let mut bench = Bench::new();
    assert_eq!(bench.addresses(&[1, 2, 3]), "", "nobody wants a connection yet");
    assert_eq!(
        bench.exit_idle(),
        "create 0 10.0.0.1:1; create 1 10.0.0.1:2; create 2 10.0.0.1:3; publish CONNECTING; connect 0"
    );
    assert_eq!(bench.update(0, SubchannelUpdate::Connecting), "");
    assert_eq!(bench.fail(0), "connect 1");
    assert_eq!(bench.update(0, SubchannelUpdate::Idle), "", "a back-off that ends does not disturb the pass");
    assert_eq!(bench.update(1, SubchannelUpdate::Ready), "remove 0; remove 2; publish READY");
    assert_eq!(bench.exit_idle(), "");
}

#[test]
fn a_name_is_resolved_when_somebody_wants_a_connection() {
    let mut bench = Bench::new();
    assert_eq!(bench.exit_idle(), "request resolution; publish CONNECTING");
    assert_eq!(bench.addresses(&[1, 1]), "create 0 10.0.0.1:1; publish CONNECTING; connect 0");
}

#[test]
fn failure_is_sticky_until_one_connects() {
    let mut bench = Bench::new();
    bench.addresses(&[1, 2]);
    bench.exit_idle();
    assert_eq!(bench.fail(0), "connect 1");
    assert_eq!(bench.fail(1), "request resolution; publish cannot reach greeter:1: connection refused (UNAVAILABLE)");
    assert_eq!(bench.addresses(&[1, 2]), "", "the same addresses change nothing");
    assert_eq!(bench.update(1, SubchannelUpdate::Idle), "connect 1", "each is tried as its back-off ends");
    assert_eq!(bench.update(0, SubchannelUpdate::Idle), "connect 0");
    assert_eq!(bench.fail(0), "publish cannot reach greeter:1: connection refused (UNAVAILABLE)");
    assert_eq!(bench.update(1, SubchannelUpdate::Ready), "remove 0; publish READY");
}

#[test]
fn a_lost_connection_makes_the_channel_idle() {
    let mut bench = Bench::new();
    bench.addresses(&[1]);
    bench.exit_idle();
    bench.update(0, SubchannelUpdate::Ready);
    assert_eq!(bench.update(0, SubchannelUpdate::Idle), "remove 0; request resolution; publish IDLE");
    assert_eq!(bench.exit_idle(), "create 1 10.0.0.1:1; publish CONNECTING; connect 1");
}

#[test]
fn a_lost_connection_whose_successor_is_under_way_begins_a_pass_with_it() {
    let mut bench = Bench::new();
    bench.addresses(&[1, 2]);
    bench.exit_idle();
    bench.update(0, SubchannelUpdate::Ready);
    assert_eq!(
        bench.update(0, SubchannelUpdate::Connecting),
        "request resolution; create 2 10.0.0.1:2; publish CONNECTING"
    );
    assert_eq!(bench.fail(0), "connect 2");
    assert_eq!(bench.update(2, SubchannelUpdate::Ready), "remove 0; publish READY");
    assert_eq!(
        bench.fail(2),
        "request resolution; create 3 10.0.0.1:1; publish CONNECTING; connect 3",
        "its successor had failed already"
    );
}

#[test]
fn new_addresses_move_the_connection_only_if_its_own_is_gone() {
    let mut bench = Bench::new();
    bench.addresses(&[1]);
    bench.exit_idle();
    bench.update(0, SubchannelUpdate::Ready);
    assert_eq!(bench.addresses(&[2, 1]), "");
    assert_eq!(bench.addresses(&[3]), "create 1 10.0.0.1:3; remove 0; publish CONNECTING; connect 1");
    assert_eq!(bench.update(0, SubchannelUpdate::Idle), "", "what is removed is forgotten");
}

#[test]
fn new_addresses_while_failing_are_tried_without_leaving_failure() {
    let mut bench = Bench::new();
    bench.addresses(&[1]);
    bench.exit_idle();
    bench.fail(0);
    assert_eq!(bench.addresses(&[1, 2]), "create 1 10.0.0.1:2; connect 1");
    assert_eq!(bench.update(1, SubchannelUpdate::Ready), "remove 0; publish READY");
}

#[test]
fn a_resolver_without_an_answer_fails_the_channel_until_it_has_one() {
    let mut bench = Bench::new();
    bench.exit_idle();
    bench.balancer.handle_resolver_failure(bench.now, Status::unavailable("no"), &mut bench.control);
    assert_eq!(bench.asked(), "publish no (UNAVAILABLE)");
    assert_eq!(bench.addresses(&[]), "publish cannot reach greeter:1: it has no address (UNAVAILABLE)");
    assert_eq!(bench.balancer.poll_timeout(), Some(bench.now + EMPTY_LIST_PAUSE));
    bench.balancer.handle_timeout(bench.now, &mut bench.control);
    assert_eq!(bench.asked(), "request resolution");
    bench.addresses(&[]);
    assert_eq!(bench.addresses(&[1]), "create 0 10.0.0.1:1; connect 0");
    bench.balancer.handle_resolver_failure(bench.now, Status::unavailable("no"), &mut bench.control);
    assert_eq!(bench.asked(), "", "known addresses stay good");
    assert_eq!(bench.balancer.poll_timeout(), None);
}
