//! Connects to all addresses of a service, and gives each connected one its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use halloo::{
    Address, ConnectFailure, ConnectivityState, Control, LoadBalancer, Pick, PickArgs, Picker, Status, SubchannelId,
    SubchannelUpdate,
};

#[derive(Default)]
pub struct Turns {
    slots: Vec<Slot>,
    next: Arc<AtomicUsize>,
}

/// One address.
struct Slot {
    id: SubchannelId,
    address: Address,
    is_ready: bool,
    /// Of the latest attempt. It stays until there is a connection, so that calls do not wait for attempts without end.
    failure: Option<ConnectFailure>,
}

impl Turns {
    /// READY with one connection, CONNECTING while an address may still get one, failing when all have failed.
    fn publish(&self, control: &mut Control) {
        let failures: Vec<_> = self.slots.iter().filter_map(|slot| slot.failure.clone()).collect();
        if self.slots.iter().any(|slot| slot.is_ready) {
            self.publish_as(ConnectivityState::Ready, Pick::Queue, control);
        } else if failures.len() < self.slots.len() {
            self.publish_as(ConnectivityState::Connecting, Pick::Queue, control);
        } else {
            let unreachable = Pick::Fail(control.unreachable(&failures));
            self.publish_as(ConnectivityState::TransientFailure, unreachable, control);
        }
    }

    fn publish_as(&self, state: ConnectivityState, otherwise: Pick, control: &mut Control) {
        let ready = self.slots.iter().filter(|slot| slot.is_ready).map(|slot| slot.id).collect();
        control.publish(state, Arc::new(Turn { ready, next: Arc::clone(&self.next), otherwise }));
    }
}

impl LoadBalancer for Turns {
    fn exit_idle(&mut self, _now: Instant, control: &mut Control) {
        control.request_addresses();
        self.publish_as(ConnectivityState::Connecting, Pick::Queue, control);
    }

    fn handle_addresses(&mut self, _now: Instant, addresses: Vec<Address>, control: &mut Control) {
        let mut before = std::mem::take(&mut self.slots);
        for address in addresses {
            if let Some(position) = before.iter().position(|slot| slot.address == address) {
                self.slots.push(before.swap_remove(position)); // it keeps its connection, or its back-off
            } else if self.slots.iter().all(|slot| slot.address != address) {
                let id = control.create(address.clone());
                control.connect(id);
                self.slots.push(Slot { id, address, is_ready: false, failure: None });
            }
        }
        before.iter().for_each(|slot| control.remove(slot.id));
        self.publish(control);
    }

    fn handle_resolver_failure(&mut self, _now: Instant, status: Status, control: &mut Control) {
        if self.slots.is_empty() {
            self.publish_as(ConnectivityState::TransientFailure, Pick::Fail(status), control);
        }
    }

    fn handle_subchannel(&mut self, _: Instant, id: SubchannelId, update: SubchannelUpdate, control: &mut Control) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == id) else { return };
        slot.is_ready = matches!(update, SubchannelUpdate::Ready);
        match update {
            SubchannelUpdate::Ready => slot.failure = None,
            SubchannelUpdate::Failed(failure) => {
                slot.failure = Some(failure);
                control.request_addresses(); // it may have moved
            }
            SubchannelUpdate::Idle => {
                control.connect(id);
                control.request_addresses();
            }
            _ => {}
        }
        self.publish(control);
    }
}

struct Turn {
    ready: Vec<SubchannelId>,
    next: Arc<AtomicUsize>,
    otherwise: Pick,
}

impl Picker for Turn {
    fn pick(&self, _args: &PickArgs<'_>) -> Pick {
        match self.ready.len() {
            0 => self.otherwise.clone(),
            count => Pick::Subchannel(self.ready[self.next.fetch_add(1, Relaxed) % count]),
        }
    }
}
