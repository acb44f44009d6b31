//! `Passage`: a call on its way through a channel's interceptors.
//!
//! ```text
//!  chain: first interceptor ▶ ... ▶ last ▶ end ── starts the call, then waits for its outcome
//!  caller: reads the replies, hands the outcome to the end, takes what the chain makes of it
//! ```
//! The caller's task polls the chain: until the call starts, and again when it has ended.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use halloo_call::{
    Call, Interceptor, MessageReceiver, Next, Outcome, OutcomeFuture, OutgoingCall, Reply, ResponderEnd,
};
use halloo_core::{MethodDescriptor, Status};
use tokio::sync::oneshot;

use crate::call::departure::Departure;
use crate::call::unary::{Sent, Started, send};
use crate::channel::Channel;
use crate::failure::calling;

pub(crate) struct Passage {
    chain: OutcomeFuture,
    started: Option<oneshot::Receiver<()>>,
    outcome: OutcomeSlot,
    responder: Slot<ResponderEnd>,
}

/// How far a call has come.
enum Passed {
    /// It has left.
    Started,
    /// An interceptor has answered it.
    Answered(Outcome),
}

type Slot<T> = Arc<Mutex<Option<T>>>;

/// Where the call's outcome goes; once.
type OutcomeSlot = Slot<oneshot::Sender<Outcome>>;

impl Passage {
    pub(crate) fn new(
        channel: &Channel,
        chain: Arc<[Arc<dyn Interceptor>]>,
        outgoing: OutgoingCall,
        departure: Departure,
        responder: ResponderEnd,
    ) -> Self {
        let OutgoingCall { method, subtype, call, encodings, .. } = outgoing;
        let (started_sender, started) = oneshot::channel();
        let (outcome_sender, outcome) = oneshot::channel();
        let responder = Arc::new(Mutex::new(Some(responder)));
        let end = {
            let channel = channel.clone();
            let responder = Arc::clone(&responder);
            move |call: Call| -> OutcomeFuture {
                Box::pin(async move {
                    let Some(responder) = take(&responder) else { return Err(dropped()) };
                    let outgoing = OutgoingCall::new(method, subtype, call).encodings(encodings);
                    let limit = match send(&channel, outgoing, departure, responder)? {
                        Sent::Now(limit) => limit,
                        Sent::Later(sending) => sending.await?,
                    };
                    // Without a receiver the caller has gone, and the exchange knows it.
                    let _ = started_sender.send(());
                    let outcome = outcome.await.unwrap_or_else(|_| Err(dropped()));
                    outcome.map_err(|status| {
                        let status = calling(&status, method);
                        limit.map_or_else(|| status.clone(), |limit| limit.explain(status.clone()))
                    })
                })
            }
        };
        Self {
            chain: Next::new(chain, end).run(call),
            started: Some(started),
            outcome: Arc::new(Mutex::new(Some(outcome_sender))),
            responder,
        }
    }

    /// Waits until the call has left, or the chain has answered it.
    pub(crate) async fn into_started<A>(
        mut self,
        receiver: MessageReceiver<A>,
        method: &'static MethodDescriptor,
    ) -> Result<Started<A>, Status> {
        match poll_fn(|cx| self.poll_started(cx)).await {
            Passed::Started => Ok(Started::Intercepted(receiver, self)),
            Passed::Answered(Err(status)) => Err(calling(&status, method)),
            Passed::Answered(outcome @ Ok(_)) => {
                let receiver = receiver.with_epilogue(move |_| Box::pin(std::future::ready(outcome)));
                Ok(Started::Plain(receiver, None))
            }
        }
    }

    fn poll_started(&mut self, cx: &mut Context<'_>) -> Poll<Passed> {
        if let Poll::Ready(outcome) = self.chain.as_mut().poll(cx) {
            if let Some(responder) = take(&self.responder) {
                responder.finish(outcome.clone());
            }
            return Poll::Ready(Passed::Answered(outcome));
        }
        if let Some(started) = &mut self.started
            && let Poll::Ready(result) = std::pin::Pin::new(started).poll(cx)
        {
            self.started = None;
            if result.is_ok() {
                return Poll::Ready(Passed::Started);
            }
        }
        Poll::Pending
    }

    /// Lets the chain see, and change, how the replies of `receiver` end.
    pub(crate) fn attach<A>(self, receiver: MessageReceiver<A>) -> MessageReceiver<A> {
        let Self { chain, outcome, .. } = self;
        receiver.with_epilogue(move |ended| {
            hand_over(&outcome, ended);
            chain
        })
    }

    /// Receives the one reply, and lets the chain see and change how the call ends.
    pub(crate) async fn only_reply<A>(self, receiver: MessageReceiver<A>) -> halloo_call::Result<A> {
        let Self { mut chain, outcome, .. } = self;
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
            let Poll::Ready(verdict) = chain.as_mut().poll(cx) else {
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
