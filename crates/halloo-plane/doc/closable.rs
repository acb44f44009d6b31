//! Passes everything on to another balancer, and lets no call through while a door is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Instant;

use halloo::Status;
use halloo::balance::{Command, Control, LoadBalancer, Pick, PickArgs, Picker, SubchannelId, SubchannelUpdate};
use halloo::resolve::Resolution;

pub struct Closable<B> {
    inner: B,
    is_closed: Arc<AtomicBool>,
}

impl<B: LoadBalancer> Closable<B> {
    pub fn new(inner: B, is_closed: Arc<AtomicBool>) -> Self {
        Self { inner, is_closed }
    }

    /// Puts the door in front of every picker that the inner balancer publishes.
    fn pass(&mut self, control: &mut Control, event: impl FnOnce(&mut B, &mut Control)) {
        let Self { inner, is_closed } = self;
        control.wrap(
            |control| event(inner, control),
            |control, command| match command {
                Command::Publish(state, picker) => {
                    control.publish(state, Arc::new(Door { is_closed: Arc::clone(is_closed), picker }));
                }
                other => control.forward(other),
            },
        );
    }
}

struct Door {
    is_closed: Arc<AtomicBool>,
    picker: Arc<dyn Picker>,
}

impl Picker for Door {
    fn pick(&self, args: &PickArgs<'_>) -> Pick {
        match self.is_closed.load(Relaxed) {
            true => Pick::Fail(Status::unavailable("closed for maintenance; try again in an hour")),
            false => self.picker.pick(args),
        }
    }
}

impl<B: LoadBalancer> LoadBalancer for Closable<B> {
    fn handle_resolution(&mut self, now: Instant, resolution: Resolution, control: &mut Control) {
        self.pass(control, |inner, control| inner.handle_resolution(now, resolution, control));
    }

    fn handle_resolver_failure(&mut self, now: Instant, status: Status, control: &mut Control) {
        self.pass(control, |inner, control| inner.handle_resolver_failure(now, status, control));
    }

    fn handle_subchannel(&mut self, now: Instant, id: SubchannelId, update: SubchannelUpdate, control: &mut Control) {
        self.pass(control, |inner, control| inner.handle_subchannel(now, id, update, control));
    }

    fn exit_idle(&mut self, now: Instant, control: &mut Control) {
        self.pass(control, |inner, control| inner.exit_idle(now, control));
    }

    fn handle_timeout(&mut self, now: Instant, control: &mut Control) {
        self.pass(control, |inner, control| inner.handle_timeout(now, control));
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.inner.poll_timeout()
    }
}
