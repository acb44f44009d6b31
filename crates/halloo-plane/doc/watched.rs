//! Addresses that somebody pushes when they change: the watch of a registry, say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use halloo::resolve::{Address, Resolver, ResolverEvent, Wake};

/// A clone goes to the channel, another to whoever knows the addresses.
#[derive(Clone, Default)]
pub struct Watched {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    addresses: Vec<Address>,
    is_news: bool,
    wake: Option<Wake>,
}

impl Watched {
    /// Replaces the addresses, and tells the channel.
    pub fn set(&self, addresses: Vec<Address>) {
        let wake = self.change(|shared| {
            (shared.addresses, shared.is_news) = (addresses, true);
            shared.wake.clone()
        });
        if let Some(wake) = wake {
            wake.wake();
        }
    }

    fn change<R>(&self, change: impl FnOnce(&mut Shared) -> R) -> R {
        change(&mut self.shared.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Resolver for Watched {
    fn start(&mut self, wake: Wake) {
        self.change(|shared| shared.wake = Some(wake));
    }

    fn handle_request(&mut self, _now: Instant) {
        // What is known; as long as that is nothing, calls wait for the first addresses.
        self.change(|shared| shared.is_news = !shared.addresses.is_empty());
    }

    fn poll_event(&mut self) -> Option<ResolverEvent> {
        self.change(|shared| std::mem::take(&mut shared.is_news).then(|| shared.addresses.clone()))
            .map(|addresses| ResolverEvent::Resolved(addresses.into()))
    }
}
