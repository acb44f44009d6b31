//! What the log says of reflection. A test of its own process: `tracing` may overlook a subscriber of one thread while
//! another thread meets the same event for the first time.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "support/mod.rs"]
mod support;

use std::sync::{Arc, Mutex};

use support::rig::{Setup, Transport};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps the text of every event of the server.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("halloo_server")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Text<'a>(&'a mut String);
        impl Visit for Text<'_> {
            fn record_debug(&mut self, _: &Field, value: &dyn std::fmt::Debug) {
                self.0.push_str(&format!("{value:?}\n"));
            }
        }
        event.record(&mut Text(&mut self.0.lock().unwrap()));
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Log {
    fn take(&self) -> String {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

#[tokio::test]
async fn a_debug_build_says_that_reflection_is_on_unless_somebody_chose() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    Setup::new(Transport::Tcp).rig().await.end().await;
    let text = log.take();
    assert!(text.contains("reflection is on (debug build)"), "{text}");
    for choice in [true, false] {
        Setup::new(Transport::Tcp).server(move |server| server.reflection(choice)).rig().await.end().await;
        let text = log.take();
        assert!(text.contains("serving") && !text.contains("debug build"), "{text}");
    }
}
