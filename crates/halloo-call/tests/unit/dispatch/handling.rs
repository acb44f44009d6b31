//! Tests of `src/dispatch/handling.rs`.

use halloo_core::{Metadata, MethodDescriptor, MethodKind};

use super::*;
use crate::exchange::ends::exchange;
use crate::exchange::state::Outcome;

static METHOD: MethodRef = MethodRef::new(&MethodDescriptor::new("a.B", "C", "/a.B/C", MethodKind::Unary));

/// Panics when it is dropped.
struct Grenade {
    is_ready: bool,
}

impl Future for Grenade {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Outcome> {
        if self.is_ready { Poll::Ready(Ok(Metadata::new())) } else { Poll::Pending }
    }
}

impl Drop for Grenade {
    fn drop(&mut self) {
        panic!("boom");
    }
}

#[test]
fn a_handler_that_panics_when_it_is_dropped_harms_nobody_else() {
    for is_ready in [true, false] {
        let (caller, responder) = exchange();
        let mut handling = Handling::rpc(Box::pin(Grenade { is_ready }), responder, &METHOD, None);
        let polled = Pin::new(&mut handling).poll(&mut Context::from_waker(std::task::Waker::noop()));
        assert_eq!(polled.is_ready(), is_ready);
        drop(handling);
        let outcome = caller.collect(None, true, drop).outcome.expect("the call has ended");
        assert_eq!(outcome.is_ok(), is_ready);
    }
}
