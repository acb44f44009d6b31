//! A post office behind a transport, with a client of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use halloo::interceptor::Interceptor;
use halloo::tower::ServerExt as _;
use halloo::{Channel, ChannelBuilder, Router, Server, ServerHandle, Status};
use halloo_tests::{PostClient, PostServer};
use tokio::task::JoinHandle;

use super::certificates::{Authority, Identity, trusting};
use super::office::{Office, Seen};
use super::{axum, soon};

/// How the calls of a rig travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Unix,
    /// The server listens on `[::]`, the client comes by IPv4.
    DualStack,
    InProcess,
    /// The services are within an axum server.
    Axum,
    /// As TCP, with a tower layer around the server.
    Layered,
    /// TCP with TLS, on which both sides show certificates.
    Tls,
}

pub const TRANSPORTS: [Transport; 7] = [
    Transport::Tcp,
    Transport::Unix,
    Transport::DualStack,
    Transport::InProcess,
    Transport::Axum,
    Transport::Layered,
    Transport::Tls,
];

/// A rig that is not built yet.
pub struct Setup {
    transport: Transport,
    interceptors: Vec<Arc<dyn Interceptor>>,
    max_request_bytes: Option<usize>,
    max_reply_bytes: Option<usize>,
    server: Box<dyn FnOnce(Server) -> Server + Send>,
    client: Box<dyn FnOnce(ChannelBuilder) -> ChannelBuilder + Send>,
}

pub struct Rig {
    pub transport: Transport,
    pub seen: Arc<Seen>,
    pub client: PostClient,
    /// What a client connects to.
    pub target: String,
    pub serving: Option<Serving>,
}

/// A server that runs.
pub struct Serving {
    pub handle: ServerHandle,
    pub ended: JoinHandle<Result<(), Status>>,
}

impl Setup {
    pub fn new(transport: Transport) -> Self {
        Self {
            transport,
            interceptors: Vec::new(),
            max_request_bytes: None,
            max_reply_bytes: None,
            server: Box::new(|server| server),
            client: Box::new(|client| client),
        }
    }

    /// An interceptor on the server; the first one is outermost.
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }

    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = Some(bytes);
        self
    }

    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = Some(bytes);
        self
    }

    /// What only a server that listens has.
    pub fn server(mut self, configure: impl FnOnce(Server) -> Server + Send + 'static) -> Self {
        self.server = Box::new(configure);
        self
    }

    pub fn client(mut self, configure: impl FnOnce(ChannelBuilder) -> ChannelBuilder + Send + 'static) -> Self {
        self.client = Box::new(configure);
        self
    }

    pub async fn rig(self) -> Rig {
        // Shown when the test fails.
        eprintln!("over {:?}", self.transport);
        let office = Office::default();
        let seen = Arc::clone(&office.seen);
        let (target, serving, channel) = if matches!(self.transport, Transport::InProcess | Transport::Axum) {
            let mut router = Router::new(PostServer::new(office));
            for interceptor in self.interceptors {
                router = router.intercept(move |call, next| interceptor.intercept(call, next)).unwrap();
            }
            router = self.max_request_bytes.into_iter().fold(router, Router::max_request_bytes);
            router = self.max_reply_bytes.into_iter().fold(router, Router::max_reply_bytes);
            if self.transport == Transport::Axum {
                let target = axum::serve(router).await;
                (target.clone(), None, (self.client)(Channel::builder(&target)))
            } else {
                ("in-process".into(), None, (self.client)(ChannelBuilder::in_process(router)))
            }
        } else {
            let mut server = bind(self.transport).await;
            for interceptor in self.interceptors {
                server = server.intercept(move |call, next| interceptor.intercept(call, next));
            }
            server = self.max_request_bytes.into_iter().fold(server, Server::max_request_bytes);
            server = self.max_reply_bytes.into_iter().fold(server, Server::max_reply_bytes);
            if self.transport == Transport::Layered {
                server = server.layer(tower_layer::Identity::new());
            }
            let mut target = target(&server);
            let mut channel = Channel::builder(&target);
            if self.transport == Transport::Tls {
                let authority = Authority::usual();
                server = server.tls(authority.localhost().tls().client_ca(authority.pem()).unwrap());
                let Identity { certificate, key } = authority.client("rig");
                target = format!("https://127.0.0.1:{}", server.port());
                channel = Channel::builder(&target).tls(trusting().identity(certificate, key).unwrap());
            }
            let server = (self.server)(server);
            let channel = (self.client)(channel);
            (target, Some(serve(server, office)), channel)
        };
        let client = PostClient::new(channel.build().unwrap());
        Rig { transport: self.transport, seen, client, target, serving }
    }
}

impl Rig {
    pub async fn new(transport: Transport) -> Self {
        Setup::new(transport).rig().await
    }

    /// A rig for each transport, one after the other.
    pub async fn each() -> Vec<Self> {
        let mut rigs = Vec::new();
        for transport in TRANSPORTS {
            rigs.push(Self::new(transport).await);
        }
        rigs
    }

    /// Stops the server, which returns at once: no call and no handler was left behind.
    pub async fn end(self) {
        let Self { serving, seen, client, transport, .. } = self;
        eprintln!("ending {transport:?}");
        seen.running(0).await;
        drop(client);
        if let Some(serving) = serving {
            serving.end().await;
        }
    }
}

impl Serving {
    pub async fn end(self) {
        self.handle.shutdown();
        soon(self.ended).await.unwrap().unwrap();
    }
}

async fn bind(transport: Transport) -> Server {
    let address = match transport {
        Transport::Unix => format!("unix:{}", socket_path().display()),
        Transport::DualStack => "[::]:0".into(),
        _ => "127.0.0.1:0".into(),
    };
    Server::bind(address).await.unwrap()
}

/// A path that no other test uses. The server removes its socket.
pub fn socket_path() -> PathBuf {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("halloo-{}-{number}.sock", std::process::id()))
}

pub fn target(server: &Server) -> String {
    match server.address() {
        halloo::server::ListenAddress::Unix(path) => format!("unix:{}", path.display()),
        _ => format!("http://127.0.0.1:{}", server.port()),
    }
}

pub fn serve(server: Server, office: Office) -> Serving {
    let server = server.shutdown_on(std::future::pending());
    let handle = server.handle();
    Serving { handle, ended: tokio::spawn(server.serve(PostServer::new(office))) }
}
