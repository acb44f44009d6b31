//! Where handlers run: short ones in the connection's task, and none in another's way.

#![allow(clippy::unwrap_used, reason = "it is test code, also outside of test functions")]

mod support;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use halloo_call::Execution;
use halloo_core::{Address, Code};
use halloo_http2::{Config, Connection, End, Event, HeaderList};
use support::{BLOCK, CHAT, ECHO, HANG, OCCUPY, call_of, deadline, rig, start, unary, unary_with};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn is_inline(rig: &support::Rig, method: &str) -> bool {
    let executions = rig.handle.executions();
    executions.iter().any(|execution| execution.method == method && execution.is_inline)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_method_earns_inline_polling_and_a_slow_one_never_does() {
    let rig = rig(|server| server).await;
    assert!(!is_inline(&rig, "test.Service/Echo"), "the first calls are spawned");
    // Far more than the trial, because a machine that is busy may take a thread away in the middle of a poll.
    for _ in 0..50_000 {
        unary(&rig.connection, &ECHO, "x").await.unwrap();
        if is_inline(&rig, "test.Service/Echo") {
            break;
        }
    }
    assert!(is_inline(&rig, "test.Service/Echo"));
    for _ in 0..40 {
        unary(&rig.connection, &BLOCK, "x").await.unwrap();
    }
    assert!(!is_inline(&rig, "test.Service/Block"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_turns_slow_leaves_its_connections_task_after_a_few_calls() {
    let rig = rig(|server| server).await;
    // As above, far more than the trial.
    for _ in 0..50_000 {
        unary(&rig.connection, &BLOCK, "short").await.unwrap();
        if is_inline(&rig, "test.Service/Block") {
            break;
        }
    }
    let mut calls = 0;
    while is_inline(&rig, "test.Service/Block") {
        unary(&rig.connection, &BLOCK, "x").await.unwrap();
        calls += 1;
    }
    assert!((1..=6).contains(&calls), "{calls} calls");
}

#[tokio::test]
async fn the_choice_can_be_fixed() {
    let rig = rig(|server| {
        server.execution("test.Service/Echo", Execution::Inline).execution("test.Service/Chat", Execution::Spawn)
    })
    .await;
    assert!(is_inline(&rig, "test.Service/Echo"));
    assert_eq!(unary(&rig.connection, &ECHO, "x").await.unwrap(), "x");
    assert!(!is_inline(&rig, "test.Service/Chat"));
}

#[tokio::test]
async fn a_method_that_nobody_has_cannot_be_placed() {
    let server = halloo_server::Server::bind("127.0.0.1:0").await.unwrap();
    let services = support::TestService(std::sync::Arc::default());
    let status = server.execution("test.Service/Nothing", Execution::Spawn).serve(services).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(format!("{status:?}").contains("test.Service/Echo"), "{status:?}");
}

/// A client that speaks in frames, so that it can ping.
struct Pinger {
    socket: TcpStream,
    engine: Connection,
    input: BytesMut,
}

impl Pinger {
    async fn connect(address: &Address) -> Self {
        let Address::Tcp(address) = address else { panic!("the rig listens on TCP") };
        let socket = TcpStream::connect(address).await.unwrap();
        Self { socket, engine: Connection::client(Config::default(), Instant::now()), input: BytesMut::new() }
    }

    /// Starts a unary call whose reply nobody waits for.
    fn call(&mut self, path: &str, message: &[u8]) {
        let mut fields = HeaderList::new();
        for (name, value) in [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "test"),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ] {
            fields.push(name.as_bytes(), value.as_bytes());
        }
        let id = self.engine.send_request(None, &fields, End::Open).unwrap();
        let mut envelope = vec![0, 0, 0, 0, u8::try_from(message.len()).unwrap()];
        envelope.extend_from_slice(message);
        self.engine.send_data(id, envelope.into(), End::Stream).unwrap();
    }

    /// Sends a PING and waits for its answer.
    async fn ping(&mut self, payload: [u8; 8]) {
        self.engine.send_ping(payload);
        loop {
            let now = Instant::now();
            while !self.engine.poll_transmit(now).is_empty() {
                let out = self.engine.poll_transmit(now);
                self.socket.write_all_buf(out).await.unwrap();
            }
            while let Some(event) = self.engine.poll_event() {
                if matches!(event, Event::PingAck { payload: answered } if answered == payload) {
                    return;
                }
            }
            assert_ne!(self.socket.read_buf(&mut self.input).await.unwrap(), 0, "the server has closed");
            self.engine.handle_input(now, &mut self.input);
        }
    }
}

/// Handlers that keep their thread: one that blocks it, one that burns it, one that never yields by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_handler_that_keeps_its_thread_holds_up_neither_pings_nor_calls() {
    for way in ["block", "burn", "greed"] {
        let mut config = Config::default();
        config.limits.pings = None;
        let rig = rig(|server| server.http2(config)).await;
        let mut pinger = Pinger::connect(&rig.address).await;
        pinger.call("/test.Service/Occupy", way.as_bytes());
        pinger.ping(*b"delivers").await;
        rig.seen.hanging.notified().await;
        let occupied = tokio::spawn({
            let connection = rig.connection.clone();
            async move { unary(&connection, &OCCUPY, way).await }
        });
        rig.seen.hanging.notified().await;
        for count in 0..100_u64 {
            pinger.ping(count.to_be_bytes()).await;
            assert_eq!(unary(&rig.connection, &ECHO, "x").await.unwrap(), "x");
        }
        rig.seen.release.store(true, Ordering::Release);
        assert_eq!(occupied.await.unwrap().unwrap(), way);
    }
}

#[tokio::test]
async fn a_connection_that_ends_closes_its_socket_before_its_handlers_have_ended() {
    let rig = rig(|server| server).await;
    let mut pinger = Pinger::connect(&rig.address).await;
    pinger.call("/test.Service/Hang", b"x");
    pinger.ping(*b"it hangs").await;
    rig.seen.hanging.notified().await;
    pinger.socket.write_all(b"this is no frame: its length is over every limit").await.unwrap();
    // The GOAWAY, and then the end.
    while pinger.socket.read_buf(&mut pinger.input).await.unwrap() != 0 {}
    rig.seen.dropped.notified().await;
}

#[tokio::test]
async fn each_inline_handler_has_its_own_share_of_the_cooperative_budget() {
    let rig = rig(|server| server.execution("test.Service/Spend", Execution::Inline)).await;
    let mut pinger = Pinger::connect(&rig.address).await;
    for _ in 0..50 {
        pinger.call("/test.Service/Spend", b"x");
    }
    pinger.ping(*b"all done").await;
    let tasks = rig.seen.tasks.lock().unwrap().clone();
    assert_eq!(tasks.len(), 50);
    assert!(tasks.iter().all(|task| *task == tasks[0]), "some were polled in a task of their own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handlers_that_burn_or_never_end_hold_up_nobody_on_their_connection() {
    let rig = rig(|server| server).await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let connection = rig.connection.clone();
        slow.push(tokio::spawn(async move {
            for _ in 0..20 {
                unary(&connection, &BLOCK, "x").await.unwrap();
            }
        }));
    }
    let (mut requests, hanging) = start(&rig.connection, &HANG, call_of(&HANG));
    requests.send("x".into()).await.unwrap();
    requests.finish();
    rig.seen.hanging.notified().await;
    let (mut chat, mut replies) = start(&rig.connection, &CHAT, call_of(&CHAT));
    for index in 0..500 {
        let text = Bytes::from(index.to_string());
        chat.send(text.clone()).await.unwrap();
        assert_eq!(replies.next().await.unwrap().unwrap(), text);
        assert_eq!(unary(&rig.connection, &ECHO, text.clone()).await.unwrap(), text);
    }
    for task in slow {
        task.await.unwrap();
    }
    drop(hanging);
    rig.seen.dropped.notified().await;
}

#[tokio::test]
async fn an_inline_handler_that_is_not_ready_moves_to_a_task_of_its_own() {
    let rig = rig(|server| server.execution("test.Service/Hang", Execution::Inline)).await;
    let mut call = call_of(&HANG);
    call.set_deadline(Some(deadline(Duration::from_millis(50))));
    let waiting = tokio::spawn({
        let connection = rig.connection.clone();
        async move { unary_with(&connection, &HANG, call, "x").await }
    });
    rig.seen.hanging.notified().await;
    for _ in 0..10 {
        assert_eq!(unary(&rig.connection, &ECHO, "x").await.unwrap(), "x");
    }
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    rig.seen.dropped.notified().await;
}
