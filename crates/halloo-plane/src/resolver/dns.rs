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
                let addresses = found.into_iter().map(Address::Tcp).collect();
                self.event = Some(ResolverEvent::Addresses(addresses));
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
mod tests {
    use super::*;

    fn is_lookup(event: Option<ResolverEvent>) -> bool {
        matches!(event, Some(ResolverEvent::Lookup { host, port: 50051 }) if host == "greeter.prod")
    }

    fn found() -> io::Result<Vec<SocketAddr>> {
        Ok(vec!["10.0.0.1:50051".parse().unwrap()])
    }

    #[test]
    fn a_second_question_waits_for_thirty_seconds() {
        let start = Instant::now();
        let mut dns = Dns::new("greeter.prod", 50051);
        assert!(dns.poll_event().is_none(), "nothing is asked before somebody wants to know");
        dns.handle_request(start);
        assert!(is_lookup(dns.poll_event()));
        dns.handle_request(start);
        assert!(dns.poll_event().is_none(), "one look-up at a time");
        dns.handle_lookup(start, found());
        assert!(matches!(dns.poll_event(), Some(ResolverEvent::Addresses(list)) if list.len() == 1));
        assert_eq!(dns.poll_timeout(), None, "nobody wants to know again");
        dns.handle_request(start + Duration::from_secs(10));
        assert!(dns.poll_event().is_none());
        assert_eq!(dns.poll_timeout(), Some(start + MIN_INTERVAL));
        dns.handle_timeout(start + MIN_INTERVAL);
        assert!(is_lookup(dns.poll_event()));
        dns.handle_lookup(start + MIN_INTERVAL, found());
        dns.poll_event();
        dns.handle_request(start + 3 * MIN_INTERVAL);
        assert!(is_lookup(dns.poll_event()));
    }

    #[test]
    fn a_failure_is_told_and_tried_again_after_a_back_off() {
        let start = Instant::now();
        let mut dns = Dns::new("greeter.prod", 50051);
        dns.handle_request(start);
        dns.poll_event();
        dns.handle_lookup(start, Ok(Vec::new()));
        let Some(ResolverEvent::Failed(status)) = dns.poll_event() else { panic!("no answer is a failure") };
        assert_eq!(status.to_string(), "cannot resolve greeter.prod: it has no address (UNAVAILABLE)");
        dns.handle_request(start);
        assert!(dns.poll_event().is_none(), "a request does not shorten the back-off");
        let retry_at = dns.poll_timeout().unwrap();
        assert!((0.8..=1.2).contains(&(retry_at - start).as_secs_f64()));
        dns.handle_timeout(retry_at);
        assert!(is_lookup(dns.poll_event()));
    }
}
