//! RPCs as clients hand them to what carries them: a connection, or a router in the same process.

use std::sync::Arc;

use halloo_core::MethodRef;

use crate::compression::Encodings;
use crate::dispatch::call::Call;
use crate::exchange::ends::ResponderEnd;
use crate::observe::observation::ObservedCall;

/// The head of an RPC as a client hands it to a connection.
#[derive(Debug)]
pub struct OutgoingHead {
    /// The method.
    pub method: MethodRef,
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
    /// Who sees the call, if anybody does.
    pub observed: Option<Arc<ObservedCall>>,
}

impl OutgoingHead {
    /// Makes the head of a call that was not sent yet.
    #[must_use]
    pub fn new(method: impl Into<MethodRef>, subtype: &'static str, call: Call) -> Self {
        let (method, encodings, observed) = (method.into(), None, None);
        Self { method, subtype, call, encodings, was_refused: false, wait_for_ready: false, observed }
    }
}

/// A call on its way to who answers it: its head, and the end of its exchange from which the request is taken and to
/// which the response is brought.
///
/// A call has one exchange, whatever becomes of its attempts: one that has ended before anybody could see it gives the
/// call back as it was, and the next attempt takes it from there.
#[derive(Debug)]
pub struct OutgoingCall {
    /// Its head.
    pub head: Box<OutgoingHead>,
    /// The responding end of its exchange.
    pub responder: ResponderEnd,
}

impl OutgoingCall {
    /// Puts a head and the responding end of an exchange together.
    #[must_use]
    pub fn new(head: OutgoingHead, responder: ResponderEnd) -> Self {
        Self { head: Box::new(head), responder }
    }
}

/// Something that can carry an RPC to who answers it: a connection, or a router in the same process.
pub trait Carry: Send + Sync + 'static {
    /// Starts the call.
    ///
    /// # Errors
    /// Gives the call back untouched if this carrier takes no more calls.
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall>;
}
