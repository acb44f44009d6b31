//! `Plane`: a channel's resolver, balancer and subchannels as one pure state machine.
//!
//! The driver gives it events and the time (`handle_*`), and takes what is to be done (`poll_action`) and when
//! to come back (`poll_timeout`). It owns no socket, no connection and no clock.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use halloo_core::Address;

use crate::backoff::Dice;
use crate::balancer::{Command, Control, LoadBalancer, Picker, SubchannelId, SubchannelUpdate, Wait};
use crate::failure::Unreachable;
use crate::resolver::{Resolver, ResolverEvent, Wake};
use crate::state::ConnectivityState;
use crate::subchannel::{AttemptId, Pace, Progress, Subchannel, TimedOut};

/// A channel's resolver, balancer and subchannels.
pub struct Plane {
    resolver: Box<dyn Resolver>,
    balancer: Box<dyn LoadBalancer>,
    control: Control,
    subchannels: BTreeMap<SubchannelId, Subchannel>,
    /// What the balancer has not heard yet.
    updates: VecDeque<(SubchannelId, SubchannelUpdate)>,
    actions: VecDeque<Action>,
    published: (ConnectivityState, Arc<dyn Picker>),
    /// The look-up that the resolver waits for.
    lookup: Option<(String, u16)>,
    next_attempt: u64,
    pace: Pace,
    dice: Dice,
}

/// What the driver has to do.
#[derive(Clone, Debug)]
pub enum Action {
    /// Look the host up; then [`Plane::handle_lookup`].
    Lookup {
        /// The host.
        host: String,
        /// The port of the addresses that are found.
        port: u16,
    },
    /// Connect; then [`Plane::handle_attempt`].
    Connect {
        /// The subchannel that will have the connection.
        id: SubchannelId,
        /// The attempt.
        attempt: AttemptId,
        /// Where to.
        address: Address,
        /// Where to note how far the attempt has come.
        progress: Progress,
    },
    /// Give the attempt up; nothing follows.
    Abandon(AttemptId),
    /// The subchannel's connections take no more calls and end when the running ones have.
    Release(SubchannelId),
    /// Show calls the new picker and state.
    Publish,
}

impl Plane {
    /// Makes the plane of a channel to `target`, IDLE, with nothing resolved.
    pub fn new(
        resolver: Box<dyn Resolver>,
        balancer: Box<dyn LoadBalancer>,
        target: &str,
        pace: Pace,
        dice: Dice,
    ) -> Self {
        Self {
            resolver,
            balancer,
            control: Control::new(target),
            subchannels: BTreeMap::new(),
            updates: VecDeque::new(),
            actions: VecDeque::new(),
            published: (ConnectivityState::Idle, Arc::new(Wait)),
            lookup: None,
            next_attempt: 0,
            pace,
            dice,
        }
    }

    /// Gives the resolver what wakes the channel; then [`handle_wake`](Self::handle_wake).
    pub fn start(&mut self, wake: Wake) {
        self.resolver.start(wake);
    }

    /// Asks the resolver for its news.
    pub fn handle_wake(&mut self, now: Instant) {
        self.settle(now);
    }

    /// Returns the state that the balancer has published last.
    #[must_use]
    pub fn state(&self) -> ConnectivityState {
        self.published.0
    }

    /// Returns the picker that the balancer has published last.
    #[must_use]
    pub fn picker(&self) -> Arc<dyn Picker> {
        Arc::clone(&self.published.1)
    }

    /// Begins to connect if the channel is IDLE: a call wants a connection.
    pub fn exit_idle(&mut self, now: Instant) {
        if self.state() == ConnectivityState::Idle {
            self.balancer.exit_idle(now, &mut self.control);
            self.settle(now);
        }
    }

    /// Hands the resolver the answer to a [`Lookup`](Action::Lookup).
    pub fn handle_lookup(&mut self, now: Instant, result: io::Result<Vec<SocketAddr>>) {
        self.lookup = None;
        self.resolver.handle_lookup(now, result);
        self.settle(now);
    }

    /// Notes the end of an attempt, and returns the subchannel that takes the connection; `None`: nobody wants it.
    pub fn handle_attempt(
        &mut self,
        now: Instant,
        attempt: AttemptId,
        result: Result<(), Unreachable>,
    ) -> Option<SubchannelId> {
        let (&id, subchannel) = self.subchannels.iter_mut().find(|(_, one)| one.attempt() == Some(attempt))?;
        let update = match result {
            Ok(()) => subchannel.connected().then_some(SubchannelUpdate::Ready),
            Err(why) => {
                tracing::debug!(address = %subchannel.address(), reason = why.reason, "an attempt to connect failed");
                subchannel.failed(now, why).map(SubchannelUpdate::Failed)
            }
        };
        self.updates.extend(update.map(|update| (id, update)));
        self.settle(now);
        Some(id)
    }

    /// Notes that one of a subchannel's connections takes no more calls. With the last, the subchannel is no longer READY: it is what
    /// its attempt at a further one makes it (gRFC A105).
    pub fn handle_closed(&mut self, now: Instant, id: SubchannelId) {
        let Some(subchannel) = self.subchannels.get_mut(&id) else { return };
        if let Some(update) = subchannel.closed() {
            self.updates.push_back((id, update));
            self.settle(now);
        }
    }

    /// Notes that calls wait because every connection of the subchannel has as many as its peer allows: another one is
    /// of use, if the subchannel may have it.
    pub fn handle_full(&mut self, now: Instant, id: SubchannelId) {
        let attempt = AttemptId(self.next_attempt);
        let Some(subchannel) = self.subchannels.get_mut(&id) else { return };
        if subchannel.connect_more(now, attempt, &self.pace, &mut self.dice) {
            self.next_attempt += 1;
            let address = subchannel.address().clone();
            tracing::debug!(%address, "every stream is in use: connecting once more");
            self.actions.push_back(Action::Connect { id, attempt, address, progress: subchannel.progress() });
        }
    }

    /// Returns how many connections a subchannel may have.
    #[must_use]
    pub fn max_connections(&self) -> usize {
        self.pace.max_connections
    }

    /// Lets what waits for `now` happen.
    pub fn handle_timeout(&mut self, now: Instant) {
        let (actions, updates) = (&mut self.actions, &mut self.updates);
        for (&id, subchannel) in &mut self.subchannels {
            match subchannel.handle_timeout(now) {
                Some(TimedOut::Attempt(attempt, failure)) => {
                    actions.push_back(Action::Abandon(attempt));
                    updates.extend(failure.map(|failure| (id, SubchannelUpdate::Failed(failure))));
                }
                Some(TimedOut::Backoff) => updates.push_back((id, SubchannelUpdate::Idle)),
                None => {}
            }
        }
        if self.resolver.poll_timeout().is_some_and(|at| now >= at) {
            self.resolver.handle_timeout(now);
        }
        if self.balancer.poll_timeout().is_some_and(|at| now >= at) {
            self.balancer.handle_timeout(now, &mut self.control);
        }
        self.settle(now);
    }

    /// Begins again with another driver: what the one before was about to do, and its connections, are gone.
    pub fn restart(&mut self, now: Instant) {
        self.actions.clear();
        for (&id, subchannel) in &mut self.subchannels {
            if subchannel.rest() {
                self.updates.push_back((id, SubchannelUpdate::Idle));
            }
        }
        if let Some((host, port)) = self.lookup.clone() {
            self.actions.push_back(Action::Lookup { host, port });
        }
        self.settle(now);
        self.actions.push_back(Action::Publish);
    }

    /// Takes what is to be done next.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Returns when [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let subchannels = self.subchannels.values().filter_map(Subchannel::poll_timeout);
        subchannels.chain(self.resolver.poll_timeout()).chain(self.balancer.poll_timeout()).min()
    }

    /// Carries messages between balancer, resolver and subchannels until all are quiet.
    fn settle(&mut self, now: Instant) {
        loop {
            if let Some(command) = self.control.next_command() {
                self.execute(now, command);
            } else if let Some(event) = self.resolver.poll_event() {
                self.resolved(now, event);
            } else if let Some((id, update)) = self.updates.pop_front() {
                self.balancer.handle_subchannel(now, id, update, &mut self.control);
            } else {
                return;
            }
        }
    }

    fn execute(&mut self, now: Instant, command: Command) {
        match command {
            Command::Create(id, address) => {
                self.subchannels.insert(id, Subchannel::new(address));
            }
            Command::Connect(id) => self.connect(now, id),
            Command::Remove(id) => self.remove(id),
            Command::Publish(state, picker) => {
                tracing::debug!(state = state.name(), "the channel's state");
                self.published = (state, picker);
                self.actions.push_back(Action::Publish);
            }
            Command::RequestResolution => self.resolver.handle_request(now),
        }
    }

    fn connect(&mut self, now: Instant, id: SubchannelId) {
        let Some(subchannel) = self.subchannels.get_mut(&id) else { return };
        let attempt = AttemptId(self.next_attempt);
        if subchannel.connect(now, attempt, &self.pace, &mut self.dice) {
            self.next_attempt += 1;
            self.updates.push_back((id, SubchannelUpdate::Connecting));
            let (address, progress) = (subchannel.address().clone(), subchannel.progress());
            self.actions.push_back(Action::Connect { id, attempt, address, progress });
        }
    }

    fn remove(&mut self, id: SubchannelId) {
        let Some(subchannel) = self.subchannels.remove(&id) else { return };
        self.updates.retain(|(updated, _)| *updated != id);
        self.actions.extend(subchannel.attempt().map(Action::Abandon));
        self.actions.push_back(Action::Release(id));
    }

    fn resolved(&mut self, now: Instant, event: ResolverEvent) {
        match event {
            ResolverEvent::Lookup { host, port } => {
                self.lookup = Some((host.clone(), port));
                self.actions.push_back(Action::Lookup { host, port });
            }
            ResolverEvent::Resolved(resolution) => {
                self.balancer.handle_resolution(now, resolution, &mut self.control);
            }
            ResolverEvent::Failed(status) => {
                tracing::debug!(%status, "the resolver failed");
                self.balancer.handle_resolver_failure(now, status, &mut self.control);
            }
        }
    }
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plane")
            .field("state", &self.state())
            .field("subchannels", &self.subchannels)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../tests/unit/plane.rs"]
mod tests;
