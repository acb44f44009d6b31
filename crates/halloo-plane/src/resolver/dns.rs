//! `Dns`: a host's addresses by the system's name look-up, asked again when connections fail.
//!
//! ```text
//!             request                answer                 request, 30 s after the answer
//!  Unasked ─────────────▶ Looking ─────────────▶ Resolved ────────────────▶ Looking
//!                            ▲  └─ error ─▶ Failed ─┐
//!                            └──── after a back-off ┘
//! ```

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use halloo_core::Address;

use crate::backoff::{Backoff, Dice};
use crate::failure::unresolved;
use crate::resolver::{Resolver, ResolverEvent};

/// The shortest time from one answer to the next question: failing connections must not flood name servers.
const MIN_INTERVAL: Duration = Duration::from_secs(30);

/// Asks the system for a host's addresses.
///
/// It asks again when the channel wants addresses, at most every 30 s, and after a failure with a back-off.
#[derive(Debug)]
pub struct Dns {
    host: String,
    port: u16,
    state: State,
    backoff: Backoff,
    failures: u32,
    dice: Dice,
    event: Option<ResolverEvent>,
}

#[derive(Debug)]
enum State {
    Unasked,
    Looking,
    Resolved { at: Instant, asked_again: bool },
    Failed { retry_at: Instant },
}

impl Dns {
    /// Resolves `host`; its addresses get `port`.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            state: State::Unasked,
            backoff: Backoff::new(),
            failures: 0,
            dice: Dice::random(),
            event: None,
        }
    }

    fn request_lookup(&mut self) {
        self.state = State::Looking;
        self.event = Some(ResolverEvent::Lookup { host: self.host.clone(), port: self.port });
    }
}

impl Resolver for Dns {
    fn handle_request(&mut self, now: Instant) {
        match &mut self.state {
            State::Unasked => self.request_lookup(),
            State::Resolved { at, .. } if now >= *at + MIN_INTERVAL => self.request_lookup(),
            State::Resolved { asked_again, .. } => *asked_again = true,
            State::Looking | State::Failed { .. } => {}
        }
    }

    fn handle_lookup(&mut self, now: Instant, result: io::Result<Vec<SocketAddr>>) {
        let result = result.and_then(|found| match found.is_empty() {
            true => Err(io::Error::new(io::ErrorKind::NotFound, "it has no address")),
            false => Ok(found),
        });
        match result {
            Ok(found) => {
                self.failures = 0;
                self.state = State::Resolved { at: now, asked_again: false };
                let addresses: Vec<_> = found.into_iter().map(Address::Tcp).collect();
                self.event = Some(ResolverEvent::Resolved(addresses.into()));
            }
            Err(error) => {
                let pause = self.backoff.pause(self.failures, self.dice.roll());
                self.failures = self.failures.saturating_add(1);
                self.state = State::Failed { retry_at: now + pause };
                self.event = Some(ResolverEvent::Failed(unresolved(&self.host, &error)));
            }
        }
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|at| now >= at) {
            self.request_lookup();
        }
    }

    fn poll_event(&mut self) -> Option<ResolverEvent> {
        self.event.take()
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Resolved { at, asked_again: true } => Some(at + MIN_INTERVAL),
            State::Failed { retry_at } => Some(retry_at),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/resolver/dns.rs"]
mod tests;
