//! `Limit`: a call's deadline as its caller experiences it, and the text of its expiry.

use std::time::{Duration, Instant};

use halloo_call::{Call, Enclosing, MessageReceiver, OutcomeFuture};
use halloo_core::{Code, Deadline, MethodDescriptor, MethodKind, MethodRef, Origin, Status};
use halloo_plane::duration_text;

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

/// Does `work` as long as `deadline` allows; `None` if it has passed.
pub(crate) async fn before<T>(deadline: Option<Deadline>, work: impl Future<Output = T>) -> Option<T> {
    match deadline {
        Some(deadline) => tokio::time::timeout_at(deadline.instant().into(), work).await.ok(),
        None => Some(work.await),
    }
}

/// A call that has to be over at a certain time.
#[derive(Clone, Debug)]
pub(crate) struct Limit {
    method: MethodRef,
    began: Instant,
    deadline: Deadline,
    /// The call within which it is made, if that has a deadline: the latest that this one can have.
    enclosing: Option<Enclosing>,
    /// How long the call waited for a connection.
    pub(crate) waited: Duration,
}

impl Limit {
    /// The limit of a call of `method` that begins, if it has one: its own deadline, or an earlier one of the call within
    /// which it is made.
    pub(crate) fn new(
        method: &MethodRef,
        began: Instant,
        own: Option<Deadline>,
        enclosing: Option<Enclosing>,
    ) -> Option<Self> {
        let deadline = enclosing.map(|outer| outer.deadline).into_iter().chain(own).min()?;
        Some(Self { method: method.clone(), began, deadline, enclosing, waited: Duration::ZERO })
    }

    /// The limit of a call that interceptors have seen, whose limit was `before`: they may have given it another deadline,
    /// but none that is later than that of the call within which it is made.
    pub(crate) fn revised(before: Option<Self>, method: &MethodRef, call: &mut Call) -> Option<Self> {
        let (began, enclosing) = match before {
            Some(before) => (before.began, before.enclosing),
            None => (now(), None),
        };
        let limit = Self::new(method, began, call.deadline(), enclosing)?;
        call.set_deadline(Some(limit.deadline));
        Some(limit)
    }

    /// The call within which it is made, if the deadline is that one's.
    fn outer(&self) -> Option<&'static MethodDescriptor> {
        self.enclosing.filter(|outer| outer.deadline <= self.deadline).map(|outer| outer.method)
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
        let hint = match (open, self.outer(), self.method.kind()) {
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
        let status = match self.outer() {
            Some(outer) => Enclosing::passed(outer),
            None => {
                let granted = self.deadline.instant().saturating_duration_since(self.began);
                Status::deadline_exceeded(format!("deadline of {} passed", duration_text(granted)))
            }
        };
        status.note("calling", self.method.full_name())
    }
}
