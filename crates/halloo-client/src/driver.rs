//! The driver: the task that gives a channel's `Plane` name look-ups, connections and the time.
//!
//! One iteration does what the plane asks for, then waits for whatever comes first: an answer, a timer, or
//! somebody who wants a connection. It ends with the channel; connections then end with their last call.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::Instant;

use halloo_plane::{Action, AttemptId, ConnectivityState, SubchannelId, Unreachable};
use tokio::task::{AbortHandle, JoinSet};

use crate::attempt::state::returned_calls;
use crate::call::deadline::now;
use crate::connect::connector::{Around, Connection, Ended};
use crate::connect::line::Line;
use crate::remote::{Remote, Snapshot};

pub(crate) struct Driver {
    remote: Arc<Remote>,
    /// Look-ups, attempts, and one watcher a connection. Dropped, all of them end.
    tasks: JoinSet<Event>,
    attempts: BTreeMap<AttemptId, AbortHandle>,
    /// The connections of each subchannel that has begun to connect.
    lines: BTreeMap<SubchannelId, Arc<Line>>,
    /// What calls see is not what there is.
    is_stale: bool,
}

/// What a task of the driver has found.
enum Event {
    Looked(io::Result<Vec<SocketAddr>>),
    Attempted(AttemptId, Result<Arc<dyn Connection>, Unreachable>),
    Closed(SubchannelId, AttemptId, Ended),
}

enum Wake {
    Event(Event),
    Timer,
    /// Somebody wants a connection, or the channel is gone.
    Notified,
}

impl Driver {
    pub(crate) fn new(remote: Arc<Remote>) -> Self {
        let (attempts, lines) = (BTreeMap::new(), BTreeMap::new());
        Self { remote, tasks: JoinSet::new(), attempts, lines, is_stale: false }
    }

    pub(crate) async fn run(mut self) {
        self.remote.plane().restart(now());
        while !self.remote.is_closed() {
            if self.remote.take_demand() {
                self.remote.plane().exit_idle(now());
            }
            self.connect_more();
            self.act();
            match self.wait().await {
                Wake::Event(event) => self.handle(event),
                Wake::Timer => self.remote.plane().handle_timeout(now()),
                Wake::Notified => self.remote.plane().handle_wake(now()),
            }
        }
    }

    /// Tells the plane where calls wait for a place.
    fn connect_more(&self) {
        for (id, line) in &self.lines {
            if line.wants_more() {
                self.remote.plane().handle_full(now(), *id);
            }
        }
    }

    /// Does what the plane asks for.
    fn act(&mut self) {
        loop {
            let Some(action) = self.remote.plane().poll_action() else { break };
            match action {
                Action::Lookup { host, port } => {
                    self.tasks.spawn(async move {
                        let found = tokio::net::lookup_host((host, port)).await;
                        Event::Looked(found.map(Iterator::collect))
                    });
                }
                Action::Connect { id, attempt, address, progress } => {
                    let (returned, line) = (returned_calls(&self.remote), self.line_before(id));
                    let around = Around { returned, line, progress };
                    let connecting = self.remote.connect.connect(address, around);
                    let task = self.tasks.spawn(async move { Event::Attempted(attempt, connecting.await) });
                    self.attempts.insert(attempt, task);
                }
                Action::Abandon(attempt) => {
                    if let Some(task) = self.attempts.remove(&attempt) {
                        task.abort();
                    }
                }
                Action::Release(id) => {
                    if let Some(line) = self.lines.remove(&id) {
                        line.dissolve();
                    }
                }
                Action::Publish => self.is_stale = true,
            }
        }
        if std::mem::take(&mut self.is_stale) {
            self.publish();
        }
    }

    /// Where calls to a subchannel wait that its connections have no place for; dangling if they wait there.
    fn line_before(&mut self, id: SubchannelId) -> Weak<Line> {
        let max_connections = self.remote.plane().max_connections();
        let line = self.lines.entry(id).or_insert_with(|| Line::new(max_connections));
        if max_connections > 1 { Arc::downgrade(line) } else { Weak::new() }
    }

    fn publish(&self) {
        let (state, picker) = {
            let plane = self.remote.plane();
            (plane.state(), plane.picker())
        };
        let carriers = self.lines.iter().filter_map(|(id, line)| Some((*id, line.carrier()?))).collect();
        self.remote.publish(Snapshot { state, picker, carriers });
    }

    async fn wait(&mut self) -> Wake {
        let timeout = self.remote.plane().poll_timeout();
        let mut timer = pin!(sleep_until(timeout));
        let mut notified = pin!(self.remote.wake.notified());
        let tasks = &mut self.tasks;
        poll_fn(|cx| {
            if notified.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Wake::Notified);
            }
            // `None`: there is no task. An `Err` is a task that was aborted, which nobody waits for.
            while let Poll::Ready(Some(ended)) = tasks.poll_join_next(cx) {
                if let Ok(event) = ended {
                    return Poll::Ready(Wake::Event(event));
                }
            }
            timer.as_mut().poll(cx).map(|()| Wake::Timer)
        })
        .await
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Looked(result) => self.remote.plane().handle_lookup(now(), result),
            Event::Attempted(attempt, result) => self.handle_attempt(attempt, result),
            Event::Closed(id, attempt, Ended { reason, too_many_pings }) => {
                tracing::debug!(target = self.remote.target, reason, "a connection takes no more calls");
                if let Some(pace) = too_many_pings {
                    tracing::warn!(
                        target = self.remote.target,
                        "the server wants fewer keepalive PINGs; the next connections send half as many"
                    );
                    self.remote.connect.ask_less(pace);
                }
                if self.lines.get(&id).is_some_and(|line| line.remove(attempt)) {
                    self.is_stale = true;
                    self.remote.plane().handle_closed(now(), id);
                }
            }
        }
    }

    fn handle_attempt(&mut self, attempt: AttemptId, result: Result<Arc<dyn Connection>, Unreachable>) {
        self.attempts.remove(&attempt);
        let (connection, result) = match result {
            Ok(connection) => (Some(connection), Ok(())),
            Err(why) => (None, Err(why)),
        };
        let id = self.remote.plane().handle_attempt(now(), attempt, result);
        match (id, connection) {
            (Some(id), Some(connection)) => {
                let closed = Arc::clone(&connection).closed();
                self.tasks.spawn(async move { Event::Closed(id, attempt, closed.await) });
                let line = self.lines.entry(id).or_insert_with(|| Line::new(1));
                line.add(attempt, connection);
                self.is_stale = true;
            }
            (None, Some(connection)) => connection.shutdown(),
            (_, None) => {}
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

impl Drop for Driver {
    /// The channel is gone, or the runtime is: then calls that wait start another driver.
    fn drop(&mut self) {
        for line in self.lines.values() {
            line.dissolve();
        }
        self.remote.driver_ended();
        let state = if self.remote.is_closed() { ConnectivityState::Shutdown } else { ConnectivityState::Idle };
        self.remote.publish(Snapshot::empty(state));
    }
}

#[cfg(test)]
#[path = "../tests/unit/driver.rs"]
pub(crate) mod tests;
