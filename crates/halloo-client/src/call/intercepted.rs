//! `Chain`: the interceptors of a channel around one call.
//!
//! ```text
//!  chain: first interceptor ▶ ... ▶ last ▶ end ── makes the attempt, then waits for its outcome
//!  caller: reads the replies, hands the outcome to the end, takes what the chain makes of it
//! ```
//! The caller's task polls the chain: until the call has left, and again when it has ended.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use halloo_call::{Call, Interceptor, MessageReceiver, Next, Outcome, OutcomeFuture, Reply};
use halloo_core::{MethodRef, Status};
use tokio::sync::oneshot;

use crate::attempt::state::{Attempt, Begun};
use crate::call::deadline::Limit;
use crate::call::state::CallState;
use crate::failure::calling;
use crate::remote::Backend;

pub(crate) struct Chain {
    method: MethodRef,
    running: OutcomeFuture,
    /// Says that the call has left; `None` once it has, or cannot.
    sent: Option<oneshot::Receiver<()>>,
    outcome: OutcomeSlot,
    /// Until the end of the chain has taken it.
    attempt: Slot<Attempt>,
}

type Slot<T> = Arc<Mutex<Option<T>>>;

/// Where the call's outcome goes; once.
type OutcomeSlot = Slot<oneshot::Sender<Outcome>>;

impl Chain {
    /// Makes the chain of `interceptors`, at whose end `attempt` begins.
    pub(crate) fn new(backend: Backend, interceptors: Arc<[Arc<dyn Interceptor>]>, mut attempt: Attempt) -> Self {
        let method = attempt.call.head.method.clone();
        let call = std::mem::replace(&mut attempt.call.head.call, Call::new(&method));
        let (sent_sender, sent) = oneshot::channel();
        let (outcome_sender, outcome) = oneshot::channel();
        let attempt = Arc::new(Mutex::new(Some(attempt)));
        let (waiting, called) = (Arc::clone(&attempt), method.clone());
        let end = move |call: Call| -> OutcomeFuture {
            Box::pin(async move {
                let Some(attempt) = take(&waiting) else { return Err(dropped()) };
                let limit = begin(&backend, attempt, call).await.map_err(|status| calling(&status, &called))?;
                // Without a receiver the caller has gone, and the exchange knows it.
                let _ = sent_sender.send(());
                let outcome = outcome.await.unwrap_or_else(|_| Err(dropped()));
                outcome.map_err(|status| {
                    let status = calling(&status, &called);
                    limit.map_or_else(|| status.clone(), |limit| limit.explain(status.clone()))
                })
            })
        };
        let running = Next::new(interceptors, end).run(call);
        Self { method, running, sent: Some(sent), outcome: Arc::new(Mutex::new(Some(outcome_sender))), attempt }
    }

    /// Waits until the call has left, or the chain has answered it.
    ///
    /// # Errors
    /// What the chain has answered.
    pub(crate) async fn left(mut self) -> Result<CallState, Status> {
        let answered = poll_fn(|cx| self.poll_left(cx)).await;
        match answered {
            None => Ok(CallState::Intercepted(self)),
            Some(Ok(trailers)) => Ok(CallState::Answered(Ok(trailers))),
            Some(Err(status)) => Err(calling(&status, &self.method)),
        }
    }

    /// Ready with `None` once the call has left, and with what the chain has answered otherwise.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        if let Poll::Ready(outcome) = self.running.as_mut().poll(cx) {
            if let Some(attempt) = take(&self.attempt) {
                attempt.call.responder.finish(outcome.clone());
            }
            return Poll::Ready(Some(outcome));
        }
        if let Some(sent) = &mut self.sent
            && let Poll::Ready(result) = Pin::new(sent).poll(cx)
        {
            self.sent = None;
            if result.is_ok() {
                return Poll::Ready(None);
            }
        }
        Poll::Pending
    }

    /// Lets the chain see, and change, how the replies of `receiver` end.
    pub(crate) fn attach<A>(self, receiver: MessageReceiver<A>) -> MessageReceiver<A> {
        let Self { running, outcome, .. } = self;
        receiver.with_epilogue(move |ended| {
            hand_over(&outcome, ended);
            running
        })
    }

    /// Receives the one reply, and lets the chain see and change how the call ends.
    pub(crate) async fn only_reply<A>(self, receiver: MessageReceiver<A>) -> halloo_call::Result<A> {
        let Self { mut running, outcome, .. } = self;
        let (verdict_sender, verdict) = oneshot::channel();
        let slot = Arc::clone(&outcome);
        let receiver = receiver.with_epilogue(move |ended| {
            hand_over(&slot, ended);
            Box::pin(async move { verdict.await.unwrap_or_else(|_| Err(dropped())) })
        });
        let mut verdict_sender = Some(verdict_sender);
        let mut reply = pin!(receiver.only_message());
        let mut failed = None;
        let (message, headers, trailers) = poll_fn(|cx| {
            if failed.is_none()
                && let Poll::Ready(result) = reply.as_mut().poll(cx)
            {
                match result {
                    // What failed on this side, a reply that cannot be decoded, the chain has not seen.
                    Err(status) if hand_over_failure(&outcome, &status) => failed = Some(status),
                    result => return Poll::Ready(result),
                }
            }
            let Some(sender) = verdict_sender.take() else { return Poll::Pending };
            let Poll::Ready(verdict) = running.as_mut().poll(cx) else {
                verdict_sender = Some(sender);
                return Poll::Pending;
            };
            if let Some(status) = failed.take() {
                return Poll::Ready(Err(verdict.err().unwrap_or(status)));
            }
            let given_up = verdict.clone();
            let _ = sender.send(verdict);
            match (reply.as_mut().poll(cx), given_up) {
                (Poll::Ready(result), _) => Poll::Ready(result),
                // The chain has not waited for the call to end.
                (Poll::Pending, Err(status)) => Poll::Ready(Err(status)),
                (Poll::Pending, Ok(_)) => {
                    Poll::Ready(Err(Status::internal("an interceptor ended the call before its reply was there")))
                }
            }
        })
        .await?;
        Ok(Reply::from_parts(message, headers, trailers))
    }
}

/// Begins an attempt of a call that interceptors have seen, and waits until it has left.
async fn begin(backend: &Backend, mut attempt: Attempt, mut call: Call) -> Result<Option<Limit>, Status> {
    attempt.limit = Limit::revised(attempt.limit.take(), &attempt.call.head.method, &mut call);
    attempt.call.head.call = call;
    match attempt.begin(backend)? {
        Begun::Started(limit) => Ok(limit),
        Begun::Waits(waits) => waits.await,
    }
}

fn hand_over(slot: &OutcomeSlot, outcome: Outcome) {
    if let Some(sender) = take(slot) {
        // Without a receiver the chain does not wait for the outcome any more.
        let _ = sender.send(outcome);
    }
}

/// Hands `status` to a chain that still waits for the outcome; says whether it did.
fn hand_over_failure(slot: &OutcomeSlot, status: &Status) -> bool {
    take(slot).is_some_and(|sender| sender.send(Err(status.clone())).is_ok())
}

fn take<T>(slot: &Slot<T>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn dropped() -> Status {
    Status::cancelled("the caller dropped the call")
}
