//! A channel over real sockets: to a server of the transport, to none, and to something else.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod common;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{CHAT, COUNT, JOIN, SAY, TEXTS, Talk, shown};
use halloo_client::{BearerToken, Channel, ConnectivityState};
use halloo_core::{Code, Method, MethodKind, MethodRef};
use halloo_transport::{
    Accepted, AcceptedSocket, Http2Config, ListenAddress, Listener, ServerConnection, ServerConnectionHandle,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// A server of `Talk`, until the test's runtime ends.
struct Served {
    address: ListenAddress,
    connections: Arc<Mutex<Vec<ServerConnectionHandle>>>,
}

impl Served {
    fn at(address: &ListenAddress) -> Self {
        Self::with(address, Http2Config::default())
    }

    fn with(address: &ListenAddress, config: Http2Config) -> Self {
        let listener = Listener::bind(address).unwrap();
        let served = Self { address: listener.address().clone(), connections: Arc::default() };
        let connections = Arc::clone(&served.connections);
        tokio::spawn(async move {
            loop {
                let Accepted { socket, peer, .. } = listener.accept().await.unwrap();
                let dispatch = Arc::new(Talk::default());
                let config = config.clone();
                let handle = match socket {
                    AcceptedSocket::Tcp(io) => spawn(ServerConnection::new(io, peer, config, dispatch)),
                    AcceptedSocket::Unix(io) => spawn(ServerConnection::new(io, peer, config, dispatch)),
                    _ => unreachable!("there are two kinds of socket"),
                };
                connections.lock().unwrap().push(handle);
            }
        });
        served
    }

    fn tcp(&self) -> SocketAddr {
        match &self.address {
            ListenAddress::Tcp(address) => *address,
            other => panic!("{other} is not TCP"),
        }
    }
}

fn spawn<Io>(connection: ServerConnection<Io>) -> ServerConnectionHandle
where
    Io: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let handle = connection.handle();
    tokio::spawn(connection);
    handle
}

fn loopback() -> ListenAddress {
    ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))
}

/// A port that nothing listens on at the moment.
async fn free_port() -> u16 {
    tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn all_four_kinds_of_call_work_over_tcp() {
    let served = Served::at(&loopback());
    let channel = Channel::connect(format!("http://localhost:{}", served.tcp().port())).await.unwrap();
    assert_eq!(channel.state(), ConnectivityState::Ready);
    let reply = channel.unary(&SAY, "hello".into()).timeout(Duration::from_secs(20)).await.unwrap();
    assert_eq!(*reply, "you said: hello");
    assert_eq!(reply.headers().get("x-served-by"), Some("edison"));
    assert_eq!(reply.trailers().get("x-cost"), Some("1"));
    let mut replies = channel.server_streaming(&COUNT, "100".into()).await.unwrap();
    for number in 0..100 {
        assert_eq!(replies.next().await.unwrap(), Some(number.to_string()));
    }
    assert_eq!(replies.next().await.unwrap(), None);
    let reply = channel.client_streaming(&JOIN).send_all(["a", "b"].map(String::from)).await.unwrap();
    assert_eq!(*reply, "a+b");
    let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    requests.send("x".into()).await.unwrap();
    assert_eq!(replies.next().await.unwrap().as_deref(), Some("re: x"));
    requests.finish();
    assert_eq!(replies.next().await.unwrap(), None);
    let status = channel.unary(&SAY, "fail no shelf 7".into()).await.unwrap_err();
    let told = "no shelf 7 (NOT_FOUND)\n  calling  talk.Talk/Say\n  details  7 bytes that are no google.rpc.Status";
    assert_eq!(format!("{status:?}"), told);
    assert_eq!(status.details().as_ref(), b"details");
}

/// More of them than a connection keeps templates for, each gone before the next one takes its memory.
#[tokio::test]
async fn methods_that_a_program_learns_need_not_live_for_ever() {
    let served = Served::at(&ListenAddress::Tcp(([127, 0, 0, 1], 0).into()));
    let channel = Channel::new(served.address.to_string()).unwrap();
    let of = |name: &str| Method::of(MethodRef::learned("talk.Talk", name, MethodKind::Unary), TEXTS, TEXTS);
    for number in 0..1200 {
        let status = channel.unary(&of(&format!("Learned{number}")), "x".into()).await.unwrap_err();
        assert_eq!(status.message(), format!("there is no /talk.Talk/Learned{number}"));
    }
    assert_eq!(channel.unary(&of("Say"), "hello".into()).await.unwrap().into_message(), "you said: hello");
}

#[tokio::test]
async fn many_calls_share_a_channel() {
    let served = Served::at(&loopback());
    let channel = Channel::new(served.tcp().to_string()).unwrap();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        let channel = channel.clone();
        calls.spawn(async move {
            let reply = channel.unary(&SAY, format!("number {number}")).await.unwrap();
            assert_eq!(*reply, format!("you said: number {number}"));
        });
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
}

/// A server that allows two calls a connection.
fn crowded() -> Served {
    let mut config = Http2Config::default();
    config.limits.max_concurrent_streams = 2;
    Served::with(&loopback(), config)
}

#[tokio::test]
async fn a105_calls_above_the_limit_of_a_connection_run_on_as_many_as_they_need() {
    let served = crowded();
    let channel = Channel::connect(served.tcp().to_string()).await.unwrap();
    let mut chats = Vec::new();
    for _ in 0..7 {
        let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
        requests.send("x".into()).await.unwrap();
        assert_eq!(replies.next().await.unwrap().as_deref(), Some("re: x"));
        chats.push((requests, replies));
    }
    assert_eq!(served.connections.lock().unwrap().len(), 4, "seven by two");
    for (mut requests, mut replies) in chats {
        requests.send("y".into()).await.unwrap();
        assert_eq!(replies.next().await.unwrap().as_deref(), Some("re: y"), "all of them run");
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None);
    }
    assert_eq!(*channel.unary(&SAY, "hello".into()).await.unwrap(), "you said: hello");
    assert_eq!(served.connections.lock().unwrap().len(), 4);
}

#[tokio::test]
async fn a105_a_burst_of_calls_is_served_by_the_connections_that_there_may_be() {
    for max_connections in [1, 3] {
        let served = crowded();
        let builder = Channel::builder(served.tcp().to_string());
        let channel = builder.max_connections_per_subchannel(max_connections).build().unwrap();
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..500 {
            let channel = channel.clone();
            calls.spawn(async move {
                let reply = channel.unary(&SAY, format!("number {number}")).await.unwrap();
                assert_eq!(*reply, format!("you said: number {number}"));
            });
        }
        while let Some(call) = calls.join_next().await {
            call.unwrap();
        }
        let connections = served.connections.lock().unwrap().len();
        assert!((1..=max_connections).contains(&connections), "{connections} of {max_connections}");
    }
}

#[tokio::test]
async fn a105_a_server_that_shuts_one_connection_down_loses_no_call_that_waits() {
    let served = crowded();
    let builder = Channel::builder(served.tcp().to_string()).max_connections_per_subchannel(2);
    let channel = builder.connect().await.unwrap();
    let mut chats = Vec::new();
    for _ in 0..4 {
        let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
        requests.send("x".into()).await.unwrap();
        replies.next().await.unwrap();
        chats.push((requests, replies));
    }
    let waiting = tokio::spawn({
        let channel = channel.clone();
        async move { channel.unary(&SAY, "hello".into()).await.unwrap().into_message() }
    });
    served.connections.lock().unwrap()[0].shutdown();
    assert_eq!(waiting.await.unwrap(), "you said: hello", "a third connection takes the place of the first");
    assert_eq!(served.connections.lock().unwrap().len(), 3);
    for (requests, mut replies) in chats {
        requests.finish();
        assert_eq!(replies.next().await.unwrap(), None, "what ran goes on");
    }
}

#[tokio::test]
async fn unix_sockets_have_paths() {
    let path = std::env::temp_dir().join(format!("halloo-client-{}.sock", std::process::id()));
    let target = format!("unix:{}", path.display());
    let failed = Channel::connect(&target).await.unwrap_err();
    assert_eq!(
        shown(&failed),
        format!(
            "cannot reach {target}: no such socket (UNAVAILABLE)\n  \
             tried    {target} no such socket (_ ms)\n  \
             hint     the server has not made its socket yet; start it, or check the path"
        )
    );
    let _served = Served::at(&ListenAddress::Unix(path.clone()));
    let channel = Channel::connect(format!("unix://{}", path.display())).await.unwrap();
    assert_eq!(*channel.unary(&SAY, "hello".into()).await.unwrap(), "you said: hello");
}

#[tokio::test]
async fn credentials_travel_over_unix_sockets_and_not_over_open_tcp() {
    let token = BearerToken::new("t").unwrap();
    let path = std::env::temp_dir().join(format!("halloo-credentials-{}.sock", std::process::id()));
    let _served = Served::at(&ListenAddress::Unix(path.clone()));
    let channel = Channel::connect(format!("unix:{}", path.display())).await.unwrap();
    let call = channel.unary(&SAY, "tell authorization".into()).credentials(token.clone());
    assert_eq!(*call.await.unwrap(), "Bearer t");

    let served = Served::at(&loopback());
    let channel = Channel::connect(served.tcp().to_string()).await.unwrap();
    let status = channel.unary(&SAY, "hello".into()).credentials(token).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(*channel.unary(&SAY, "hello".into()).await.unwrap(), "you said: hello", "others are as before");
}

#[tokio::test]
async fn e01_a_server_that_is_not_there() {
    let port = free_port().await;
    let channel = Channel::new(format!("http://127.0.0.1:{port}")).unwrap();
    let status = channel.unary(&SAY, "hello".into()).await.unwrap_err();
    assert_eq!(
        shown(&status),
        format!(
            "cannot reach 127.0.0.1:{port}: connection refused (UNAVAILABLE)\n  \
             calling  talk.Talk/Say\n  \
             tried    127.0.0.1:{port} connection refused (_ ms)\n  \
             hint     nothing listens there; start the server, or check host and port"
        )
    );
}

#[tokio::test]
async fn e01_a_list_of_addresses_is_tried_to_the_end() {
    let served = Served::at(&loopback());
    let channel = Channel::connect(format!("ipv4:127.0.0.1:{},{}", free_port().await, served.tcp())).await.unwrap();
    assert_eq!(*channel.unary(&SAY, "hello".into()).await.unwrap(), "you said: hello");
}

#[cfg(not(feature = "_tls"))]
#[tokio::test]
async fn e04_https_is_refused_before_any_byte_is_sent() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("https://{}", listener.local_addr().unwrap());
    let status = Channel::connect(&target).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "https needs the \"tls\" feature of halloo, which this build does not have (FAILED_PRECONDITION)\n  \
         hint     cargo add halloo --features tls; use http:// only on a network that you trust"
    );
    assert!(tokio::time::timeout(Duration::from_millis(20), listener.accept()).await.is_err(), "nobody came");
}

#[tokio::test]
async fn e05_a_web_server_is_recognised() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = [0; 24];
        socket.read_exact(&mut request).await.unwrap();
        let answer = "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 0\r\n\r\n";
        socket.write_all(answer.as_bytes()).await.unwrap();
        // It waits for the client to hang up.
        let _ = socket.read(&mut request).await;
    });
    let status = Channel::connect(address.to_string()).await.unwrap_err();
    let what = "answered HTTP/1.1 404 Not Found text/html; it is a web server, not gRPC";
    assert_eq!(
        shown(&status),
        format!(
            "{address} {what} (UNAVAILABLE)\n  \
             tried    {address} it {what} (_ ms)\n  \
             hint     check the port: a gRPC server speaks HTTP/2 there"
        )
    );
}

/// Something that is neither HTTP/2 nor a web server's usual answer.
#[tokio::test]
async fn e05_what_is_not_http_2_is_recognised() {
    let page = "answered with a bare web page, as servers of HTTP/1.1 do; it is a web server, not gRPC";
    for (answer, what) in [
        ("<!DOCTYPE HTML>\n<html lang=\"en\">\n<title>Error response</title>\n</html>\n", page),
        ("SSH-2.0-OpenSSH_9.2\r\n", "answered \"SSH-2.0-OpenSSH_9.2\", which is not HTTP/2"),
        ("hi", "answered \"hi\", which is not HTTP/2"),
        ("J\0\0\0\n8.0.36\0", "answered with bytes that are not HTTP/2"),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            loop {
                let mut socket = listener.accept().await.unwrap().0;
                let _ = socket.read(&mut [0; 1024]).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        });
        let status = Channel::connect(address.to_string()).await.unwrap_err();
        assert_eq!(
            shown(&status),
            format!(
                "{address} {what} (UNAVAILABLE)\n  \
                 tried    {address} it {what} (_ ms)\n  \
                 hint     check the port: a gRPC server speaks HTTP/2 there"
            )
        );
    }
}

/// With the clock stopped: over a Unix socket the connection is there at once.
#[cfg(unix)]
#[tokio::test(start_paused = true)]
async fn a_server_that_accepts_and_says_nothing_is_no_firewall() {
    let path = std::env::temp_dir().join(format!("halloo-silent-{}.sock", std::process::id()));
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let mut accepted = Vec::new();
        loop {
            accepted.push(listener.accept().await.unwrap());
        }
    });
    let place = format!("unix:{}", path.display());
    // The channel's limit, and the one of HTTP/2's handshake.
    for (limit, what) in [(5, "did not answer within 5 s"), (20, "did not answer")] {
        let builder = Channel::builder(&place).connect_timeout(Duration::from_secs(limit));
        let status = builder.connect().await.unwrap_err();
        assert_eq!(status.message(), format!("{place} accepted the connection, but {what}"));
        let hint = "the process there may hang, or be no gRPC server; check the address, and the server's log";
        assert_eq!(status.notes().last().unwrap().text(), hint);
    }
    std::fs::remove_file(path).unwrap();
}

#[tokio::test]
async fn e07_a_deadline_over_a_connection() {
    let served = Served::at(&loopback());
    let address = served.tcp();
    let channel = Channel::connect(address.to_string()).await.unwrap();
    let status = channel.unary(&SAY, "hang".into()).timeout(Duration::from_millis(50)).await.unwrap_err();
    // The server may be the first to notice; then it is not known what its connection was doing.
    assert_eq!(
        shown(&status).replace(&format!("server at {address} for"), "server for"),
        "deadline of 50 ms passed (DEADLINE_EXCEEDED)\n  \
         calling  talk.Talk/Say\n  \
         spent    waiting for the server for _ ms\n  \
         hint     .timeout(..) on the call or the channel raises the limit; the server's log may tell what took so long"
    );
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_replaced_and_its_calls_finish() {
    let served = Served::at(&loopback());
    let channel = Channel::connect(served.tcp().to_string()).await.unwrap();
    let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    requests.send("one".into()).await.unwrap();
    assert_eq!(replies.next().await.unwrap().as_deref(), Some("re: one"));
    for connection in served.connections.lock().unwrap().iter() {
        connection.shutdown();
    }
    assert_eq!(channel.wait_for_state_change(ConnectivityState::Ready).await, ConnectivityState::Idle);
    assert_eq!(*channel.unary(&SAY, "two".into()).await.unwrap(), "you said: two");
    assert_eq!(served.connections.lock().unwrap().len(), 2);
    requests.send("three".into()).await.unwrap();
    requests.finish();
    assert_eq!(replies.next().await.unwrap().as_deref(), Some("re: three"));
    assert_eq!(replies.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_dropped_channel_lets_its_last_call_finish() {
    let served = Served::at(&loopback());
    let channel = Channel::connect(served.tcp().to_string()).await.unwrap();
    let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    drop(channel);
    tokio::task::yield_now().await;
    requests.send("still there".into()).await.unwrap();
    requests.finish();
    assert_eq!(replies.next().await.unwrap().as_deref(), Some("re: still there"));
    assert_eq!(replies.next().await.unwrap(), None);
}
