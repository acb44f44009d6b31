//! `PickFirst`: one connection, to the first address that takes it (gRPC's default policy, with A62).
//!
//! A pass tries the addresses in order. When all have failed the channel is in TRANSIENT_FAILURE and stays
//! there until one connects, each address being tried again as its back-off ends. A lost connection makes the
//! channel IDLE; the next call begins a pass.

use std::sync::Arc;
use std::time::{Duration, Instant};

use halloo_core::{Address, Status};

use crate::balancer::{Control, Fail, LoadBalancer, Pick, PickArgs, Picker, SubchannelId, SubchannelUpdate, Wait};
use crate::failure::ConnectFailure;
use crate::resolver::Resolution;
use crate::state::ConnectivityState;

/// How long after an empty list the resolver is asked again. At once would be an endless loop: a resolver may answer
/// while it is asked, as [`Fixed`](crate::Fixed) does.
const EMPTY_LIST_PAUSE: Duration = Duration::from_secs(1);

/// Connects to the first address that can be reached, and sends every call there.
#[derive(Debug, Default)]
pub struct PickFirst {
    addresses: Vec<Address>,
    slots: Vec<Slot>,
    phase: Phase,
    /// Every address has failed since the last connection: the channel stays in TRANSIENT_FAILURE (A62).
    is_failing: bool,
    /// The list was empty: when to ask the resolver again.
    ask_again_at: Option<Instant>,
}

/// An address of a pass.
#[derive(Debug)]
struct Slot {
    id: SubchannelId,
    address: Address,
    state: SlotState,
    /// Of its latest attempt since the last connection.
    failure: Option<ConnectFailure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SlotState {
    Idle,
    Connecting,
    BackingOff,
}

#[derive(Clone, Copy, Debug, Default)]
enum Phase {
    /// Nobody wants a connection.
    #[default]
    Idle,
    /// Somebody wants one, and no address is known.
    Resolving,
    /// The addresses are tried in order.
    Pass,
    /// A pass has failed; each address is tried again when its back-off ends.
    Retrying,
    Connected(SubchannelId),
}

impl PickFirst {
    /// Makes the policy, without addresses yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tries the known addresses; subchannels of addresses that stay are kept, with their back-off.
    fn begin_pass(&mut self, control: &mut Control) {
        let mut kept = std::mem::take(&mut self.slots);
        for address in &self.addresses {
            let slot = match kept.iter().position(|slot| slot.address == *address) {
                Some(position) => kept.swap_remove(position),
                None => Slot {
                    id: control.create(address.clone()),
                    address: address.clone(),
                    state: SlotState::Idle,
                    failure: None,
                },
            };
            self.slots.push(slot);
        }
        for slot in kept {
            control.remove(slot.id);
        }
        self.phase = Phase::Pass;
        if !self.is_failing {
            control.publish(ConnectivityState::Connecting, Arc::new(Wait));
        }
        self.go_on(control);
    }

    /// Tries the next address of the pass: the first that is neither in its back-off nor has failed already.
    fn go_on(&mut self, control: &mut Control) {
        if self.slots.iter().any(|slot| slot.state == SlotState::Connecting) {
            return;
        }
        let untried = |slot: &&mut Slot| slot.state == SlotState::Idle && slot.failure.is_none();
        if let Some(slot) = self.slots.iter_mut().find(untried) {
            slot.state = SlotState::Connecting;
            control.connect(slot.id);
            return;
        }
        self.phase = Phase::Retrying;
        self.is_failing = true;
        control.request_resolution();
        self.publish_failure(control);
        for slot in self.slots.iter_mut().filter(|slot| slot.state == SlotState::Idle) {
            slot.state = SlotState::Connecting;
            control.connect(slot.id);
        }
    }

    fn publish_failure(&self, control: &mut Control) {
        let failures: Vec<_> = self.slots.iter().filter_map(|slot| slot.failure.clone()).collect();
        let status = control.unreachable(&failures);
        control.publish(ConnectivityState::TransientFailure, Arc::new(Fail(status)));
    }

    fn connected(&mut self, id: SubchannelId, control: &mut Control) {
        for slot in &self.slots {
            if slot.id != id {
                control.remove(slot.id);
            }
        }
        self.slots.retain(|slot| slot.id == id);
        for slot in &mut self.slots {
            slot.failure = None;
        }
        self.is_failing = false;
        self.phase = Phase::Connected(id);
        control.publish(ConnectivityState::Ready, Arc::new(One(id)));
    }

    fn disconnected(&mut self, control: &mut Control) {
        for slot in self.slots.drain(..) {
            control.remove(slot.id);
        }
        self.phase = Phase::Idle;
        control.request_resolution();
        control.publish(ConnectivityState::Idle, Arc::new(Wait));
    }

    /// The last connection has ended while an attempt at a further one was under way, or had failed (gRFC A105): that
    /// attempt is the first of a pass.
    fn lost_while_connecting(&mut self, control: &mut Control) {
        control.request_resolution();
        self.begin_pass(control);
    }

    /// Without addresses there is nothing to try: the channel fails until the resolver has some.
    fn fail_without_addresses(&mut self, status: Status, control: &mut Control) {
        for slot in self.slots.drain(..) {
            control.remove(slot.id);
        }
        self.phase = Phase::Resolving;
        self.is_failing = true;
        control.publish(ConnectivityState::TransientFailure, Arc::new(Fail(status)));
    }
}

impl LoadBalancer for PickFirst {
    fn handle_resolution(&mut self, now: Instant, resolution: Resolution, control: &mut Control) {
        self.ask_again_at = None;
        self.addresses.clear();
        for address in resolution.addresses() {
            if !self.addresses.contains(address) {
                self.addresses.push(address.clone());
            }
        }
        if self.addresses.is_empty() {
            let status = control.unreachable(&[]);
            self.fail_without_addresses(status, control);
            self.ask_again_at = Some(now + EMPTY_LIST_PAUSE);
            return;
        }
        match self.phase {
            Phase::Idle => {}
            Phase::Connected(_) if self.slots.iter().any(|slot| self.addresses.contains(&slot.address)) => {}
            Phase::Connected(_) | Phase::Resolving | Phase::Pass => self.begin_pass(control),
            Phase::Retrying => {
                let is_same = self.slots.len() == self.addresses.len()
                    && self.slots.iter().all(|slot| self.addresses.contains(&slot.address));
                if !is_same {
                    self.begin_pass(control);
                }
            }
        }
    }

    fn handle_resolver_failure(&mut self, _now: Instant, status: Status, control: &mut Control) {
        if matches!(self.phase, Phase::Resolving) {
            self.fail_without_addresses(status, control);
        }
    }

    fn handle_subchannel(&mut self, _now: Instant, id: SubchannelId, update: SubchannelUpdate, control: &mut Control) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == id) else { return };
        match update {
            SubchannelUpdate::Ready => self.connected(id, control),
            SubchannelUpdate::Connecting => {
                slot.state = SlotState::Connecting;
                if matches!(self.phase, Phase::Connected(_)) {
                    self.lost_while_connecting(control);
                }
            }
            SubchannelUpdate::Failed(failure) => {
                slot.state = SlotState::BackingOff;
                slot.failure = Some(failure);
                match self.phase {
                    Phase::Pass => self.go_on(control),
                    Phase::Connected(_) => self.lost_while_connecting(control),
                    _ => self.publish_failure(control),
                }
            }
            SubchannelUpdate::Idle => {
                slot.state = SlotState::Idle;
                match self.phase {
                    Phase::Connected(connected) if connected == id => self.disconnected(control),
                    Phase::Pass => self.go_on(control),
                    Phase::Retrying => {
                        slot.state = SlotState::Connecting;
                        control.connect(id);
                    }
                    _ => {}
                }
            }
        }
    }

    fn exit_idle(&mut self, _now: Instant, control: &mut Control) {
        if !matches!(self.phase, Phase::Idle) {
            return;
        }
        if self.addresses.is_empty() {
            self.phase = Phase::Resolving;
            control.request_resolution();
            control.publish(ConnectivityState::Connecting, Arc::new(Wait));
        } else {
            self.begin_pass(control);
        }
    }

    fn handle_timeout(&mut self, _now: Instant, control: &mut Control) {
        self.ask_again_at = None;
        control.request_resolution();
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.ask_again_at
    }
}

/// Sends every call to one subchannel.
#[derive(Debug)]
struct One(SubchannelId);

impl Picker for One {
    fn pick(&self, _args: &PickArgs<'_>) -> Pick {
        self.0.into()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/balancer/pick_first.rs"]
mod tests;
