//! Heads of RPCs as clients hand them to what carries them: a connection, or a router in the same process.

use std::sync::Arc;

use halloo_core::MethodDescriptor;

use crate::compression::Encodings;
use crate::dispatch::call::Call;
use crate::exchange::ends::ResponderEnd;

/// The head of an RPC as a client hands it to a connection.
#[derive(Debug)]
pub struct OutgoingCall {
    /// The method.
    pub method: &'static MethodDescriptor,
    /// The codec's content-subtype.
    pub subtype: &'static str,
    /// The call's facts: metadata and deadline.
    pub call: Call,
    /// What the request says of compression, if it says anything.
    pub encodings: Option<Arc<Encodings>>,
    /// A server has refused it before any handler saw it, and it was sent again: that is done once (gRFC A6).
    pub was_refused: bool,
    /// It waits while its channel cannot reach any server, rather than fail.
    pub wait_for_ready: bool,
}

impl OutgoingCall {
    /// Makes a call that was not sent yet.
    #[must_use]
    pub fn new(method: &'static MethodDescriptor, subtype: &'static str, call: Call) -> Self {
        Self { method, subtype, call, encodings: None, was_refused: false, wait_for_ready: false }
    }

    /// Says how the messages are compressed, and how the replies may be.
    #[must_use]
    pub fn encodings(mut self, encodings: Option<Arc<Encodings>>) -> Self {
        self.encodings = encodings;
        self
    }
}

/// Something that can carry an RPC to a responder: a connection, or a router in the same process.
pub trait Carry: Send + Sync + 'static {
    /// Starts the call.
    ///
    /// # Errors
    /// Gives call and responder back untouched if this carrier takes no more calls.
    fn start(&self, call: OutgoingCall, responder: ResponderEnd) -> Result<(), Refused>;
}

/// A call that a carrier did not take; the peer has not seen it.
#[derive(Debug)]
pub struct Refused {
    /// The call's head.
    pub call: Box<OutgoingCall>,
    /// The responding end of the call.
    pub responder: ResponderEnd,
}
