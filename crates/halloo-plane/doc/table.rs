//! Finds addresses in a table that the program keeps: at once when a channel asks, and again from time to time.

use std::time::{Duration, Instant};

use halloo::Status;
use halloo::resolve::{Address, Resolver, ResolverEvent};

pub struct Table<F> {
    find: F,
    interval: Duration,
    next_look: Option<Instant>,
    event: Option<ResolverEvent>,
}

impl<F: FnMut() -> Vec<Address>> Table<F> {
    pub fn new(find: F, interval: Duration) -> Self {
        Self { find, interval, next_look: None, event: None }
    }

    fn look(&mut self, now: Instant) {
        let addresses = (self.find)();
        self.event = Some(match addresses.is_empty() {
            false => ResolverEvent::Resolved(addresses.into()),
            true => ResolverEvent::Failed(Status::unavailable("the table has no greeter; start one")),
        });
        // After a failure too: nothing else asks again.
        self.next_look = Some(now + self.interval);
    }
}

impl<F: FnMut() -> Vec<Address> + Send + 'static> Resolver for Table<F> {
    fn handle_request(&mut self, now: Instant) {
        self.look(now);
    }

    fn handle_timeout(&mut self, now: Instant) {
        self.look(now);
    }

    fn poll_event(&mut self) -> Option<ResolverEvent> {
        self.event.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.next_look
    }
}
