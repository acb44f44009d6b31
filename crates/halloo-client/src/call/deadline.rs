//! `Limit`: a call's deadline as its caller experiences it, and the text of its expiry.

use std::time::{Duration, Instant};

use halloo_call::{Enclosing, MessageReceiver, OutcomeFuture, OutgoingCall};
use halloo_core::{Code, Deadline, MethodDescriptor, MethodKind, Origin, Status};
use halloo_plane::duration_text;

use crate::call::departure::Departure;

const LIMIT_HINT: &str =
    ".timeout(..) on the call or the channel raises the limit; the server's log may tell what took so long";
const FINISH_HINT: &str = "call `finish()` after the last request: the server may wait for it";

/// The time; tokio's, so that a test that stops its clock stops ours.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The time from `began` until this moment.
pub(crate) fn since(began: Instant) -> Duration {
    now().saturating_duration_since(began)
}

/// Does what has to be done before a call can start, `what`, as long as its deadline allows.
pub(crate) async fn within<T>(
    limit: Option<Limit>,
    what: &str,
    work: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    let Some(limit) = limit else { return work.await };
    match tokio::time::timeout_at(limit.deadline.instant().into(), work).await {
        Ok(done) => done,
        Err(_) => Err(limit.passed_waiting_for(what)),
    }
}

/// A call that has to be over at a certain time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit {
    method: &'static MethodDescriptor,
    began: Instant,
    deadline: Deadline,
    /// The call within which it is made, whose deadline this is; `None` if the deadline is its own.
    outer: Option<&'static MethodDescriptor>,
    /// How long the call waited for a connection.
    pub(crate) waited: Duration,
}

impl Limit {
    /// The limit of a call that is about to leave, if it has one. Interceptors may have given it a deadline, but none that
    /// is later than that of the call within which it is made.
    pub(crate) fn of(outgoing: &mut OutgoingCall, departure: &Departure) -> Option<Self> {
        let own = outgoing.call.deadline();
        let enclosing = departure.enclosing.filter(|outer| own.is_none_or(|own| outer.deadline <= own));
        let deadline = enclosing.map(|outer| outer.deadline).or(own)?;
        outgoing.call.set_deadline(Some(deadline));
        let began = departure.began.unwrap_or_else(now);
        let outer = enclosing.map(|outer| outer.method);
        Some(Self { method: outgoing.method, began, deadline, outer, waited: Duration::ZERO })
    }

    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// The status of a call that never left.
    pub(crate) fn passed_before_start(&self, target: &str) -> Status {
        self.passed_waiting_for(&format!("a connection to {target}"))
    }

    /// The status of a call that has spent all its time on waiting.
    pub(crate) fn passed_waiting_for(&self, what: &str) -> Status {
        let spent = since(self.began);
        self.status().note("spent", format!("waiting for {what} for {}", duration_text(spent)))
    }

    /// Says of a call that has run out of time how long it had, and where the time went. The server keeps the same
    /// deadline and may be the first to notice; one that gives up earlier has its own reason, and its own text.
    pub(crate) fn explain(&self, status: Status) -> Status {
        let is_ours = status.origin() == Origin::Local || self.deadline.is_past(now());
        if status.code() != Code::DeadlineExceeded || !is_ours {
            return status;
        }
        let rest = match status.notes().iter().find(|note| note.label() == "spent") {
            Some(note) => note.text().to_owned(),
            None => {
                let rest = since(self.began).saturating_sub(self.waited);
                format!("waiting for the server for {}", duration_text(rest))
            }
        };
        let spent = match self.waited {
            Duration::ZERO => rest,
            waited => format!("connecting for {} · {rest}", duration_text(waited)),
        };
        let explained = self.status().note("spent", spent);
        let open = status.notes().iter().find(|note| note.label() == "requests");
        let explained = open.iter().fold(explained, |explained, open| explained.note("requests", open.text()));
        let hint = match (open, self.outer, self.method.kind()) {
            (Some(_), _, MethodKind::ClientStreaming) | (Some(_), Some(_), _) => FINISH_HINT.into(),
            // A dialogue may also be longer than the time that it was given.
            (Some(_), None, _) => format!("{FINISH_HINT}; or {LIMIT_HINT}"),
            (None, None, _) => LIMIT_HINT.into(),
            (None, Some(_), _) => return explained,
        };
        explained.note("hint", hint)
    }

    /// Lets `receiver` explain its expiry.
    pub(crate) fn attach<A>(self, receiver: MessageReceiver<A>) -> MessageReceiver<A> {
        receiver.with_epilogue(move |outcome| -> OutcomeFuture {
            Box::pin(std::future::ready(outcome.map_err(|status| self.explain(status))))
        })
    }

    fn status(&self) -> Status {
        let status = match self.outer {
            Some(outer) => Enclosing::passed(outer),
            None => {
                let granted = self.deadline.instant().saturating_duration_since(self.began);
                Status::deadline_exceeded(format!("deadline of {} passed", duration_text(granted)))
            }
        };
        status.note("calling", self.method.full_name())
    }
}
