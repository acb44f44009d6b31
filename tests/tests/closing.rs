//! How a server ends a connection: what it has sent reaches a client that reads slowly and keeps sending.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "attacks/raw.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod raw;
#[path = "support/mod.rs"]
mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use halloo::Server;
use halloo::tower::ServerExt as _;
use raw::{ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, PROTOCOL_ERROR, Raw, WINDOW_UPDATE, call_fields, frame};
use rustls::pki_types::ServerName;
use support::certificates::Authority;
use support::office::{Office, Seen};
use support::rig::{Serving, serve};
use support::soon;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;

/// A letter that asks for a reply of `REPLY_BYTES`.
const BIG: &[u8] = b"\0\0\0\0\x0a\x0a\x03big\x18\xc0\x8d\xb7\x01";
const REPLY_BYTES: usize = 3_000_000;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<Io: AsyncRead + AsyncWrite + Send + Unpin> Stream for Io {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Security {
    Plaintext,
    Tls,
}

struct Site {
    address: SocketAddr,
    security: Security,
    seen: Arc<Seen>,
    serving: Serving,
}

impl Site {
    async fn new(security: Security, configure: impl FnOnce(Server) -> Server) -> Self {
        let office = Office::default();
        let mut server = configure(Server::bind("127.0.0.1:0").await.unwrap());
        if security == Security::Tls {
            server = server.tls(Authority::usual().localhost().tls());
        }
        let address = SocketAddr::from(([127, 0, 0, 1], server.port()));
        Self { address, security, seen: Arc::clone(&office.seen), serving: serve(server, office) }
    }

    async fn connect(&self) -> Box<dyn Stream> {
        self.connect_with(&[b"h2"]).await
    }

    /// A connection whose receive buffer is small, so that much of a reply waits on the server's side.
    async fn connect_with(&self, protocols: &[&[u8]]) -> Box<dyn Stream> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(16 * 1024).unwrap();
        let socket = socket.connect(self.address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        match self.security {
            Security::Plaintext => Box::new(socket),
            Security::Tls => Box::new(handshake(socket, protocols).await),
        }
    }

    /// A connection on which a client has asked for a small reply.
    async fn ask_small(&self) -> Raw<Box<dyn Stream>> {
        let mut raw = Raw::over(self.connect().await);
        raw.shake_hands(&[]).await;
        raw.call(1, &call_fields(&[]), &[0; 5]).await;
        raw
    }

    /// A connection on which a client that allows any number of bytes has asked for the large reply.
    async fn ask(&self) -> Raw<Box<dyn Stream>> {
        const INITIAL_WINDOW_SIZE: u16 = 4;

        let mut raw = Raw::over(self.connect().await);
        raw.shake_hands(&[(INITIAL_WINDOW_SIZE, 1 << 30)]).await;
        raw.send(&frame(WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes())).await;
        raw.call(1, &call_fields(&[]), BIG).await;
        self.seen.started(1).await;
        raw
    }
}

async fn handshake(socket: TcpStream, protocols: &[&[u8]]) -> impl Stream + use<> {
    let authority = rustls::pki_types::pem::PemObject::from_pem_slice(Authority::usual().pem().as_bytes()).unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, socket).await.unwrap()
}

/// What a client has of stream 1 when its connection ends.
#[derive(Debug, Default, PartialEq, Eq)]
struct Got {
    data_bytes: usize,
    trailers: bool,
    goaway: Option<u32>,
}

/// Reads to the end of the connection, returns credit for each DATA frame, and answers each PING.
async fn read_and_credit(raw: &mut Raw<Box<dyn Stream>>) -> Got {
    let mut got = Got::default();
    while let Some(received) = raw.next().await {
        match received.kind {
            DATA if received.stream == 1 => {
                got.data_bytes += received.payload.len();
                let bytes = u32::try_from(received.payload.len()).unwrap();
                raw.send(&frame(WINDOW_UPDATE, 0, 0, &bytes.to_be_bytes())).await;
            }
            PING => raw.send(&frame(PING, ACK, 0, &received.payload)).await,
            HEADERS if received.flags & END_STREAM != 0 => got.trailers = true,
            GOAWAY => got.goaway = Some(u32::from_be_bytes(received.payload[4..8].try_into().unwrap())),
            _ => {}
        }
    }
    got
}

/// Why a connection ends, and what has to be set or done for it.
#[derive(Clone, Copy, Debug)]
enum Cause {
    RequestLimit,
    Age,
    Idle,
    Shutdown,
}

impl Cause {
    const ALL: [Self; 4] = [Self::RequestLimit, Self::Age, Self::Idle, Self::Shutdown];

    fn configure(self, server: Server) -> Server {
        const MOMENT: Duration = Duration::from_millis(1);
        match self {
            Self::RequestLimit => server.max_connection_requests(1),
            Self::Age => server.max_connection_age(MOMENT),
            Self::Idle => server.max_connection_idle(MOMENT),
            Self::Shutdown => server,
        }
    }
}

#[tokio::test]
async fn a_reply_outlives_the_end_of_its_connection() {
    for security in [Security::Plaintext, Security::Tls] {
        for cause in Cause::ALL {
            // Shown when the test fails.
            eprintln!("{security:?}, {cause:?}");
            let site = Site::new(security, |server| cause.configure(server)).await;
            let mut raw = site.ask().await;
            if let Cause::Shutdown = cause {
                site.serving.handle.shutdown();
            }
            let got = read_and_credit(&mut raw).await;
            assert!(got.data_bytes > REPLY_BYTES && got.trailers, "{security:?}, {cause:?}: {got:?}");
            drop(raw);
            site.serving.end().await;
        }
    }
}

/// What a client does that ends its connection by an error (RFC 9113 section 5.4.1), and then keeps sending.
#[tokio::test]
async fn the_reason_of_an_error_reaches_a_client_that_keeps_sending() {
    for security in [Security::Plaintext, Security::Tls] {
        let site = Site::new(security, |server| server).await;
        let mut raw = Raw::over(site.connect().await);
        raw.shake_hands(&[]).await;
        raw.send(&frame(DATA, 0, 0, b"on stream 0")).await;
        for _ in 0..64 {
            raw.send(&frame(PING, 0, 0, &[0; 8]).repeat(1024)).await;
        }
        let got = read_and_credit(&mut raw).await;
        assert_eq!(got.goaway, Some(PROTOCOL_ERROR), "{security:?}");
        drop(raw);
        site.serving.end().await;
    }
}

/// RFC 9112 section 9.6: a response before the end of a request whose body the server does not want.
#[tokio::test]
async fn an_early_response_of_http_1_reaches_a_client_that_keeps_sending() {
    const BODY_BYTES: usize = 4_000_000;

    for security in [Security::Plaintext, Security::Tls] {
        let site = Site::new(security, |server| server.http(tower::service_fn(refuse))).await;
        let mut io = site.connect_with(&[b"http/1.1"]).await;
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {BODY_BYTES}\r\n\r\n");
        soon(io.write_all(head.as_bytes())).await.unwrap();
        soon(io.write_all(&vec![b'x'; BODY_BYTES])).await.unwrap_or_else(|error| panic!("{security:?}: {error}"));
        let mut response = String::new();
        soon(io.read_to_string(&mut response)).await.unwrap_or_else(|error| panic!("{security:?}: {error}"));
        assert!(response.starts_with("HTTP/1.1 413 ") && response.contains("too long"), "{security:?}: {response}");
        drop(io);
        site.serving.end().await;
    }
}

async fn refuse(
    _: http::Request<halloo::tower::RequestBody>,
) -> Result<http::Response<String>, std::convert::Infallible> {
    let response = http::Response::builder().status(413).header("connection", "close");
    Ok(response.body("too long".to_owned()).unwrap())
}

/// Connections that linger leave room for new ones: the oldest first, each only when its room is needed.
#[tokio::test]
async fn lingering_connections_give_way_to_new_ones() {
    let site = Site::new(Security::Plaintext, |server| server.max_connections(3).max_connection_requests(1)).await;
    let mut lingering = Vec::new();
    for _ in 0..3 {
        lingering.push(Lingering::new(&site).await);
    }
    for gone in 1..=2 {
        // Its connection lingers as well, but is the youngest; dropped, it leaves its room to the next one.
        let mut newcomer = site.ask_small().await;
        assert_eq!(newcomer.response(1).await.status(), "0 ", "newcomer {gone}");
        soon(lingering[gone - 1].closed()).await;
        drop(newcomer);
    }
    assert!(!lingering[2].is_closed(), "the youngest of them was closed without need");
    drop(lingering);
    site.serving.end().await;
}

/// A client whose call has ended the connection, and that keeps sending.
struct Lingering {
    talker: tokio::task::JoinHandle<()>,
}

impl Lingering {
    async fn new(site: &Site) -> Self {
        let mut raw = site.ask_small().await;
        // The server has closed its half in the end, so the connection lingers.
        assert!(read_and_credit(&mut raw).await.trailers);
        let mut io = raw.socket;
        let talker = tokio::spawn(async move { while io.write_all(&[0; 64 * 1024]).await.is_ok() {} });
        Self { talker }
    }

    fn is_closed(&self) -> bool {
        self.talker.is_finished()
    }

    async fn closed(&mut self) {
        (&mut self.talker).await.unwrap();
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        self.talker.abort();
    }
}
