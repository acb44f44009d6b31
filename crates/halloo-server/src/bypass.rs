//! Methods that go past the interceptors and time limits of their router: health checks that a server adds by itself.

use std::sync::{Arc, OnceLock};

use halloo_call::{Call, OutcomeFuture, TimeLimits};
use halloo_core::Status;

use crate::handler::{ErasedHandler, HandlerContext, Methods, Surroundings};

impl Methods {
    /// Lets these methods' calls pass by the interceptors.
    pub(crate) fn bypass_interceptors(&mut self) {
        for entry in &mut self.entries {
            let handler = Arc::clone(&entry.handler);
            entry.handler = Arc::new(Bypassing { handler, surroundings: OnceLock::new() });
            entry.is_intercepted = false;
        }
    }

    /// Limits the time of these methods' calls so, and not as the router's.
    pub(crate) fn limit_time(&mut self, limits: TimeLimits) {
        for entry in &mut self.entries {
            entry.time_limits = Some(limits);
        }
    }
}

/// A handler without interceptors, whatever the router has.
struct Bypassing {
    handler: Arc<dyn ErasedHandler>,
    /// The router's, less the interceptors. They do not change once calls come.
    surroundings: OnceLock<Arc<Surroundings>>,
}

impl ErasedHandler for Bypassing {
    fn respond(self: Arc<Self>, call: Call, subtype: &str, work: HandlerContext<'_>) -> Result<OutcomeFuture, Status> {
        let surroundings = self.surroundings.get_or_init(|| {
            let surroundings = Surroundings::clone(work.surroundings);
            Arc::new(Surroundings { interceptors: Arc::new([]), ..surroundings })
        });
        Arc::clone(&self.handler).respond(call, subtype, HandlerContext { surroundings, ..work })
    }
}
