//! What an `Acceptor` does with a connection, by the first bytes that arrive on it.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use halloo_call::{Dispatch, Handling, HttpRequest, IncomingCall, ResponderEnd, Route};
use halloo_core::Peer;
use halloo_transport::{
    Acceptor, ByteStream, Http1, Http1Connection, Http2Config, ListenAddress, Listener, ServerConnection,
    ServerConnectionHandle,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Answers nothing; no test here makes a call.
#[derive(Default)]
struct Nobody {
    route: Arc<Route>,
}

impl Dispatch for Nobody {
    fn find(&self, _: &str) -> &Arc<Route> {
        &self.route
    }

    fn http_route(&self) -> &Arc<Route> {
        &self.route
    }

    fn respond(&self, _: &Route, call: IncomingCall, _: ResponderEnd) -> Handling {
        panic!("no call was made: {call:?}")
    }

    fn respond_http(&self, request: HttpRequest, _: ResponderEnd) -> Handling {
        panic!("no request was made: {request:?}")
    }
}

/// Says each byte back that it gets, and `bye` when it is told to end.
struct Echo;

struct EchoConnection {
    echo: Pin<Box<dyn Future<Output = ()> + Send>>,
    shutdown: Arc<Notify>,
}

impl Http1 for Echo {
    fn serve(&self, mut io: Box<dyn ByteStream>, peer: Peer) -> Pin<Box<dyn Http1Connection>> {
        let shutdown = Arc::new(Notify::new());
        let told = Arc::clone(&shutdown);
        let echo = async move {
            assert!(peer.address.to_string().starts_with("127.0.0.1:"));
            loop {
                tokio::select! {
                    byte = io.read_u8() => match byte {
                        Ok(byte) => io.write_u8(byte).await.unwrap(),
                        Err(_) => return,
                    },
                    () = told.notified() => break,
                }
            }
            io.write_all(b"bye").await.unwrap();
        };
        Box::pin(EchoConnection { echo: Box::pin(echo), shutdown })
    }
}

impl Http1Connection for EchoConnection {
    fn shutdown(self: Pin<&mut Self>) {
        self.shutdown.notify_one();
    }
}

impl Future for EchoConnection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.echo.as_mut().poll(cx)
    }
}

/// A connection that was accepted, and the end of it that a client holds.
struct Rig {
    client: TcpStream,
    tasks: JoinSet<()>,
    handle: ServerConnectionHandle,
}

impl Rig {
    async fn with(acceptor: Acceptor) -> Self {
        let listener = Listener::bind(&ListenAddress::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)))).unwrap();
        let ListenAddress::Tcp(address) = *listener.address() else { panic!("it is TCP") };
        let client = TcpStream::connect(address).await.unwrap();
        let mut tasks = JoinSet::new();
        let (_, handle) = Arc::new(acceptor).spawn(listener.accept().await.unwrap(), &mut tasks);
        Self { client, tasks, handle }
    }

    async fn echoing() -> Self {
        Self::with(Acceptor::new(Arc::new(Nobody::default())).http1(Arc::new(Echo))).await
    }

    /// Everything that the server still says, and that its task ends with the client.
    async fn rest(self) -> Vec<u8> {
        let Self { mut client, mut tasks, .. } = self;
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        drop(client);
        tasks.join_next().await.unwrap().unwrap();
        rest
    }
}

#[tokio::test]
async fn http_1_gets_every_byte_however_they_arrive() {
    let request = b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n";
    for pieces in [vec![&request[..]], vec![&request[..2], &request[2..4], &request[4..]], request.chunks(1).collect()]
    {
        let mut rig = Rig::echoing().await;
        for piece in pieces {
            rig.client.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        let mut echo = vec![0; request.len()];
        rig.client.read_exact(&mut echo).await.unwrap();
        assert_eq!(echo, request);
        rig.client.shutdown().await.unwrap();
        assert_eq!(rig.rest().await, b"");
    }
}

#[tokio::test]
async fn http_1_is_told_to_end_and_is_dropped_if_it_must() {
    let mut rig = Rig::echoing().await;
    rig.client.write_all(b"GET /").await.unwrap();
    rig.client.read_exact(&mut [0; 5]).await.unwrap();
    rig.handle.shutdown();
    assert_eq!(rig.rest().await, b"bye");

    let mut rig = Rig::echoing().await;
    rig.client.write_all(b"GET /").await.unwrap();
    rig.client.read_exact(&mut [0; 5]).await.unwrap();
    rig.handle.close();
    assert_eq!(rig.rest().await, b"");
}

/// Each is answered in what it speaks, if that is known, and reads all of the answer: the socket is closed after it.
#[tokio::test]
async fn what_is_not_http_2_is_told_so() {
    const GOAWAY: &str = "does not begin with the HTTP/2 preface";
    let large = format!("POST /a HTTP/1.1\r\ncontent-length: 60000\r\n\r\n{}", "x".repeat(60_000));
    for (first, expected) in [
        ("GET / HTTP/1.1\r\nhost: x\r\n\r\n", "speaks HTTP/2 alone"),
        ("GET / HTTP/1.0\r\n\r\n", "speaks HTTP/2 alone"),
        ("OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n", "speaks HTTP/2 alone"),
        (&large, "speaks HTTP/2 alone"),
        ("SSH-2.0-OpenSSH_9.2\r\n", GOAWAY),
    ] {
        let mut rig = Rig::with(Acceptor::new(Arc::new(Nobody::default()))).await;
        rig.client.write_all(first.as_bytes()).await.unwrap();
        if expected != GOAWAY {
            rig.client.shutdown().await.unwrap();
        }
        let text = String::from_utf8_lossy(&rig.rest().await).into_owned();
        assert!(text.contains(expected), "{text:?}");
        if expected != GOAWAY {
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n"), "{head}");
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{text:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_has_said_nothing_ends_at_a_word() {
    let rig = Rig::echoing().await;
    rig.handle.shutdown();
    assert_eq!(rig.rest().await, b"");
    let mut rig = Rig::echoing().await;
    rig.client.shutdown().await.unwrap();
    assert_eq!(rig.rest().await, b"");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_says_nothing_is_given_up() {
    let rig = Rig::echoing().await;
    let before = tokio::time::Instant::now();
    let text = rig.rest().await.escape_ascii().to_string();
    assert!(text.contains("no preface and SETTINGS in time"), "{text}");
    assert_eq!(before.elapsed().as_secs(), 10);
}

/// A way out that never takes the last words, such as those of TLS to a peer that has stopped to read.
struct Mute(DuplexStream);

impl AsyncRead for Mute {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, into)
    }
}

impl AsyncWrite for Mute {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_does_not_take_the_last_words_keeps_no_connection() {
    let (io, _client) = tokio::io::duplex(1);
    let peer = Peer::unknown();
    let connection = ServerConnection::new(Mute(io), peer, Http2Config::default(), Arc::new(Nobody::default()));
    let before = tokio::time::Instant::now();
    tokio::time::timeout(Duration::from_secs(3600), connection).await.expect("it ends");
    assert_eq!(before.elapsed().as_secs(), 10 + 5, "ten seconds for the preface, and five for the last words");
}
