//! A listening server: accepts connections, serves them, and drains them when it is told to stop.

use std::collections::HashMap;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use halloo_call::{Dispatch, Execution, Interceptor, Observation, StatsHandler};
use halloo_core::Status;
use halloo_transport::{
    Accepted, Acceptor, Http1, Http2Config, Keepalive, ListenAddress, Listener, ServerConnectionHandle,
};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use crate::bind::{bind_status, listen_addresses};
use crate::compression::ServerCompression;
use crate::fallback::Fallback;
use crate::handler::MethodExecution;
use crate::router::Router;
use crate::service::Services;
use crate::shutdown::{StopSignal, signals};
#[cfg(feature = "services")]
use crate::standard::StandardServices;
use crate::time_limits::ServerTimeLimits;

/// How long running calls may take to end after the server was told to stop.
const DEFAULT_DRAIN: Duration = Duration::from_secs(30);

/// How long connections get to close after the drain limit has cancelled their calls: a second for silent peers to read
/// why, and a reserve.
const CLOSE_GRACE: Duration = Duration::from_millis(1500);

/// Connections at a time; each costs a file descriptor and, idle, a few KiB.
const DEFAULT_MAX_CONNECTIONS: usize = 16_384;

/// How long a server waits when the system has no more file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Puts something around a dispatch.
type WrapDispatch = Box<dyn FnOnce(Arc<dyn Dispatch>) -> Arc<dyn Dispatch> + Send>;

/// Makes what serves HTTP/1.x out of what answers its requests.
type OpenHttp1 = Box<dyn FnOnce(Arc<dyn Dispatch>) -> Arc<dyn Http1> + Send>;

/// Serves calls; it is bound to an address already.
///
/// ```
/// use greeter::{GreeterServer, MyGreeter};
/// use halloo::Server;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let server = Server::bind("127.0.0.1:0").await?; // for everybody, on a port of your choice: [::]:50051
/// println!("listening on port {}", server.port());
/// # let server = server.shutdown_on(std::future::ready(()));
/// server.serve(GreeterServer::new(MyGreeter)).await
/// # }
/// ```
pub struct Server {
    listener: Listener,
    pub(crate) config: Http2Config,
    interceptors: Vec<Arc<dyn Interceptor>>,
    fallback: Option<Arc<dyn Fallback>>,
    wraps: Vec<WrapDispatch>,
    http1: Option<OpenHttp1>,
    executions: Vec<(String, Execution)>,
    pub(crate) time_limits: ServerTimeLimits,
    max_request_bytes: Option<usize>,
    max_reply_bytes: Option<usize>,
    pub(crate) compression: ServerCompression,
    max_connections: usize,
    observation: Observation,
    #[cfg(feature = "_tls")]
    tls: Option<halloo_transport::Tls>,
    drain: Duration,
    stop: Option<StopSignal>,
    handle: ServerHandle,
    #[cfg(feature = "services")]
    pub(crate) standard: StandardServices,
}

impl Server {
    /// Binds `address`: `host:port`, `[::]:port` (both IP families; IPv4 alone where the machine has no IPv6), `:port`
    /// (the same), `unix:path`, `unix:///path`, or on Linux `unix-abstract:name`, to which every process may connect. All
    /// are read as the target of a channel is: `[fe80::1%eth0]:port` has a zone, `%20` in a path is a space. Port 0 lets
    /// the system choose. Needs a tokio runtime. Connections wait in the kernel (1024 at most, where the system allows as
    /// many) until [`serve`](Self::serve) takes them.
    ///
    /// Cancel safe: dropped while a name is looked up, nothing is bound.
    ///
    /// # Errors
    /// UNAVAILABLE if the address is taken (and, where the system tells, by whom), cannot be resolved or may not
    /// be used; INVALID_ARGUMENT if it is no address.
    pub async fn bind(address: impl AsRef<str>) -> Result<Self, Status> {
        let address = address.as_ref();
        let mut last = None;
        for candidate in listen_addresses(address).await? {
            match Listener::bind(&candidate) {
                Ok(listener) => return Ok(Self::with_listener(listener)),
                Err(error) => last = Some(error),
            }
        }
        Err(match last {
            Some(error) => bind_status(error),
            None => Status::unavailable(format!("{address} has no address to listen on")),
        })
    }

    /// Serves on a listener that is bound already.
    #[must_use]
    pub fn with_listener(listener: Listener) -> Self {
        let mut config = Http2Config::default();
        config.keepalive = Some(Keepalive::default());
        Self {
            listener,
            config,
            interceptors: Vec::new(),
            fallback: None,
            wraps: Vec::new(),
            http1: None,
            executions: Vec::new(),
            time_limits: ServerTimeLimits::default(),
            max_request_bytes: None,
            max_reply_bytes: None,
            compression: ServerCompression::default(),
            max_connections: DEFAULT_MAX_CONNECTIONS,
            observation: Observation::default(),
            #[cfg(feature = "_tls")]
            tls: None,
            drain: DEFAULT_DRAIN,
            stop: None,
            handle: ServerHandle::default(),
            #[cfg(feature = "services")]
            standard: StandardServices::default(),
        }
    }

    /// Returns the port that it listens on, also when the system chose it; 0 for a Unix socket.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self.address() {
            ListenAddress::Tcp(address) => address.port(),
            _ => 0,
        }
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> &ListenAddress {
        self.listener.address()
    }

    /// Puts an interceptor around every call; the first one added is the outermost.
    #[must_use]
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }

    /// Sets the largest request message in bytes. Default: 4 MiB. A call may hold one such message in memory.
    #[must_use]
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = Some(bytes);
        self
    }

    /// Sets the largest reply message in bytes. Default: protobuf's own 2 GiB.
    #[must_use]
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.max_reply_bytes = Some(bytes);
        self
    }

    /// Sets how many connections are served at a time; further ones wait in the kernel's backlog.
    /// A TLS handshake counts from the accepted connection on. Default: 16 384.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// Sets how long running calls may take to end once the server stops; then they are cancelled.
    /// Default: 30 seconds.
    #[must_use]
    pub fn drain(mut self, limit: Duration) -> Self {
        self.drain = limit;
        self
    }

    /// Stops when `signal` resolves, instead of at SIGTERM or Ctrl-C.
    #[must_use]
    pub fn shutdown_on(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Some(Box::pin(signal));
        self
    }

    /// Sets where the handlers of a method, such as `greeter.Greeter/SayHello`, run. Default: adaptive.
    /// [`serve`](Self::serve) fails with NOT_FOUND for a method that no service has.
    #[must_use]
    pub fn execution(mut self, method: impl Into<String>, execution: Execution) -> Self {
        self.executions.push((method.into(), execution));
        self
    }

    /// Sets who answers requests that are not RPCs. Default: a short text that says what this port is. A POST to the path
    /// of a method, such as gRPC-Web sends, is answered with 415 and a text, and never comes here.
    #[must_use]
    pub fn fallback(mut self, fallback: impl Fallback) -> Self {
        self.fallback = Some(Arc::new(fallback));
        self
    }

    /// Lets `wrap` put something around what answers every call and every other request, such as layers of another
    /// framework. What is added first is outermost. Default: nothing, at no cost.
    #[must_use]
    pub fn wrap_dispatch(mut self, wrap: impl FnOnce(Arc<dyn Dispatch>) -> Arc<dyn Dispatch> + Send + 'static) -> Self {
        self.wraps.push(Box::new(wrap));
        self
    }

    /// Lets what `open` makes serve connections that speak HTTP/1.x, by handing requests to the dispatch that it is
    /// given. Default: nobody serves them, and they are told so.
    #[must_use]
    pub fn http1_door(mut self, open: impl FnOnce(Arc<dyn Dispatch>) -> Arc<dyn Http1> + Send + 'static) -> Self {
        self.http1 = Some(Box::new(open));
        self
    }

    /// Tells `stats` of every call, message and connection, for metrics. Default: nobody is told, at no cost.
    #[must_use]
    pub fn stats(mut self, stats: Arc<dyn StatsHandler>) -> Self {
        self.observation.set_stats(stats);
        self
    }

    /// Opens a `tracing` span around every call, `rpc.server` of the target `halloo`, with OpenTelemetry's names for
    /// its fields. Handlers run inside it. Default: no span, at no cost.
    #[must_use]
    pub fn trace_calls(mut self) -> Self {
        self.observation.set_spans();
        self
    }

    /// Sets the limits and windows of HTTP/2, and with them all that other knobs have said of PINGs and of a
    /// connection's life. Without a keepalive of its own it keeps the server's.
    #[must_use]
    pub fn http2(mut self, mut config: Http2Config) -> Self {
        config.keepalive = config.keepalive.or(self.config.keepalive);
        self.config = config;
        self
    }

    /// Serves with TLS, and refuses plaintext. Needs the feature `tls` or `tls-ring`. Default: plaintext.
    ///
    /// ```no_run
    /// # mod halloo { pub use halloo_core::Status as Error; pub use halloo_server::*; pub mod tls { pub use halloo_transport::Tls; } }
    /// use halloo::Server;
    /// use halloo::tls::Tls;
    ///
    /// # async fn example(greeter: impl halloo::Services) -> Result<(), halloo::Error> {
    /// let tls = Tls::from_files("cert.pem", "key.pem")?;
    /// Server::bind("[::]:50051").await?.tls(tls).serve(greeter).await
    /// # }
    /// ```
    #[cfg(feature = "_tls")]
    #[must_use]
    pub fn tls(mut self, tls: halloo_transport::Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Returns a handle that stops the server and sees what it does.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        self.handle.clone()
    }

    /// Serves until SIGTERM, Ctrl-C, the [`shutdown_on`](Self::shutdown_on) future or
    /// [`ServerHandle::shutdown`]; then drains: health says NOT_SERVING, no new calls, running ones may end within the
    /// drain limit, and a second signal ends the wait. Returns when handlers have ended or the limit has passed.
    ///
    /// Not cancel safe: dropped, it closes all connections at once, and running calls are cancelled.
    ///
    /// # Errors
    /// ALREADY_EXISTS if a service was given twice; NOT_FOUND if [`execution`](Self::execution) or [`method_time_limits`](Self::method_time_limits) named a method that no service has; what an interceptor's
    /// [`check`](Interceptor::check) says.
    pub async fn serve(mut self, services: impl Services) -> Result<(), Status> {
        let router = Arc::new(self.router(services)?);
        self.handle.attach(&router);
        let services: Vec<_> = router.services().iter().map(|service| service.name()).collect();
        tracing::info!(address = %self.address(), services = services.join(", "), "serving");
        let mut stop = self.stop.take().unwrap_or_else(signals);
        let again = self.handle.stopping();
        let acceptor = self.acceptor(router);
        let mut connections = Connections::new(acceptor);
        tokio::select! {
            () = accept_loop(&self.listener, &mut connections, self.max_connections) => {}
            () = stop.as_mut() => {}
            () = again => {}
        }
        let drain = self.drain;
        #[cfg(feature = "services")]
        self.standard.announce_stop().await;
        self.handle.shutdown();
        drop(self);
        connections.drain(drain).await;
        Ok(())
    }

    fn acceptor(&mut self, router: Arc<Router>) -> Acceptor {
        let wraps = std::mem::take(&mut self.wraps).into_iter().rev();
        let dispatch = wraps.fold(router as Arc<dyn Dispatch>, |dispatch, wrap| wrap(dispatch));
        let http1 = self.http1.take().map(|open| open(Arc::clone(&dispatch)));
        let acceptor = Acceptor::new(dispatch).http2(self.config.clone()).observation(self.observation.clone());
        #[cfg(feature = "_tls")]
        let acceptor = self.tls.take().into_iter().fold(acceptor, Acceptor::tls);
        http1.into_iter().fold(acceptor, Acceptor::http1)
    }

    fn router(&mut self, services: impl Services) -> Result<Router, Status> {
        let mut router = Router::new(services).observation(self.observation.clone());
        router.check()?;
        if let Some(bytes) = self.max_request_bytes {
            router = router.max_request_bytes(bytes);
        }
        if let Some(bytes) = self.max_reply_bytes {
            router = router.max_reply_bytes(bytes);
        }
        router = std::mem::take(&mut self.compression).add_to(router);
        if let Some(fallback) = self.fallback.take() {
            router = router.fallback_to(fallback);
        }
        #[cfg(feature = "services")]
        {
            router = self.standard.add_to(router, &self.handle);
        }
        router = router.intercept_all(std::mem::take(&mut self.interceptors))?;
        for (method, execution) in std::mem::take(&mut self.executions) {
            router = router.execution(&method, execution)?;
        }
        std::mem::take(&mut self.time_limits).add_to(router)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", self.address()).finish_non_exhaustive()
    }
}

/// Accepts until it is dropped.
async fn accept_loop(listener: &Listener, connections: &mut Connections, max_connections: usize) {
    loop {
        if connections.len() >= max_connections {
            connections.make_room().await;
            continue;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => connections.serve(accepted),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            },
            () = connections.ended() => {}
        }
    }
}

/// The connections of a server.
struct Connections {
    tasks: JoinSet<()>,
    handles: HashMap<Id, ServerConnectionHandle>,
    acceptor: Arc<Acceptor>,
}

impl Connections {
    fn new(acceptor: Acceptor) -> Self {
        Self { tasks: JoinSet::new(), handles: HashMap::new(), acceptor: Arc::new(acceptor) }
    }

    fn len(&self) -> usize {
        self.handles.len()
    }

    fn serve(&mut self, accepted: Accepted) {
        let (task, handle) = self.acceptor.spawn(accepted, &mut self.tasks);
        self.handles.insert(task, handle);
    }

    /// Waits until a connection has ended; for ever if there is none. Cancel safe.
    async fn ended(&mut self) {
        let ended = poll_fn(|cx| match self.tasks.poll_join_next_with_id(cx) {
            Poll::Ready(None) => Poll::Pending,
            Poll::Ready(Some(ended)) => Poll::Ready(ended),
            Poll::Pending => Poll::Pending,
        })
        .await;
        let id = match ended {
            Ok((id, ())) => id,
            Err(error) => {
                if error.is_panic() {
                    tracing::error!(%error, "a connection's task panicked");
                }
                error.id()
            }
        };
        self.handles.remove(&id);
    }

    /// Waits until a connection has ended. Those that are over but for what their peer still reads are closed for it, the
    /// oldest first. Cancel safe.
    async fn make_room(&mut self) {
        let acceptor = Arc::clone(&self.acceptor);
        tokio::select! {
            biased;
            () = self.ended() => {}
            () = acceptor.end_oldest_lingering() => self.ended().await,
        }
    }

    /// Lets running calls end until `limit` has passed, then cancels what is left.
    async fn drain(mut self, limit: Duration) {
        if self.handles.is_empty() {
            return;
        }
        tracing::info!(connections = self.len(), ?limit, "draining");
        self.handles.values().for_each(ServerConnectionHandle::shutdown);
        self.all_ended(limit).await;
        if self.handles.is_empty() {
            return;
        }
        tracing::warn!(connections = self.len(), ?limit, "the drain limit has passed; cancelling what still runs");
        self.handles.values().for_each(ServerConnectionHandle::close);
        self.all_ended(CLOSE_GRACE).await;
        // Dropping the tasks aborts those whose handler does not yield.
    }

    async fn all_ended(&mut self, limit: Duration) {
        let mut second_signal = signals();
        let mut limit: Pin<Box<tokio::time::Sleep>> = Box::pin(tokio::time::sleep(limit));
        while !self.handles.is_empty() {
            tokio::select! {
                () = self.ended() => {}
                () = limit.as_mut() => return,
                () = second_signal.as_mut() => return,
            }
        }
    }
}

/// Stops a server and sees what it does. Clones share it.
///
/// ```
/// use greeter::{GreeterServer, MyGreeter};
/// use halloo::Server;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let server = Server::bind("127.0.0.1:0").await?;
/// let handle = server.handle();
/// let serving = tokio::spawn(server.serve(GreeterServer::new(MyGreeter)));
///
/// handle.shutdown(); // from anywhere: the end of a test, a page for operators
/// serving.await.expect("the server does not panic")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct ServerHandle {
    shared: Arc<HandleState>,
}

#[derive(Default)]
struct HandleState {
    stopping: watch::Sender<bool>,
    router: Mutex<Option<Weak<Router>>>,
}

impl ServerHandle {
    /// Lets the server drain and return, as a signal would.
    pub fn shutdown(&self) {
        self.shared.stopping.send_replace(true);
    }

    /// Resolves once the server stops, whatever made it stop, before it drains. For streams that would outlive the
    /// drain limit: a handler that says goodbye and returns ends its call better than the limit would.
    ///
    /// Cancel safe; any number of them may wait, and what belongs to one that was dropped is freed.
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + 'static + use<> {
        let mut stopping = self.shared.stopping.subscribe();
        async move {
            // An error would mean that the server and all its handles are gone: it does not serve any more.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    }

    /// Returns where each method's handlers run, by rule and at this moment; empty unless the server is serving.
    #[must_use]
    pub fn executions(&self) -> Vec<MethodExecution> {
        let router = self.router().clone();
        router.and_then(|router| router.upgrade()).map(|router| router.executions()).unwrap_or_default()
    }

    fn attach(&self, router: &Arc<Router>) {
        *self.router() = Some(Arc::downgrade(router));
    }

    fn router(&self) -> MutexGuard<'_, Option<Weak<Router>>> {
        self.shared.router.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerHandle").field("executions", &self.executions()).finish()
    }
}
