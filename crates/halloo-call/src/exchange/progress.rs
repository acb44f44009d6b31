//! What the two ends of an exchange find when they look at it, and how they register for the next time.

use std::task::Waker;

use halloo_core::{DrainedPiece, Status};

use crate::exchange::head::ResponseHead;
use crate::exchange::pipe::Interest;
use crate::exchange::state::Outcome;

/// What a caller found when it looked at its call's response.
#[derive(Debug, Default)]
pub struct ResponseProgress {
    /// The response head, once.
    pub head: Option<ResponseHead>,
    /// How the call ended, once, after all bytes were taken.
    pub outcome: Option<Outcome>,
    /// Request bytes that the responder has consumed since the last look: flow-control credit.
    pub credit: usize,
    /// Response bytes taken.
    pub bytes: usize,
}

/// What a responder's driver found when it looked at its call's request.
#[derive(Debug, Default)]
pub struct RequestProgress {
    /// The request is complete: no byte will follow those taken.
    pub finished: bool,
    /// The caller gave the call up.
    pub cancelled: Option<Status>,
    /// Response bytes that the caller has consumed since the last look: flow-control credit.
    pub credit: usize,
    /// Request bytes taken.
    pub bytes: usize,
}

/// How a look at an exchange registers for the next one.
#[derive(Clone, Copy, Debug)]
pub struct Watch<'a> {
    /// Woken by what `interest` names, and when the peer consumed `credit_step` bytes.
    pub waker: &'a Waker,
    /// What wakes.
    pub interest: Interest,
    /// Bytes consumed that wake; `None` leaves the writer's place to somebody else, such as a message sender.
    pub credit_step: Option<usize>,
}

/// Where a wire takes a response.
pub trait ResponseSink {
    /// Takes a response that is all there: head, bytes and outcome. `false`: it is to come in parts. Called under the
    /// exchange's lock, too.
    fn whole(&mut self, head: &ResponseHead, bytes: &[u8], outcome: &Outcome) -> bool;

    /// Takes the response head, before any piece.
    fn head(&mut self, head: ResponseHead);

    /// Bytes of the response. It is called under the exchange's lock, so it must not block.
    fn piece(&mut self, piece: DrainedPiece<'_>);
}
