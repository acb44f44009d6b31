//! Services and methods that a router was given twice: which of the two should answer, only the user can say.
//!
//! A server refuses to serve such a router. One that something else drives refuses the calls of the service.

use std::sync::Arc;

use halloo_call::{Call, OutcomeFuture};
use halloo_core::Status;

use crate::handler::{Entry, ErasedHandler, HandlerContext};

/// What a router was given twice, the first of its kind: `the service greeter.Greeter`.
#[derive(Debug, Default)]
pub(crate) struct Duplicates {
    first: Option<String>,
}

impl Duplicates {
    /// Notes that `service` was given twice, and lets its methods, which are among `entries`, answer so.
    pub(crate) fn service(&mut self, service: &str, entries: &mut [Entry]) {
        self.add(
            format!("the service {service}"),
            entries.iter_mut().filter(|entry| entry.method.service() == service),
        );
    }

    /// Notes that a method has two handlers, of which `entry` is one.
    pub(crate) fn method(&mut self, entry: &mut Entry) {
        self.add(format!("the method {}", entry.method.full_name()), std::iter::once(entry));
    }

    fn add<'a>(&mut self, what: String, entries: impl Iterator<Item = &'a mut Entry>) {
        let refusal = Status::internal(text(&what)).note("hint", HINT);
        let handler: Arc<dyn ErasedHandler> = Arc::new(Refusing(refusal));
        entries.for_each(|entry| entry.handler = Arc::clone(&handler));
        self.first.get_or_insert(what);
    }

    /// # Errors
    /// ALREADY_EXISTS if there is any.
    pub(crate) fn check(&self) -> Result<(), Status> {
        match &self.first {
            None => Ok(()),
            Some(what) => Err(Status::already_exists(text(what)).note("hint", HINT)),
        }
    }
}

const HINT: &str = "give each service once, with one handler for each of its methods";

fn text(what: &str) -> String {
    format!("{what} was given to the server twice")
}

/// Refuses every call.
struct Refusing(Status);

impl ErasedHandler for Refusing {
    fn respond(self: Arc<Self>, _: Call, _: &str, _: HandlerContext<'_>) -> Result<OutcomeFuture, Status> {
        Err(self.0.clone())
    }
}
