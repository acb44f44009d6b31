//! What a stats hook and `tracing` spans see of calls and connections, on both sides.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "support/mod.rs"]
mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use halloo::server::TimeLimits;
use halloo::stats::{StatsEvent, StatsHandler};
use halloo::{Channel, Router};
use halloo_tests::{Letter, PostClient, PostServer};
use support::office::Office;
use support::rig::{Setup, Transport};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

/// Events as lines, without numbers that differ from run to run.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl StatsHandler for Log {
    fn on_event(&self, event: &StatsEvent<'_>) {
        self.add(match event {
            StatsEvent::CallStarted { method, peer, .. } => {
                format!("start {} peer {}", method.full_name(), peer.is_some())
            }
            StatsEvent::AttemptStarted { .. } => "attempt".into(),
            StatsEvent::MessageSent { bytes, .. } => format!("sent {bytes}"),
            StatsEvent::MessageReceived { bytes, .. } => format!("received {bytes}"),
            StatsEvent::CallEnded { code, sent_bytes, received_bytes, .. } => {
                format!("end {} {sent_bytes} {received_bytes}", code.name())
            }
            StatsEvent::ConnectionOpened { side, .. } => format!("connection {side:?}"),
            StatsEvent::ConnectionClosed { side, error, .. } => format!("closed {side:?} {error:?}"),
            other => format!("{other:?}"),
        });
    }
}

#[tokio::test]
async fn a_stats_hook_sees_calls_messages_and_connections() {
    let (server_log, client_log) = (Log::default(), Log::default());
    let rig = {
        let (server_log, client_log) = (server_log.clone(), client_log.clone());
        Setup::new(Transport::Tcp)
            .server(move |server| server.stats(Arc::new(server_log)))
            .client(move |client| client.stats(Arc::new(client_log)))
            .rig()
            .await
    };
    rig.client.answer(letter("hello")).await.unwrap();
    let mut replies = rig.client.follow(letter("x").with_number(2)).await.unwrap();
    while replies.next().await.unwrap().is_some() {}
    rig.end().await;
    let client = client_log.lines();
    let server = server_log.lines();
    assert_eq!(client[..2], ["start post.Post/Answer peer false", "sent 7"], "{client:?}");
    let connected = client.iter().position(|line| line == "connection Client").unwrap();
    let attempted = client.iter().position(|line| line == "attempt").unwrap();
    assert!(connected < attempted, "{client:?}");
    assert_eq!(server[..3], ["connection Server", "start post.Post/Answer peer true", "received 7"], "{server:?}");
    for (log, side) in [(&client, "Client"), (&server, "Server")] {
        let ends: Vec<_> = log.iter().filter(|line| line.starts_with("end OK")).collect();
        assert_eq!(ends.len(), 2, "{log:?}");
        assert!(log.contains(&format!("closed {side} None")), "{log:?}");
    }
    let follow = client.iter().position(|line| line == "start post.Post/Follow peer false").unwrap();
    let received = client[follow..].iter().filter(|line| line.starts_with("received")).count();
    assert_eq!(received, 2, "{client:?}");
}

#[tokio::test]
async fn a_stats_hook_sees_how_calls_fail() {
    let log = Log::default();
    let rig = {
        let log = log.clone();
        Setup::new(Transport::InProcess).client(move |client| client.stats(Arc::new(log))).rig().await
    };
    rig.client.answer(letter("fail")).await.unwrap_err();
    drop(rig.client.chat().await.unwrap());
    rig.end().await;
    let ends: Vec<_> = log.lines().into_iter().filter(|line| line.starts_with("end")).collect();
    assert_eq!(ends.len(), 2, "{ends:?}");
    assert!(!ends[0].starts_with("end OK"), "{ends:?}");
    assert!(ends[1].starts_with("end CANCELLED"), "{ends:?}");
}

#[tokio::test]
async fn a_router_without_a_server_can_be_watched_too() {
    let log = Log::default();
    let router = Router::new(PostServer::new(Office::default())).stats(Arc::new(log.clone()));
    let client = PostClient::new(Channel::in_process(router));
    client.answer(letter("hello")).await.unwrap();
    assert_eq!(log.lines()[..2], ["start post.Post/Answer peer true", "received 7"]);
}

#[tokio::test]
async fn a_router_without_a_server_says_why_a_call_was_cut() {
    let log = Log::default();
    let limit = TimeLimits::none().max_timeout(Duration::from_millis(5));
    let router = Router::new(PostServer::new(Office::default())).stats(Arc::new(log.clone())).time_limits(limit);
    PostClient::new(Channel::in_process(router)).answer(letter("hang")).await.unwrap_err();
    assert!(log.lines().last().unwrap().starts_with("end DEADLINE_EXCEEDED"), "{:?}", log.lines());
}

/// Notes the spans of Halloo, with the code that they end with.
#[derive(Clone, Default)]
struct Spans {
    log: Log,
    next: Arc<Mutex<u64>>,
}

struct Fields<'a>(&'a mut String);

impl tracing::field::Visit for Fields<'_> {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        if field.name() != "network.peer.address" {
            self.0.push_str(&format!(" {}={value:?}", field.name()));
        }
    }
}

impl Subscriber for Spans {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == "halloo"
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut line = attributes.metadata().name().to_owned();
        attributes.record(&mut Fields(&mut line));
        self.log.add(line);
        let mut next = self.next.lock().unwrap();
        *next += 1;
        Id::from_u64(*next)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = "recorded".to_owned();
        values.record(&mut Fields(&mut line));
        self.log.add(line);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn spans_carry_the_method_and_the_status() {
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(spans.clone());
    let rig = Setup::new(Transport::Tcp)
        .server(|server| server.trace_calls())
        .client(|client| client.trace_calls())
        .rig()
        .await;
    rig.client.answer(letter("hello")).await.unwrap();
    rig.end().await;
    let lines = spans.log.lines();
    for name in ["rpc.client", "rpc.server"] {
        let line = format!(r#"{name} rpc.system.name="grpc" rpc.method="post.Post/Answer""#);
        assert_eq!(lines.iter().filter(|other| **other == line).count(), 1, "{lines:?}");
    }
    let recorded = r#"recorded rpc.response.status_code="OK""#;
    assert_eq!(lines.iter().filter(|line| *line == recorded).count(), 2, "{lines:?}");
}

#[tokio::test]
async fn nothing_is_traced_unless_asked_for() {
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(spans.clone());
    let rig = Setup::new(Transport::Tcp).rig().await;
    rig.client.answer(letter("hello")).await.unwrap();
    rig.end().await;
    assert!(spans.log.lines().is_empty(), "{:?}", spans.log.lines());
}
