//! `Line`: the connections of one subchannel, and the calls that wait for a place at them in the order in which they
//! came (gRFC A105).
//!
//! A caller waits in its own task, so that dropping it, or its deadline, takes it out of the line. Connections' tasks tell
//! of places that became free; whoever is first then owns the place before anybody else can have it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use halloo_call::{Carry, OutgoingCall};
use halloo_core::SecurityLevel;
use halloo_plane::AttemptId;
use tokio::sync::oneshot;

use crate::connect::connector::{Carrier, Connection};

/// Below this many, callers that have left the line are not looked for.
const SWEEP_FROM: usize = 64;

#[derive(Debug)]
pub(crate) struct Line {
    queue: Mutex<Queue>,
    max_connections: usize,
}

#[derive(Debug)]
struct Queue {
    /// The oldest first; each with the attempt that has led to it.
    connections: Vec<(AttemptId, Arc<dyn Connection>)>,
    /// Some may have left.
    waiting: VecDeque<oneshot::Sender<Slot>>,
    /// How many may wait until those who have left are looked for.
    sweep_at: usize,
}

impl Line {
    pub(crate) fn new(max_connections: usize) -> Arc<Self> {
        let queue = Queue { connections: Vec::new(), waiting: VecDeque::new(), sweep_at: SWEEP_FROM };
        Arc::new(Self { queue: Mutex::new(queue), max_connections })
    }

    pub(crate) fn add(self: &Arc<Self>, attempt: AttemptId, connection: Arc<dyn Connection>) {
        self.lock().connections.push((attempt, connection));
        self.serve();
    }

    /// Takes a connection out, if it is in. Without any, those who wait are sent away.
    pub(crate) fn remove(self: &Arc<Self>, attempt: AttemptId) -> bool {
        let mut queue = self.lock();
        let before = queue.connections.len();
        queue.connections.retain(|(each, _)| *each != attempt);
        let is_removed = queue.connections.len() < before;
        if queue.connections.is_empty() {
            queue.waiting.clear();
        }
        drop(queue);
        self.serve();
        is_removed
    }

    /// Shuts all connections down and sends those away who wait.
    pub(crate) fn dissolve(&self) {
        let mut queue = self.lock();
        queue.waiting.clear();
        let connections = std::mem::take(&mut queue.connections);
        drop(queue);
        for (_, connection) in connections {
            connection.shutdown();
        }
    }

    /// What calls start on: the only connection, or the line for several of them.
    pub(crate) fn carrier(self: &Arc<Self>) -> Option<Arc<dyn Carrier>> {
        match self.lock().connections.as_slice() {
            [] => None,
            [(_, only)] => Some(Arc::clone(only) as Arc<dyn Carrier>),
            [(_, first), others @ ..] => {
                let security = others.iter().map(|(_, each)| each.security()).fold(first.security(), Ord::min);
                Some(Arc::new(Several { line: Arc::clone(self), security }))
            }
        }
    }

    /// Whether a further connection would be of use.
    pub(crate) fn wants_more(&self) -> bool {
        let mut queue = self.lock();
        while queue.waiting.front().is_some_and(oneshot::Sender::is_closed) {
            queue.waiting.pop_front();
        }
        !queue.waiting.is_empty() && queue.connections.len() < self.max_connections
    }

    /// Waits for a place, behind all that wait already. `None`: there is no connection any more.
    pub(crate) fn enter(self: &Arc<Self>) -> impl Future<Output = Option<Slot>> + Send + use<> {
        let (sender, turn) = oneshot::channel();
        let mut queue = self.lock();
        if !queue.connections.is_empty() {
            queue.push(sender);
        }
        drop(queue);
        self.serve();
        async { turn.await.ok() }
    }

    /// Gives the free places to those who wait.
    pub(crate) fn serve(self: &Arc<Self>) {
        let mut queue = self.lock();
        while !queue.waiting.is_empty() {
            let free = queue.connections.iter().find(|(_, connection)| connection.reserve_or_wait());
            let Some(connection) = free.map(|(_, connection)| Arc::clone(connection)) else { return };
            let mut place = Some(Slot { line: Arc::clone(self), connection, is_used: AtomicBool::new(false) });
            while let Some(first) = place.as_ref().and_then(|_| queue.waiting.pop_front()) {
                // Who has left gives it back, for the next.
                place = place.and_then(|place| first.send(place).err());
            }
            if let Some(place) = place {
                place.is_used.store(true, Ordering::Relaxed);
                let _ = place.connection.give_back();
            }
        }
        queue.sweep_at = SWEEP_FROM;
        queue.connections.iter().for_each(|(_, connection)| connection.nobody_waits());
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, waiting: oneshot::Sender<Slot>) {
        if self.waiting.len() >= self.sweep_at {
            self.waiting.retain(|each| !each.is_closed());
            self.sweep_at = SWEEP_FROM.max(2 * self.waiting.len());
        }
        self.waiting.push_back(waiting);
    }
}

/// The connections of a line as one: a call takes the oldest that has a place, so that the others can become idle.
#[derive(Debug)]
struct Several {
    line: Arc<Line>,
    /// The least that protected them at first. They may all be gone by the time that a call asks.
    security: SecurityLevel,
}

impl Carry for Several {
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        let queue = self.line.lock();
        let free = match queue.waiting.is_empty() {
            true => queue.connections.iter().find(|(_, connection)| connection.reserve()),
            false => None,
        };
        match free.map(|(_, connection)| Arc::clone(connection)) {
            Some(connection) => {
                drop(queue);
                connection.start_reserved(call)
            }
            None => Err(call),
        }
    }
}

impl Carrier for Several {
    fn security(&self) -> SecurityLevel {
        let queue = self.line.lock();
        queue.connections.iter().map(|(_, connection)| connection.security()).fold(self.security, Ord::min)
    }

    fn line(&self) -> Option<Arc<Line>> {
        Some(Arc::clone(&self.line))
    }
}

/// A place at a connection, for one call. Dropped without one, it goes to the next who waits.
pub(crate) struct Slot {
    line: Arc<Line>,
    connection: Arc<dyn Connection>,
    is_used: AtomicBool,
}

impl Carry for Slot {
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        match self.is_used.swap(true, Ordering::Relaxed) {
            false => self.connection.start_reserved(call),
            true => Err(call),
        }
    }
}

impl Carrier for Slot {
    fn security(&self) -> SecurityLevel {
        self.connection.security()
    }

    fn line(&self) -> Option<Arc<Line>> {
        Some(Arc::clone(&self.line))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !*self.is_used.get_mut() && self.connection.give_back() {
            self.line.serve();
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("connection", &self.connection).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../../tests/unit/connect/line.rs"]
mod tests;
