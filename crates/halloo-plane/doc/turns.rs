//! Connects to all addresses of a service, and gives each connected one its turn, but those first that have the fewest
//! calls in flight.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Instant;

use halloo::Status;
use halloo::balance::{
    ConnectFailure, Control, LoadBalancer, Pick, PickArgs, Picked, Picker, SubchannelId, SubchannelUpdate,
};
use halloo::client::ConnectivityState;
use halloo::resolve::{Address, Resolution};

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
    /// Pickers that follow each other share it.
    in_flight: Arc<AtomicUsize>,
}

impl Turns {
    /// READY with one connection, CONNECTING while an address may still get one, failing when all have failed.
    fn publish(&self, control: &mut Control) {
        let failures: Vec<_> = self.slots.iter().filter_map(|slot| slot.failure.clone()).collect();
        if self.slots.iter().any(|slot| slot.is_ready) {
            self.publish_as(ConnectivityState::Ready, None, control);
        } else if failures.len() < self.slots.len() {
            self.publish_as(ConnectivityState::Connecting, None, control);
        } else {
            let unreachable = control.unreachable(&failures);
            self.publish_as(ConnectivityState::TransientFailure, Some(unreachable), control);
        }
    }

    fn publish_as(&self, state: ConnectivityState, failure: Option<Status>, control: &mut Control) {
        let ready = self.slots.iter().filter(|slot| slot.is_ready);
        let ready = ready.map(|slot| (slot.id, Arc::clone(&slot.in_flight))).collect();
        control.publish(state, Arc::new(Turn { ready, next: Arc::clone(&self.next), failure }));
    }
}

impl LoadBalancer for Turns {
    fn exit_idle(&mut self, _now: Instant, control: &mut Control) {
        control.request_resolution();
        self.publish_as(ConnectivityState::Connecting, None, control);
    }

    fn handle_resolution(&mut self, _now: Instant, resolution: Resolution, control: &mut Control) {
        let mut before = std::mem::take(&mut self.slots);
        for address in resolution.addresses() {
            if let Some(position) = before.iter().position(|slot| slot.address == *address) {
                self.slots.push(before.swap_remove(position)); // it keeps its connection, or its back-off
            } else if self.slots.iter().all(|slot| slot.address != *address) {
                let id = control.create(address.clone());
                control.connect(id);
                self.slots.push(Slot {
                    id,
                    address: address.clone(),
                    is_ready: false,
                    failure: None,
                    in_flight: Arc::default(),
                });
            }
        }
        before.iter().for_each(|slot| control.remove(slot.id));
        self.publish(control);
    }

    fn handle_resolver_failure(&mut self, _now: Instant, status: Status, control: &mut Control) {
        if self.slots.is_empty() {
            self.publish_as(ConnectivityState::TransientFailure, Some(status), control);
        }
    }

    fn handle_subchannel(&mut self, _: Instant, id: SubchannelId, update: SubchannelUpdate, control: &mut Control) {
        let Some(slot) = self.slots.iter_mut().find(|slot| slot.id == id) else { return };
        slot.is_ready = matches!(update, SubchannelUpdate::Ready);
        match update {
            SubchannelUpdate::Ready => slot.failure = None,
            SubchannelUpdate::Failed(failure) => {
                slot.failure = Some(failure);
                control.request_resolution(); // it may have moved
            }
            SubchannelUpdate::Idle => {
                control.connect(id);
                control.request_resolution();
            }
            _ => {}
        }
        self.publish(control);
    }
}

struct Turn {
    ready: Vec<(SubchannelId, Arc<AtomicUsize>)>,
    next: Arc<AtomicUsize>,
    /// Of calls while none is ready; without one they wait.
    failure: Option<Status>,
}

impl Picker for Turn {
    fn pick(&self, _args: &PickArgs<'_>) -> Pick {
        let (before, after) = self.ready.split_at(self.next.fetch_add(1, Relaxed) % self.ready.len().max(1));
        // Of those with equally few, it is the first.
        match after.iter().chain(before).min_by_key(|(_, in_flight)| in_flight.load(Relaxed)) {
            Some((id, in_flight)) => {
                in_flight.fetch_add(1, Relaxed);
                let in_flight = Arc::clone(in_flight);
                Picked::new(*id)
                    .on_done(move |_| {
                        in_flight.fetch_sub(1, Relaxed);
                    })
                    .into()
            }
            None => self.failure.clone().map_or(Pick::Queue, Pick::Fail),
        }
    }
}
