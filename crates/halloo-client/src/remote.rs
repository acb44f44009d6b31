//! `Remote`: what calls and the driver of one channel share.
//!
//! Calls read the published snapshot, and nothing else, unless they have to wait. The driver is a task that runs
//! from the first call on; should its runtime end, the next call starts another.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use halloo_call::{OnEnd, Outcome, OutgoingHead};
use halloo_core::{SecurityLevel, Status};
use halloo_plane::{ConnectivityState, Done, Pick, PickArgs, Picker, Plane, SubchannelId, Wait, Wake};
use halloo_transport::InProcess;
use tokio::sync::{Notify, watch};

use crate::attempt::selection::{Selected, Selection};
use crate::connect::connector::{Carrier, Connect};
use crate::defaults::IN_PROCESS;
use crate::driver::Driver;
use crate::failure::{no_runtime, of_control_plane};

/// Where the calls of a channel go: to a service of this process, or to servers that the channel looks for.
#[derive(Clone)]
pub(crate) enum Backend {
    InProcess(Arc<InProcess>),
    Remote(Arc<Remote>),
}

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

impl Backend {
    pub(crate) fn target(&self) -> &str {
        match self {
            Self::InProcess(_) => IN_PROCESS,
            Self::Remote(remote) => &remote.target,
        }
    }

    /// Where an attempt of a call goes at this moment, and the channel's state.
    pub(crate) fn pick(&self, head: &OutgoingHead) -> (ConnectivityState, Selection) {
        match self {
            Self::InProcess(_) if tokio::runtime::Handle::try_current().is_err() => {
                (ConnectivityState::Ready, Selection::Fail(no_runtime()))
            }
            Self::InProcess(carrier) => {
                let carrier = Arc::clone(carrier) as Arc<dyn Carrier>;
                (ConnectivityState::Ready, Selection::To(Selected { carrier, on_end: None }))
            }
            Self::Remote(remote) => {
                let snapshot = remote.published.borrow();
                (snapshot.state, snapshot.pick(head))
            }
        }
    }

    /// Tells of later pickers than that of this moment, and of that one, too, at first. `None`: none will follow.
    pub(crate) fn changes(&self) -> Option<watch::Receiver<Snapshot>> {
        let Self::Remote(remote) = self else { return None };
        let mut changes = remote.published.subscribe();
        changes.mark_changed();
        Some(changes)
    }
}

impl Carrier for InProcess {
    fn security(&self) -> SecurityLevel {
        SecurityLevel::PrivacyAndIntegrity
    }
}

impl Snapshot {
    /// Without connections; calls wait.
    pub(crate) fn empty(state: ConnectivityState) -> Self {
        Self { state, picker: Arc::new(Wait), carriers: Vec::new() }
    }

    fn pick(&self, head: &OutgoingHead) -> Selection {
        let attempt = 1 + u32::from(head.was_refused);
        let args = PickArgs::new(&head.method, head.call.metadata()).with_attempt(attempt);
        match self.picker.pick(&args) {
            Pick::To(picked) => match self.carriers.binary_search_by_key(&picked.subchannel, |(id, _)| *id) {
                Ok(index) => {
                    let on_end = picked.on_done.map(|on_done| -> OnEnd {
                        Box::new(move |outcome: &Outcome| on_done.call(&Done::new(outcome.as_ref())))
                    });
                    Selection::To(Selected { carrier: Arc::clone(&self.carriers[index].1), on_end })
                }
                Err(_) => Selection::Wait,
            },
            Pick::Queue => Selection::Wait,
            Pick::Fail(_) if head.wait_for_ready => Selection::Wait,
            Pick::Fail(status) => Selection::Fail(of_control_plane(status, "the channel's resolver or balancer")),
            // Of a later version of the plane than this client was built for.
            _ => {
                Selection::Fail(Status::internal("the channel's balancer has picked something that calls do not know"))
            }
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

    /// Waits until the channel is READY.
    pub(crate) async fn ready(self: &Arc<Self>, probe: &OutgoingHead) -> Result<(), Status> {
        let mut changes = self.published.subscribe();
        loop {
            let (state, selection) = {
                let snapshot = changes.borrow_and_update();
                (snapshot.state, snapshot.pick(probe))
            };
            match selection {
                Selection::Fail(status) => return Err(status),
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
    pub(crate) fn demand(self: &Arc<Self>, state: ConnectivityState) -> Result<(), Status> {
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
