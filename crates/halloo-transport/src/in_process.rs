//! Calls within one process: the same exchange, dispatch and handler task, without a wire between.

use std::fmt;
use std::sync::Arc;

use halloo_call::{Carry, Dispatch, IncomingCall, LazyMetadata, OutgoingCall, RareHead, RunningHandler};
use halloo_core::{Extensions, Peer};

use crate::clock::{now, timer};

/// Carries calls to a dispatch in the same process.
///
/// A call runs in a task of its own; its deadline and its cancellation work as they do over a connection.
/// Messages are encoded and decoded, so that a test sees what a wire would bring.
#[derive(Clone)]
pub struct InProcess {
    dispatch: Arc<dyn Dispatch>,
    peer: Arc<Peer>,
}

impl InProcess {
    /// Carries calls to `dispatch`.
    pub fn new(dispatch: Arc<dyn Dispatch>) -> Self {
        Self { dispatch, peer: Arc::new(Peer::in_process()) }
    }
}

impl Carry for InProcess {
    /// # Panics
    /// If it is called outside a tokio runtime.
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        let OutgoingCall { head, responder } = call;
        let path = head.method.path();
        let route = self.dispatch.find(path);
        let allowance = route.time_limits.allowance(head.call.deadline(), now());
        let rare = RareHead {
            unknown_path: route.method.is_none().then(|| path.into()),
            subtype: head.subtype.into(),
            encodings: head.encodings,
            accepted_encodings: None,
        };
        let incoming = IncomingCall {
            rare: rare.or_none(),
            metadata: LazyMetadata::from(head.call.metadata().clone()),
            deadline: allowance.deadline(),
            peer: Arc::clone(&self.peer),
            extensions: Extensions::new(),
            arrived: None,
        };
        let watch = responder.handler_watch();
        let handling = self.dispatch.respond(route, incoming, responder);
        tokio::spawn(RunningHandler::timed(handling, watch, allowance, timer));
        Ok(())
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InProcess").finish_non_exhaustive()
    }
}
