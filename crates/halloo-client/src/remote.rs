//! `Remote`: what calls and the driver of one channel share.
//!
//! Calls read the published snapshot, and nothing else, unless they have to wait. The driver is a task that runs
//! from the first call on; should its runtime end, the next call starts another.

use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use halloo_call::{OutgoingCall, Refused, ResponderEnd};
use halloo_core::Status;
use halloo_plane::{ConnectivityState, Pick, PickArgs, Picker, Plane, SubchannelId, Wait, Wake};
use halloo_transport::ReturnedCalls;
use tokio::sync::{Notify, watch};

use crate::call::deadline::{Limit, since, within};
use crate::connect::connector::{Carrier, Connect};
use crate::credentials::{Credentials, check_again};
use crate::driver::Driver;
use crate::failure::{no_runtime, of_control_plane};

pub(crate) struct Remote {
    pub(crate) target: String,
    pub(crate) connect: Box<dyn Connect>,
    plane: Mutex<Plane>,
    published: watch::Sender<Snapshot>,
    /// Wakes the driver.
    pub(crate) wake: Notify,
    wants_connection: AtomicBool,
    is_driven: AtomicBool,
    is_closed: AtomicBool,
}

/// What calls see of a channel.
pub(crate) struct Snapshot {
    pub(crate) state: ConnectivityState,
    pub(crate) picker: Arc<dyn Picker>,
    /// What calls start on, by subchannel.
    pub(crate) carriers: Vec<(SubchannelId, Arc<dyn Carrier>)>,
}

/// Where a call goes at the moment.
enum Choice {
    Start(Arc<dyn Carrier>),
    Wait,
    Fail(Status),
}

/// Why a call did not start at once.
pub(crate) enum Unstarted {
    Waiting(Waiting),
    Failed(Status),
}

/// A call that waits.
pub(crate) struct Waiting {
    refused: Refused,
    /// What it was to start on.
    by: Option<Arc<dyn Carrier>>,
}

impl Snapshot {
    /// Without connections; calls wait.
    pub(crate) fn empty(state: ConnectivityState) -> Self {
        Self { state, picker: Arc::new(Wait), carriers: Vec::new() }
    }

    fn choose(&self, outgoing: &OutgoingCall) -> Choice {
        let attempt = 1 + u32::from(outgoing.was_refused);
        let args = PickArgs::new(outgoing.method, outgoing.call.metadata()).with_attempt(attempt);
        match self.picker.pick(&args) {
            Pick::Subchannel(id) => match self.carriers.binary_search_by_key(&id, |(id, _)| *id) {
                Ok(index) => Choice::Start(Arc::clone(&self.carriers[index].1)),
                Err(_) => Choice::Wait,
            },
            Pick::Queue => Choice::Wait,
            Pick::Fail(_) if outgoing.wait_for_ready => Choice::Wait,
            Pick::Fail(status) => Choice::Fail(of_control_plane(status, "the channel's resolver or balancer")),
            // Of a later version of the plane than this client was built for.
            _ => Choice::Fail(Status::internal("the channel's balancer has picked something that calls do not know")),
        }
    }
}

impl Remote {
    pub(crate) fn new(target: String, plane: Plane, connect: Box<dyn Connect>) -> Arc<Self> {
        let remote = Arc::new(Self {
            target,
            connect,
            plane: Mutex::new(plane),
            published: watch::Sender::new(Snapshot::empty(ConnectivityState::Idle)),
            wake: Notify::new(),
            wants_connection: AtomicBool::new(false),
            is_driven: AtomicBool::new(false),
            is_closed: AtomicBool::new(false),
        });
        let channel = Arc::downgrade(&remote);
        remote.plane().start(Wake::new(move || {
            if let Some(channel) = channel.upgrade() {
                channel.wake.notify_one();
            }
        }));
        remote
    }

    /// Starts a call if there is a connection for it.
    pub(crate) fn try_start(&self, call: OutgoingCall, responder: ResponderEnd) -> Result<(), Unstarted> {
        let choice = self.published.borrow().choose(&call);
        match choice {
            Choice::Start(carrier) => carrier
                .start(call, responder)
                .map_err(|refused| Unstarted::Waiting(Waiting { refused, by: Some(carrier) })),
            Choice::Wait => {
                let refused = Refused { call: Box::new(call), responder };
                Err(Unstarted::Waiting(Waiting { refused, by: None }))
            }
            Choice::Fail(status) => Err(Unstarted::Failed(status)),
        }
    }

    /// Starts a call once there is a connection for it, and notes in its limit how long that took.
    pub(crate) async fn start_within(
        self: Arc<Self>,
        limit: Option<Limit>,
        waiting: Waiting,
    ) -> Result<Option<Limit>, Status> {
        let Some(mut limit) = limit else {
            return self.start_when_ready(waiting).await.map(|()| None).map_err(|(status, _)| status);
        };
        let starting = self.start_when_ready(waiting);
        match tokio::time::timeout_at(limit.deadline().instant().into(), starting).await {
            Ok(started) => started.map_err(|(status, _)| status)?,
            Err(_) => return Err(limit.passed_waiting_for(&self.awaited())),
        }
        limit.waited = since(limit.began());
        Ok(Some(limit))
    }

    /// # Errors
    /// Why it cannot be started, and the responder that nobody has told.
    async fn start_when_ready(self: &Arc<Self>, waiting: Waiting) -> Result<(), (Status, ResponderEnd)> {
        let Waiting { refused: mut waiting, by } = waiting;
        let mut changes = self.published.subscribe();
        let mut place = match by {
            Some(carrier) => self.wait_in_line(&*carrier).await,
            None => None,
        };
        loop {
            let (state, choice) = match place.take() {
                Some(place) => (ConnectivityState::Ready, Choice::Start(place)),
                None => {
                    let snapshot = changes.borrow_and_update();
                    (snapshot.state, snapshot.choose(&waiting.call))
                }
            };
            match choice {
                Choice::Fail(status) => return Err((status, waiting.responder)),
                Choice::Wait => {}
                Choice::Start(carrier) => {
                    if let Err(status) = check_again(&waiting.call.call, carrier.security(), &self.target) {
                        return Err((status, waiting.responder));
                    }
                    match carrier.start(*waiting.call, waiting.responder) {
                        Ok(()) => return Ok(()),
                        Err(refused) => waiting = refused,
                    }
                    place = self.wait_in_line(&*carrier).await;
                    if place.is_some() {
                        continue;
                    }
                    // A connection that takes no more calls is about to leave the snapshot.
                }
            }
            if let Err(status) = self.demand(state) {
                return Err((status, waiting.responder));
            }
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    /// Waits for a place if that is why `carrier` has refused a call. `None`: it is not, or all connections have gone.
    async fn wait_in_line(&self, carrier: &dyn Carrier) -> Option<Arc<dyn Carrier>> {
        let line = carrier.line()?;
        let turn = line.enter();
        if line.wants_more() {
            self.wake.notify_one();
        }
        turn.await.map(|place| Arc::new(place) as Arc<dyn Carrier>)
    }

    /// What a call waits for that could not start.
    fn awaited(&self) -> String {
        match self.state() {
            ConnectivityState::Ready => format!("a free stream to {}", self.target),
            _ => self.a_connection(),
        }
    }

    fn a_connection(&self) -> String {
        format!("a connection to {}", self.target)
    }

    /// Starts a call with the metadata of `credentials`: it picks a connection, asks them for that one, and begins
    /// again should the connection take no call any more.
    pub(crate) async fn start_with(
        self: &Arc<Self>,
        (credentials, authority): (&Credentials, &Arc<str>),
        mut waiting: Refused,
        mut limit: Option<Limit>,
    ) -> Result<Option<Limit>, Status> {
        let mut changes = self.published.subscribe();
        let its_own = waiting.call.call.metadata().clone();
        let place = self.a_connection();
        let mut in_line = None;
        loop {
            let carrier = match in_line.take() {
                Some(carrier) => carrier,
                None => within(limit, &place, self.picked(&mut changes, &waiting.call)).await?,
            };
            if let Some(limit) = &mut limit {
                limit.waited = since(limit.began());
            }
            let security = carrier.security();
            credentials.check(security, &self.target)?;
            let asked = credentials.metadata(waiting.call.method, authority, security);
            let metadata = within(limit, "the call's credentials", asked).await?;
            credentials.attach(metadata, &mut waiting.call.call);
            match carrier.start(*waiting.call, waiting.responder) {
                Ok(()) => return Ok(limit),
                Err(refused) => waiting = refused,
            }
            waiting.call.call.set_metadata(its_own.clone().into());
            let turn = async { Ok(self.wait_in_line(&*carrier).await) };
            in_line = within(limit, &self.awaited(), turn).await?;
            if in_line.is_none() {
                // The connection is about to leave the snapshot. The sender lives as long as `self`.
                let _ = within(limit, &place, async { Ok(changes.changed().await) }).await?;
            }
        }
    }

    /// Waits until there is a connection for `call`.
    async fn picked(
        self: &Arc<Self>,
        changes: &mut watch::Receiver<Snapshot>,
        call: &OutgoingCall,
    ) -> Result<Arc<dyn Carrier>, Status> {
        loop {
            let (state, choice) = {
                let snapshot = changes.borrow_and_update();
                (snapshot.state, snapshot.choose(call))
            };
            match choice {
                Choice::Start(carrier) => return Ok(carrier),
                Choice::Fail(status) => return Err(status),
                Choice::Wait => self.demand(state)?,
            }
            let _ = changes.changed().await;
        }
    }

    /// Where connections put the calls that they could not start: they are picked again.
    pub(crate) fn returned_calls(self: &Arc<Self>) -> ReturnedCalls {
        let remote = Arc::downgrade(self);
        ReturnedCalls::new(move |refused| {
            // A runtime that is being shut down drops its connections where there may be none to spawn on.
            match (remote.upgrade(), tokio::runtime::Handle::try_current()) {
                (Some(remote), Ok(runtime)) => drop(runtime.spawn(remote.start_again(refused))),
                _ => refused.responder.finish(Err(Status::unavailable("the channel has ended"))),
            }
        })
    }

    /// Starts a call whose connection went away before it could leave, within the call's deadline, unless its caller
    /// gives it up first.
    async fn start_again(self: Arc<Self>, refused: Refused) {
        let watch = refused.responder.handler_watch();
        let limit = refused.call.call.deadline();
        let mut starting = std::pin::pin!(self.start_when_ready(Waiting { refused, by: None }));
        let mut expiry = std::pin::pin!(async {
            match limit {
                Some(deadline) => tokio::time::sleep_until(deadline.instant().into()).await,
                None => std::future::pending().await,
            }
        });
        poll_fn(|cx| {
            if watch.poll_cancelled(cx).is_ready() {
                return Poll::Ready(());
            }
            if expiry.as_mut().poll(cx).is_ready() {
                watch.cancel(Status::deadline_exceeded("the call's deadline passed while it waited for a connection"));
                return Poll::Ready(());
            }
            starting.as_mut().poll(cx).map(|started| {
                if let Err((status, responder)) = started {
                    responder.finish(Err(status));
                }
            })
        })
        .await;
    }

    /// Waits until the channel is READY.
    pub(crate) async fn ready(self: &Arc<Self>, probe: &OutgoingCall) -> Result<(), Status> {
        let mut changes = self.published.subscribe();
        loop {
            let (state, choice) = {
                let snapshot = changes.borrow_and_update();
                (snapshot.state, snapshot.choose(probe))
            };
            match choice {
                Choice::Fail(status) => return Err(status),
                _ if state == ConnectivityState::Ready => return Ok(()),
                _ => self.demand(state)?,
            }
            let _ = changes.changed().await;
        }
    }

    pub(crate) fn state(&self) -> ConnectivityState {
        self.published.borrow().state
    }

    pub(crate) async fn state_other_than(&self, seen: ConnectivityState) -> ConnectivityState {
        let mut changes = self.published.subscribe();
        loop {
            let state = changes.borrow_and_update().state;
            if state != seen {
                return state;
            }
            let _ = changes.changed().await;
        }
    }

    /// No call follows: connections end when their calls have.
    pub(crate) fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn plane(&self) -> MutexGuard<'_, Plane> {
        // A panic inside the lock can only come from a user's resolver or balancer; the plane stays usable.
        self.plane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn publish(&self, snapshot: Snapshot) {
        self.published.send_replace(snapshot);
    }

    /// Whether somebody has asked for a connection since the last time.
    pub(crate) fn take_demand(&self) -> bool {
        self.wants_connection.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn driver_ended(&self) {
        self.is_driven.store(false, Ordering::Release);
    }

    /// Sees to it that somebody works on a connection: there is a driver, and the channel is not IDLE.
    fn demand(self: &Arc<Self>, state: ConnectivityState) -> Result<(), Status> {
        if state == ConnectivityState::Shutdown {
            return Err(Status::unavailable(format!("the channel to {} is shut down", self.target)));
        }
        if state == ConnectivityState::Idle {
            self.wants_connection.store(true, Ordering::Release);
            self.wake.notify_one();
        }
        if !self.is_driven.swap(true, Ordering::AcqRel) {
            let Ok(runtime) = tokio::runtime::Handle::try_current() else {
                self.driver_ended();
                return Err(no_runtime());
            };
            runtime.spawn(Driver::new(Arc::clone(self)).run());
        }
        Ok(())
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("target", &self.target).field("state", &self.state()).finish_non_exhaustive()
    }
}
