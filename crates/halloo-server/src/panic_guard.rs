//! Keeps a panic in a handler inside its call: the client learns that it failed, the log learns how.

use std::any::Any;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use halloo_call::Outcome;
use halloo_core::{MethodDescriptor, Status};

/// Runs a handler's future; a panic becomes UNKNOWN (gRPC's status table), without the panic's text.
pub(crate) struct PanicGuard<F> {
    future: F,
    method: &'static MethodDescriptor,
}

impl<F: Future<Output = Outcome>> PanicGuard<F> {
    pub(crate) fn new(future: F, method: &'static MethodDescriptor) -> Self {
        Self { future, method }
    }

    /// Polls the guarded future. It must not be polled again once it is ready.
    pub(crate) fn poll_guarded(
        future: Pin<&mut F>,
        method: &'static MethodDescriptor,
        cx: &mut Context<'_>,
    ) -> Poll<Outcome> {
        match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(poll) => poll,
            Err(panic) => Poll::Ready(Err(report(method, &*panic))),
        }
    }

    /// The outcome of the guarded future.
    pub(crate) async fn run(self) -> Outcome {
        let Self { future, method } = self;
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|cx| Self::poll_guarded(future.as_mut(), method, cx)).await
    }
}

/// Logs a panic and makes the status that the client sees.
fn report(method: &'static MethodDescriptor, panic: &(dyn Any + Send)) -> Status {
    let incident = RandomState::new().build_hasher().finish() & 0xffff;
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(a panic without a text)");
    tracing::error!(method = method.full_name(), incident = format_args!("{incident:04x}"), text, "a handler panicked");
    Status::unknown(format!("the server failed while handling this call (incident {incident:04x})"))
}
