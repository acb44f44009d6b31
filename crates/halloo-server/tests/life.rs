//! How long a server keeps connections, with tokio's clock stopped. Over Unix sockets: what is written to one can be read
//! at once, so time never runs ahead of bytes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use halloo_core::{Address, Code};
use halloo_server::Server;
use halloo_transport::{ClientConnection, ConnectOptions, Keepalive, ListenAddress, connect};
use support::{ECHO, HANG, Seen, TestService, unary};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::time::Instant;

struct Served {
    address: Address,
    seen: Arc<Seen>,
}

impl Served {
    async fn new(name: &str, configure: impl FnOnce(Server) -> Server) -> Self {
        let path = std::env::temp_dir().join(format!("halloo-life-{name}-{}.sock", std::process::id()));
        let server = Server::bind(format!("unix:{}", path.display())).await.unwrap();
        let ListenAddress::Unix(path) = server.address().clone() else { unreachable!("it is a Unix socket") };
        let seen = Arc::new(Seen::default());
        let service = TestService(Arc::clone(&seen));
        let server = configure(server).shutdown_on(std::future::pending());
        tokio::spawn(async move { server.serve(service).await });
        Self { address: Address::Unix(path), seen }
    }

    async fn connect(&self) -> ClientConnection {
        self.connect_with(None).await
    }

    async fn connect_with(&self, keepalive: Option<Keepalive>) -> ClientConnection {
        let mut options = ConnectOptions::new("test");
        options.http2.keepalive = keepalive;
        connect(&self.address, options).await.unwrap()
    }
}

/// Waits for the connection to take no more calls; says after how many seconds, and why.
async fn ended(connection: &ClientConnection) -> (u64, String) {
    let began = Instant::now();
    let reason = connection.closed().await.reason;
    (began.elapsed().as_secs(), reason)
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_sent_away() {
    let served = Served::new("idle", |server| server.max_connection_idle(Duration::from_secs(60))).await;
    let connection = served.connect().await;
    tokio::time::advance(Duration::from_secs(40)).await;
    unary(&connection, &ECHO, "hello").await.unwrap();
    assert_eq!(ended(&connection).await, (60, "the server is going away: NO_ERROR (max_idle)".into()));
}

#[tokio::test(start_paused = true)]
async fn an_old_connection_is_sent_away_and_its_calls_are_cancelled_after_the_grace() {
    let served = Served::new("age", |server| {
        server.max_connection_age(Duration::from_secs(1000)).max_connection_age_grace(Duration::from_secs(100))
    })
    .await;
    let connection = served.connect().await;
    let began = Instant::now();
    let call = tokio::spawn({
        let connection = connection.clone();
        async move { unary(&connection, &HANG, "hello").await }
    });
    let (age, reason) = ended(&connection).await;
    assert!((900..=1100).contains(&age), "{age}");
    assert_eq!(reason, "the server is going away: NO_ERROR (max_age)");
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(began.elapsed().as_secs(), age + 100);
    served.seen.cancelled.notified().await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_after_so_many_calls_and_loses_none() {
    let served = Served::new("requests", |server| server.max_connection_requests(3)).await;
    let connection = served.connect().await;
    for _ in 0..3 {
        unary(&connection, &ECHO, "hello").await.unwrap();
    }
    assert_eq!(ended(&connection).await, (0, "the server is going away: NO_ERROR (max_requests)".into()));
}

/// A client that says hello and is never heard of again.
async fn silent_client(address: &Address) -> UnixStream {
    let Address::Unix(path) = address else { unreachable!("it is a Unix socket") };
    let mut socket = UnixStream::connect(path).await.unwrap();
    socket.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    // SETTINGS, and the acknowledgement of the server's.
    socket.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]).await.unwrap();
    socket
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_gone_without_a_word_is_noticed() {
    let served = Served::new("gone", |server| server.keepalive_timeout(Duration::from_secs(5))).await;
    let mut client = silent_client(&served.address).await;
    let began = Instant::now();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(began.elapsed().as_secs(), 2 * 60 * 60 + 5, "2 h is the default interval");
    assert!(heard.ends_with(b"keepalive_timeout"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_still_there_stays() {
    let served = Served::new("there", |server| server.keepalive(Duration::from_secs(60))).await;
    let connection = served.connect().await;
    tokio::time::timeout(Duration::from_secs(24 * 60 * 60), connection.closed()).await.unwrap_err();
    unary(&connection, &ECHO, "hello").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_too_often_is_told_so() {
    let often = Keepalive { interval: Duration::from_secs(60), ..Keepalive::default() };
    let strict = Served::new("strict", |server| server).await;
    let connection = strict.connect_with(Some(often)).await;
    let began = Instant::now();
    let closed = connection.closed().await;
    assert_eq!(closed.reason, "the server is going away: ENHANCE_YOUR_CALM (too_many_pings)");
    assert!(closed.too_many_pings);
    assert_eq!(began.elapsed().as_secs(), 4 * 60, "the first is free, two are forgiven");

    let lenient = Served::new("lenient", |server| {
        server.min_ping_interval(Duration::from_secs(60)).permit_pings_without_calls(true)
    })
    .await;
    let connection = lenient.connect_with(Some(often)).await;
    tokio::time::timeout(Duration::from_secs(24 * 60 * 60), connection.closed()).await.unwrap_err();
}
