//! `Fixed`: addresses that are known from the start, IP addresses and Unix sockets.

use std::time::Instant;

use halloo_core::Address;

use crate::resolver::{Resolver, ResolverEvent};

/// Answers with the same addresses always.
#[derive(Clone, Debug)]
pub struct Fixed {
    addresses: Vec<Address>,
    asked: bool,
}

impl Fixed {
    /// Answers with `addresses`, best first.
    #[must_use]
    pub fn new(addresses: impl Into<Vec<Address>>) -> Self {
        Self { addresses: addresses.into(), asked: false }
    }
}

impl Resolver for Fixed {
    fn handle_request(&mut self, _now: Instant) {
        self.asked = true;
    }

    fn poll_event(&mut self) -> Option<ResolverEvent> {
        std::mem::take(&mut self.asked).then(|| ResolverEvent::Resolved(self.addresses.clone().into()))
    }
}
