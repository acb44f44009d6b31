//! `Attempt`: a call's way to a connection. How far it is, the picture at `AttemptState` shows.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use halloo_call::{HandlerWatch, OutgoingCall};
use halloo_core::{Deadline, Metadata, MethodRef, Status};
use halloo_plane::ConnectivityState;
use halloo_transport::ReturnedCalls;
use tokio::sync::watch;

use crate::attempt::selection::{Selected, Selection};
use crate::call::deadline::{Limit, before, since};
use crate::connect::connector::Carrier;
use crate::credentials::{Credentials, check_again};
use crate::failure::calling;
use crate::remote::{Backend, Remote, Snapshot};

/// How far an attempt is on its way to a connection.
///
/// ```text
///                 ┌──────────────── its connections have gone ────────────────┐
///                 ▼                                                           │
///  a call ──▶ Picking ──▶ Authorizing ──▶ Starting ──▶ InLine ── a place ──▶ (Authorizing)
///              │   ▲      credentials        │         every stream is in use
///  no server   │   │      are asked          ▼
///  yet         ▼   │ next picker          Started ──▶ the connection's task has the call
///             Waiting                                   │
///                                                       │ refused before a handler saw it (once), or never sent
///                       the call, as it was ◀───────────┘ (gRFC A6): the next attempt begins with Picking
///
///  Failed: from each state before Started, with the status that the call ends with
/// ```
/// Most attempts are Started when they have been picked, within one poll of the caller. What waits is a future of its own.
/// A call has one attempt at a time, and all of them work on the call's own exchange.
pub(crate) enum AttemptState {
    /// The channel's picker is to be asked.
    Picking(OutgoingCall),
    /// Waits for the next picker. The channel was in this state.
    Waiting(OutgoingCall, ConnectivityState),
    /// What it has of credentials is to be asked for, or checked, where it goes.
    Authorizing(OutgoingCall, Selected),
    /// Nothing keeps it from leaving.
    Starting(OutgoingCall, Selected),
    /// Was refused where it goes; it waits for a place there, if that is why.
    InLine(OutgoingCall, Selected),
    /// A connection has it.
    Started,
    /// The call ends with this status.
    Failed(OutgoingCall, Status),
}

/// A call that wants to leave, and what this side has to observe until it has.
pub(crate) struct Attempt {
    pub(crate) call: OutgoingCall,
    /// The channel's and the call's own, with the authority that they are asked for.
    pub(crate) credentials: Option<(Credentials, Arc<str>)>,
    pub(crate) limit: Option<Limit>,
    /// Tells that the call was cancelled before it left, if somebody else may do that.
    pub(crate) watch: Option<HandlerWatch>,
}

/// An attempt that has begun.
pub(crate) enum Begun {
    /// A connection has it.
    Started(Option<Limit>),
    /// It waits. The limit that it resolves with says how long that took.
    Waits(Pin<Box<dyn Future<Output = Result<Option<Limit>, Status>> + Send>>),
}

impl Attempt {
    /// Begins the attempt, and ends it if there is nothing to wait for.
    ///
    /// # Errors
    /// What the call fails with at once.
    pub(crate) fn begin(self, backend: &Backend) -> Result<Begun, Status> {
        let Self { call, credentials, limit, watch } = self;
        if let Some(limit) = limit.as_ref().filter(|limit| limit.deadline().is_past(limit.began())) {
            return Err(calling(&limit.passed_before_start(backend.target()), &call.head.method));
        }
        let watch = watch.map(|watch| (watch, call.head.method.clone()));
        let state = match backend.pick(&call.head) {
            (_, Selection::To(selected)) if credentials.is_none() => start(call, selected),
            (state, selection) => selected(call, state, selection),
        };
        match state {
            AttemptState::Started => Ok(Begun::Started(limit)),
            AttemptState::Failed(call, status) => Err(calling(&status, &call.head.method)),
            state => {
                let deadline = limit.as_ref().map(Limit::deadline);
                let under_way = UnderWay { backend: backend.clone(), credentials, limit, deadline, own_metadata: None };
                Ok(Begun::Waits(Box::pin(unless_cancelled(watch, under_way.run(state)))))
            }
        }
    }
}

fn selected(call: OutgoingCall, state: ConnectivityState, selection: Selection) -> AttemptState {
    match selection {
        Selection::To(selected) => AttemptState::Authorizing(call, selected),
        Selection::Wait => AttemptState::Waiting(call, state),
        Selection::Fail(status) => AttemptState::Failed(call, status),
    }
}

/// Hands the call to where it goes.
fn start(call: OutgoingCall, selected: Selected) -> AttemptState {
    let Selected { carrier, on_end } = selected;
    if let Some(on_end) = on_end {
        call.responder.on_end(on_end);
    }
    if let Some(observed) = &call.head.observed {
        observed.attempt_started(call.head.was_refused);
    }
    match carrier.start(call) {
        Ok(()) => AttemptState::Started,
        Err(call) => {
            let on_end = call.responder.take_on_end();
            AttemptState::InLine(call, Selected { carrier, on_end })
        }
    }
}

/// What an attempt needs that could not start at once.
struct UnderWay {
    backend: Backend,
    credentials: Option<(Credentials, Arc<str>)>,
    /// Notes how long the attempt has waited. An attempt after the first has none: the caller has it already.
    limit: Option<Limit>,
    deadline: Option<Deadline>,
    /// The call's metadata without that of credentials, which are asked again for every connection.
    own_metadata: Option<Metadata>,
}

impl UnderWay {
    /// Brings the attempt to a connection, or ends its call.
    async fn run(mut self, mut state: AttemptState) -> Result<Option<Limit>, Status> {
        let mut changes = self.backend.changes();
        loop {
            state = match state {
                AttemptState::Picking(call) => {
                    if let Some(changes) = &mut changes {
                        changes.mark_unchanged();
                    }
                    let (state, selection) = self.backend.pick(&call.head);
                    selected(call, state, selection)
                }
                AttemptState::Waiting(call, seen) => match self.next_picker(seen, changes.as_mut()).await {
                    Ok(()) => AttemptState::Picking(call),
                    Err(status) => AttemptState::Failed(call, status),
                },
                AttemptState::Authorizing(mut call, selected) => {
                    match self.authorize(&mut call, &*selected.carrier).await {
                        Ok(()) => AttemptState::Starting(call, selected),
                        Err(status) => AttemptState::Failed(call, status),
                    }
                }
                AttemptState::Starting(call, selected) => start(call, selected),
                AttemptState::InLine(mut call, selected) => {
                    if let Some(own) = &self.own_metadata {
                        call.head.call.set_metadata(own.clone().into());
                    }
                    match self.place(&*selected.carrier).await {
                        Ok(Some(carrier)) => AttemptState::Authorizing(call, Selected { carrier, ..selected }),
                        // A connection that takes no more calls is about to leave the snapshot.
                        Ok(None) => AttemptState::Waiting(call, ConnectivityState::Ready),
                        Err(status) => AttemptState::Failed(call, status),
                    }
                }
                AttemptState::Started => return Ok(self.limit),
                AttemptState::Failed(call, status) => {
                    let status = calling(&status, &call.head.method);
                    call.responder.finish(Err(status.clone()));
                    return Err(status);
                }
            }
        }
    }

    /// Waits for the next picker of a channel in the state `seen`.
    async fn next_picker(
        &mut self,
        seen: ConnectivityState,
        changes: Option<&mut watch::Receiver<Snapshot>>,
    ) -> Result<(), Status> {
        let (Backend::Remote(remote), Some(changes)) = (&self.backend, changes) else {
            return Err(Status::unavailable("the service takes no more calls"));
        };
        remote.demand(seen)?;
        let what = format!("a connection to {}", remote.target);
        let changed = async {
            // The sender lives as long as `remote`.
            let _ = changes.changed().await;
            Ok(())
        };
        self.within(&what, changed).await?;
        self.note_wait();
        Ok(())
    }

    /// Waits for a place if that is why `carrier` has refused the call. `None`: it is not, or all connections have gone.
    async fn place(&mut self, carrier: &dyn Carrier) -> Result<Option<Arc<dyn Carrier>>, Status> {
        let (Backend::Remote(remote), Some(line)) = (&self.backend, carrier.line()) else { return Ok(None) };
        let turn = line.enter();
        if line.wants_more() {
            remote.wake.notify_one();
        }
        let what = format!("a free stream to {}", remote.target);
        let place = self.within(&what, async { Ok(turn.await) }).await?;
        self.note_wait();
        Ok(place.map(|place| Arc::new(place) as Arc<dyn Carrier>))
    }

    /// Puts the metadata of the call's credentials on it, for the connection that it goes to.
    async fn authorize(&mut self, call: &mut OutgoingCall, carrier: &dyn Carrier) -> Result<(), Status> {
        let (security, target) = (carrier.security(), self.backend.target());
        let Some((credentials, authority)) = &self.credentials else {
            return check_again(&call.head.call, security, target);
        };
        credentials.check(security, target)?;
        if self.own_metadata.is_none() {
            self.own_metadata = Some(call.head.call.metadata().clone());
        }
        let asked = credentials.metadata(&call.head.method, authority, security);
        let metadata = self.within("the call's credentials", asked).await?;
        credentials.attach(metadata, &mut call.head.call);
        Ok(())
    }

    /// Does what has to be done before the call can leave, `what`, as long as its deadline allows.
    async fn within<T>(&self, what: &str, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        before(self.deadline, work).await.unwrap_or_else(|| {
            Err(match &self.limit {
                Some(limit) => limit.passed_waiting_for(what),
                None => Status::deadline_exceeded(format!("the call's deadline passed while it waited for {what}")),
            })
        })
    }

    fn note_wait(&mut self) {
        if let Some(limit) = &mut self.limit {
            limit.waited = since(limit.began());
        }
    }
}

/// Where connections of `remote` put the calls that they could not start, or that their server has refused before any
/// handler saw them: each gets its next attempt, within its deadline, unless its caller gives it up first.
pub(crate) fn returned_calls(remote: &Arc<Remote>) -> ReturnedCalls {
    let remote = Arc::downgrade(remote);
    ReturnedCalls::new(move |call| {
        let ended = Status::unavailable("the attempt has ended before any handler saw it");
        if let Some(on_end) = call.responder.take_on_end() {
            on_end(&Err(ended.clone()));
        }
        if let Some(observed) = &call.head.observed {
            observed.attempt_ended(ended.code());
        }
        // A runtime that is being shut down drops its connections where there may be none to spawn on.
        let (Some(remote), Ok(runtime)) = (remote.upgrade(), tokio::runtime::Handle::try_current()) else {
            return call.responder.finish(Err(Status::unavailable("the channel has ended")));
        };
        let watch = (call.responder.handler_watch(), call.head.method.clone());
        let deadline = call.head.call.deadline();
        let (credentials, limit, own_metadata) = (None, None, None);
        let under_way = UnderWay { backend: Backend::Remote(remote), credentials, limit, deadline, own_metadata };
        runtime.spawn(unless_cancelled(Some(watch), under_way.run(AttemptState::Picking(call))));
    })
}

/// Does what brings a call of a method to a connection, unless the call is cancelled meanwhile.
async fn unless_cancelled<T>(
    watch: Option<(HandlerWatch, MethodRef)>,
    work: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some((watch, method)) = watch else { return work.await };
    let mut work = pin!(work);
    poll_fn(|cx| match (watch.poll_cancelled(cx), watch.status()) {
        (Poll::Ready(()), Some(status)) => Poll::Ready(Err(calling(&status, &method))),
        _ => work.as_mut().poll(cx),
    })
    .await
}
