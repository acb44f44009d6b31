//! What a client keeps of a call that nobody has answered, so that it can be sent again on another connection when it
//! is certain that no handler has seen it (gRFC A6, "Transparent Retries").

use bytes::Bytes;
use halloo_call::{OutgoingCall, OutgoingHead, ResponderEnd};

/// A call whose request is longer than this is not sent again once it has begun: all of it is kept until there is an
/// answer.
const KEPT_BYTES: usize = 256 * 1024;

/// The head and the request's bytes of a call without an answer.
#[derive(Debug)]
pub(crate) struct Replay {
    pub(crate) head: Box<OutgoingHead>,
    sent: Sent,
    bytes: usize,
}

/// The request's bytes that went to the engine. Most requests are one chunk, and a list would cost an allocation.
#[derive(Debug)]
enum Sent {
    Nothing,
    One(Bytes),
    Many(Vec<Bytes>),
}

impl Replay {
    pub(crate) fn new(head: Box<OutgoingHead>) -> Self {
        Self { head, sent: Sent::Nothing, bytes: 0 }
    }

    /// The codec of a call, if that is still known.
    pub(crate) fn subtype(call: Option<&Self>) -> Option<&'static str> {
        call.map(|call| call.head.subtype)
    }

    /// Whether so many bytes more can be kept.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.bytes + bytes <= KEPT_BYTES
    }

    pub(crate) fn keep(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        match &mut self.sent {
            Sent::Nothing => self.sent = Sent::One(chunk),
            Sent::One(first) => self.sent = Sent::Many(vec![std::mem::take(first), chunk]),
            Sent::Many(chunks) => chunks.push(chunk),
        }
    }

    /// The call as it was before anything of it was sent.
    pub(crate) fn restore(self, responder: ResponderEnd) -> OutgoingCall {
        match self.sent {
            Sent::Nothing => {}
            Sent::One(chunk) => responder.put_back_request(vec![chunk]),
            Sent::Many(chunks) => responder.put_back_request(chunks),
        }
        OutgoingCall { head: self.head, responder }
    }
}
