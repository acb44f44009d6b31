//! What a server's log says of calls that fail. A test of its own process: `tracing` may overlook a subscriber of one
//! thread while another thread meets the same event for the first time.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use halloo::Status;
use halloo::codec::{Codec, Codecs, DecodeLimits, EncodeBuffer};
use halloo::descriptor::{Method, MethodDescriptor, MethodKind};
use halloo::interceptor::{Call, Next};
use halloo_tests::Letter;
use support::rig::{Rig, Setup, Transport};
use support::soon;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps every event that says how a call failed, a line each, with `in span` before those within one.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Lines>>);

#[derive(Default)]
struct Lines {
    written: Vec<String>,
    entered: usize,
}

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "halloo"
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() != "incident" {
                    write!(self.0, " {}={value:?}", field.name()).unwrap();
                }
            }
        }
        let mut lines = self.0.lock().unwrap();
        let place = if lines.entered > 0 { "in span " } else { "" };
        let mut line = Line(format!("{place}{}", event.metadata().level()));
        event.record(&mut line);
        lines.written.push(line.0);
    }

    fn enter(&self, _: &Id) {
        self.0.lock().unwrap().entered += 1;
    }

    fn exit(&self, _: &Id) {
        self.0.lock().unwrap().entered -= 1;
    }
}

impl Log {
    /// The one line since the last look, once it is there.
    async fn line(&self) -> String {
        soon(async {
            while self.0.lock().unwrap().written.is_empty() {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let lines = std::mem::take(&mut self.0.lock().unwrap().written);
        assert_eq!(lines.len(), 1, "{lines:?}");
        lines.concat()
    }

    fn is_empty(&self) -> bool {
        self.0.lock().unwrap().written.is_empty()
    }
}

/// Sends bytes that are no message.
struct Garbage;

impl Codec<Bytes> for Garbage {
    fn subtype(&self) -> &'static str {
        "proto"
    }

    fn encode(&self, message: &Bytes, out: &mut EncodeBuffer) -> Result<(), Status> {
        out.put_bytes(message.clone());
        Ok(())
    }

    fn decode(&self, body: Bytes, _: &DecodeLimits) -> Result<Bytes, Status> {
        Ok(body)
    }
}

const GARBAGE: Codecs<Bytes> = Codecs::new(&[&Garbage]);
static FOLLOW: MethodDescriptor =
    MethodDescriptor::new("post.Post", "Follow", "/post.Post/Follow", MethodKind::ServerStreaming);
static MISSPELT: MethodDescriptor =
    MethodDescriptor::new("post.Post", "Anser", "/post.Post/Anser", MethodKind::ServerStreaming);
static GARBLED: Method<Bytes, Bytes> = Method::new(&FOLLOW, GARBAGE, GARBAGE);
static UNKNOWN: Method<Bytes, Bytes> = Method::new(&MISSPELT, GARBAGE, GARBAGE);

async fn guarded(call: Call, next: Next) -> Result<halloo::Metadata, Status> {
    match call.metadata().get("x-refuse") {
        None => next.run(call).await,
        Some(_) => Err(Status::data_loss("the list of customers is gone").caused_by("not a table\n\x1b[2J")),
    }
}

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

async fn bytes(rig: &Rig, method: &'static Method<Bytes, Bytes>) -> Result<(), Status> {
    let mut replies = rig.client.channel().server_streaming(method, Bytes::from_static(b"\xff")).await?;
    replies.next().await.map(drop)
}

/// Fails a call in the way that `how` names.
async fn fail(rig: &Rig, how: &str) -> Result<(), Status> {
    match how {
        "by an interceptor" => {
            let mut chat = rig.client.chat().metadata("x-refuse", "yes").await?;
            chat.1.next().await.map(drop)
        }
        "by garbage" => bytes(rig, &GARBLED).await,
        "by a wrong name" => bytes(rig, &UNKNOWN).await,
        text => rig.client.answer(letter(text).with_number(5)).await.map(drop),
    }
}

const ROWS: [(&str, &str); 6] = [
    (
        "cause",
        r#"WARN message=a call failed method="post.Post/Answer" code="UNAVAILABLE" text="the sorting machine is down" cause="no power: fuse 7" notes="hint: change the fuse""#,
    ),
    (
        "fail",
        r#"DEBUG message=a call failed method="post.Post/Answer" code="NOT_FOUND" text="no such street: Ünter den Linden %41\n2""#,
    ),
    ("panic", r#"ERROR message=a handler panicked method="post.Post/Answer" text="the secret is 4711""#),
    (
        "by an interceptor",
        r#"WARN message=a call failed method="post.Post/Chat" code="DATA_LOSS" text="the list of customers is gone" cause="not a table\n\u{1b}[2J""#,
    ),
    (
        "by garbage",
        r#"WARN message=a call failed method="post.Post/Follow" code="INTERNAL" text="cannot decode post.Letter: "#,
    ),
    (
        "by a wrong name",
        r#"DEBUG message=a call failed code="UNIMPLEMENTED" text="post.Post has no method Anser; did you mean Answer?""#,
    ),
];

/// Once with spans, on a server that has them.
async fn check(log: &Log, transport: Transport, with_spans: bool) {
    let mut setup = Setup::new(transport).intercept(guarded);
    if with_spans {
        setup = setup.server(|server| server.trace_calls());
    }
    let rig = setup.rig().await;
    for (how, expected) in ROWS {
        let status = fail(&rig, how).await.unwrap_err();
        // None of it travels.
        assert!(status.cause().is_none() && status.notes().iter().all(|note| note.label() == "calling"), "{status:?}");
        let line = log.line().await;
        let (place, line) = line.split_at(line.find(['W', 'D', 'E']).unwrap());
        assert!(line.starts_with(expected), "{how}: {line}");
        assert_eq!(place, if with_spans && line.contains("method=") { "in span " } else { "" }, "{how}");
    }
    // A call that its client gives up, and one that succeeds.
    let client = rig.client.clone();
    let hanging = tokio::spawn(async move { client.answer(letter("hang")).await.map(drop) });
    rig.seen.running(1).await;
    hanging.abort();
    let line = log.line().await;
    assert!(line.contains("DEBUG message=a call failed method=\"post.Post/Answer\" code=\"CANCELLED\""), "{line}");
    rig.client.answer(letter("hello")).await.unwrap();
    rig.end().await;
    assert!(log.is_empty());
}

#[tokio::test]
async fn the_log_says_why_calls_failed() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    for transport in [Transport::Tcp, Transport::InProcess, Transport::Axum, Transport::Layered] {
        check(&log, transport, false).await;
    }
    check(&log, Transport::Tcp, true).await;
}
