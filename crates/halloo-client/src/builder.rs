//! `ChannelBuilder`: a channel's settings before it exists.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use halloo_call::{Dispatch, Interceptor, Observation, StatsHandler};
use halloo_core::{Compression, MetadataError};
use halloo_plane::{Backoff, Dice, Dns, Fixed, LoadBalancer, Pace, PickFirst, Plane, Resolver};
#[cfg(feature = "_tls")]
use halloo_transport::{ClientTls, TlsConnector};
use halloo_transport::{ConnectOptions, InProcess, Keepalive};

use crate::call::codec::JSON;
use crate::channel::{Channel, Error};
use crate::connect::connector::{Connect, Http2};
#[cfg(feature = "_tls")]
use crate::connect::target::Scheme;
use crate::connect::target::{ChannelTarget, Destination, Security};
use crate::credentials::{CallCredentials, Credentials};
use crate::defaults::Defaults;
use crate::failure::Said;
use crate::remote::{Backend, Remote};

/// What every call's `user-agent` ends in.
const USER_AGENT: &str = concat!("grpc-rust-halloo/", env!("CARGO_PKG_VERSION"));

/// A PING every 10 s is the most that gRFC A8 lets a client ask for.
const MIN_KEEPALIVE: Duration = Duration::from_secs(10);

/// As many as gRFC A105 lets a server's operator ask for.
const DEFAULT_MAX_CONNECTIONS: usize = 10;

/// How long gRPC's channels keep what they do not use.
const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Makes a [`Channel`] step by step; begin with [`Channel::builder`].
///
/// ```
/// use std::time::Duration;
///
/// use halloo::Channel;
///
/// let channel = Channel::builder("dns:///greeter.prod:50051")
///     .timeout(Duration::from_secs(10))
///     .max_reply_bytes(16 << 20)
///     .metadata("x-team", "greeters")
///     .build()?;
/// # Ok::<(), halloo::Error>(())
/// ```
#[must_use = "a builder makes nothing until `build` or `connect`"]
pub struct ChannelBuilder {
    end: End,
    defaults: Defaults,
    /// The first metadata that cannot travel; building fails with it.
    fault: Option<MetadataError>,
    interceptors: Vec<Arc<dyn Interceptor>>,
    observation: Observation,
    pace: Pace,
    /// `None`: no keepalive, and the rest of it has no effect.
    keepalive_interval: Option<Duration>,
    keepalive: Keepalive,
    idle_timeout: Duration,
    max_reply_metadata_bytes: Option<u32>,
    authority: Option<String>,
    user_agent: String,
    resolver: Option<Box<dyn Resolver>>,
    balancer: Box<dyn LoadBalancer>,
    connect: Option<Box<dyn Connect>>,
    #[cfg(feature = "_tls")]
    tls: Option<ClientTls>,
}

/// Where the calls of a channel will go.
#[derive(Debug)]
enum End {
    Target(String),
    InProcess(InProcess),
}

impl Channel {
    /// Makes a channel with the defaults. It does no I/O: the first call connects.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if `target` is not one; FAILED_PRECONDITION for `https:` without the feature `tls`.
    pub fn new(target: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(target).build()
    }

    /// Makes a channel with the defaults and waits until it is connected.
    ///
    /// Cancel safe: dropped while it waits, the attempt is given up.
    ///
    /// # Errors
    /// As [`new`](Self::new); UNAVAILABLE when every address has failed, with what was tried.
    pub async fn connect(target: impl AsRef<str>) -> Result<Self, Error> {
        Self::builder(target).connect().await
    }

    /// Makes a channel step by step.
    pub fn builder(target: impl AsRef<str>) -> ChannelBuilder {
        ChannelBuilder::new(target)
    }
}

impl ChannelBuilder {
    /// Begins a channel to `target`, as [`Channel::builder`] does.
    pub fn new(target: impl AsRef<str>) -> Self {
        Self::to(End::Target(target.as_ref().to_owned()))
    }

    /// Begins a channel to services of this process; see [`Channel::in_process`]. What concerns connections has no
    /// effect.
    pub fn in_process(dispatch: impl Dispatch) -> Self {
        Self::to(End::InProcess(InProcess::new(Arc::new(dispatch))))
    }

    fn to(end: End) -> Self {
        Self {
            end,
            defaults: Defaults::default(),
            fault: None,
            interceptors: Vec::new(),
            observation: Observation::default(),
            pace: Pace {
                backoff: Backoff::new(),
                connect_timeout: Duration::from_secs(20),
                max_connections: DEFAULT_MAX_CONNECTIONS,
            },
            keepalive_interval: None,
            keepalive: Keepalive { without_streams: false, ..Keepalive::default() },
            idle_timeout: DEFAULT_IDLE_TIMEOUT,
            max_reply_metadata_bytes: None,
            authority: None,
            user_agent: USER_AGENT.into(),
            resolver: None,
            balancer: Box::new(PickFirst::new()),
            connect: None,
            #[cfg(feature = "_tls")]
            tls: None,
        }
    }

    /// Limits the time of calls that set no limit themselves, streams included. Default: none.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.defaults.timeout = Some(timeout);
        self
    }

    /// Sends messages as JSON (`application/grpc+json`) where calls do not choose otherwise; see
    /// [`codec`](Self::codec).
    ///
    /// The clients of the channel need a JSON form: `.json(true)` in `build.rs`, and the feature `json`.
    pub fn json(self) -> Self {
        self.codec(JSON)
    }

    /// Chooses how messages are written, by content-subtype: `json`, or the name of a codec of your own
    /// ([`Codec`](halloo_core::Codec)). Default: each method's first, which is `proto` for generated code.
    ///
    /// A call whose client does not have the codec fails with INTERNAL before it is sent. A server that does
    /// not have it answers UNIMPLEMENTED.
    pub fn codec(mut self, subtype: &'static str) -> Self {
        self.defaults.codec = Some(subtype);
        self
    }

    /// Compresses requests with `algorithm`, from [`compress_min_bytes`](Self::compress_min_bytes) on. Default: requests
    /// are not compressed.
    ///
    /// A server that does not know the algorithm fails the call with UNIMPLEMENTED and says what it knows. A request that
    /// would not get smaller stays as it is. A call chooses otherwise by its own `compress` and `uncompressed`, a message
    /// by `MessageSender::send_uncompressed`.
    pub fn compress(mut self, algorithm: impl Compression) -> Self {
        self.defaults.compression.choose(Arc::new(algorithm));
        self
    }

    /// Leaves requests of fewer bytes as they are, also where a call chooses the algorithm. Default: 1 KiB, since a smaller
    /// one travels in a single packet anyway.
    pub fn compress_min_bytes(mut self, bytes: usize) -> Self {
        self.defaults.compression.compress_from(bytes);
        self
    }

    /// Accepts replies that are compressed with `algorithm`, too. Default: what the features `gzip` (gzip and deflate) and
    /// `zstd` bring; servers are told by `grpc-accept-encoding`.
    ///
    /// A reply that is over [`max_reply_bytes`](Self::max_reply_bytes) is stopped while it is decompressed: it costs no
    /// more memory than one that was sent as it is.
    pub fn accept_compression(mut self, algorithm: impl Compression) -> Self {
        self.defaults.compression.accept(algorithm);
        self
    }

    /// Accepts replies only as they are, whatever the features bring; what is added afterwards counts. A compressed one
    /// fails its call with INTERNAL.
    pub fn accept_no_compression(mut self) -> Self {
        self.defaults.compression.accept_none();
        self
    }

    /// Sets whether calls that do not say it themselves wait while no server can be reached, until their deadline,
    /// rather than fail with UNAVAILABLE ("wait for ready"). Default: they fail. Calls without a deadline may wait for
    /// ever, and each holds its request in memory.
    pub fn wait_for_ready(mut self, wait: bool) -> Self {
        self.defaults.wait_for_ready = wait;
        self
    }

    /// Limits each received message, in bytes; a larger one fails its call with RESOURCE_EXHAUSTED. Default: 4 MiB.
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        self.defaults.max_reply_bytes = bytes;
        self
    }

    /// Limits each sent message, in bytes; a larger one fails its call with RESOURCE_EXHAUSTED. Default: none, so
    /// that the server's limit counts.
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.defaults.max_request_bytes = bytes;
        self
    }

    /// Limits the headers of a reply, and its trailers: names, values and 32 bytes a field (RFC 9113 section 6.5.2). More
    /// fails the call with RESOURCE_EXHAUSTED; much more, as [`Http2Limits`](halloo_transport::Http2Limits) has it, ends
    /// the connection. Default: 16 KiB. A call that runs may hold twice as much.
    pub fn max_reply_metadata_bytes(mut self, bytes: u32) -> Self {
        self.max_reply_metadata_bytes = Some(bytes);
        self
    }

    /// Adds metadata to every call, in front of its own. A key or value that may not travel fails
    /// [`build`](Self::build).
    pub fn metadata(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Self {
        let appended = self.defaults.metadata.append(key, value);
        self.keep_fault(appended);
        self
    }

    /// Adds binary metadata to every call; the key ends in `-bin`. See [`metadata`](Self::metadata).
    pub fn metadata_bin(mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Self {
        let appended = self.defaults.metadata.append_bin(key, value);
        self.keep_fault(appended);
        self
    }

    fn keep_fault(&mut self, appended: Result<(), MetadataError>) {
        if let Err(fault) = appended {
            self.fault.get_or_insert(fault);
        }
    }

    /// Adds credentials to every call: they are asked for each, inside of all interceptors. Several are asked in the
    /// order in which they were added; where two have a value for the same key, the later wins. Default: none, which
    /// costs nothing.
    ///
    /// A connection that does not protect them as they require (TLS, a Unix socket and calls within the process do; TCP
    /// without TLS does not, even to this machine) fails the call with UNAUTHENTICATED, and they are not sent.
    pub fn credentials(mut self, credentials: impl CallCredentials) -> Self {
        let before = self.defaults.credentials.take();
        self.defaults.credentials = Some(Credentials::and(before.as_ref(), Arc::new(credentials)));
        self
    }

    /// Puts an interceptor around every call; the first that was added is outermost. Default: none, which costs
    /// nothing.
    ///
    /// It runs in the task that awaits the call: until the call starts, and when it has ended. While replies
    /// stream it is not polled, so it limits a call's time by the deadline and not by a timer.
    pub fn intercept(mut self, interceptor: impl Interceptor) -> Self {
        self.interceptors.push(Arc::new(interceptor));
        self
    }

    /// Sets the least time that an attempt to connect gets; it gets as long as its back-off if that is longer.
    /// Default: 20 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.pace.connect_timeout = timeout;
        self
    }

    /// Asks a server for a sign of life, by a PING, once nothing came from it for so long while calls run; so a
    /// connection that lost its network is noticed (gRFC A8). Default: never, and such a call waits for its deadline.
    /// At least 10 s, to which less is raised.
    ///
    /// Servers decide what they allow: gRPC's by default one PING in 5 minutes, and they end connections that send
    /// more. Then the channel doubles the interval for its next ones. A PING costs 17 bytes each way, keepalive itself
    /// a timestamp a read. On Linux, bytes that are not acknowledged within the [`timeout`](Self::keepalive_timeout)
    /// break the connection as well (`TCP_USER_TIMEOUT`, gRFC A18).
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use halloo_client::Channel;
    ///
    /// let channel = Channel::builder("dns:///greeter.prod:50051")
    ///     .keepalive(Duration::from_secs(300))
    ///     .keepalive_timeout(Duration::from_secs(10))
    ///     .build()?;
    /// # Ok::<(), halloo::Error>(())
    /// ```
    pub fn keepalive(mut self, interval: Duration) -> Self {
        self.keepalive_interval = Some(interval.max(MIN_KEEPALIVE));
        self
    }

    /// Sets how long a server has to answer a keepalive PING. Then calls fail with UNAVAILABLE, and the next one
    /// connects again at once. Default: 20 s. Without effect unless there is [`keepalive`](Self::keepalive).
    pub fn keepalive_timeout(mut self, timeout: Duration) -> Self {
        self.keepalive.timeout = timeout;
        self
    }

    /// Sets whether to send keepalive PINGs while no call runs as well. Most servers allow one in 2 h then. Default:
    /// no; the first call after a long silence brings a PING with it. Without effect unless there is
    /// [`keepalive`](Self::keepalive).
    pub fn keepalive_without_calls(mut self, without_calls: bool) -> Self {
        self.keepalive.without_streams = without_calls;
        self
    }

    /// Sets how long the channel keeps a connection on which no call runs; then it goes back to IDLE, and the next call
    /// connects again. A connection costs both sides a file descriptor and a few KiB. Default: 30 minutes, as in gRPC's
    /// other implementations; `Duration::MAX` keeps connections for ever.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    /// Limits the connections to one address (gRFC A105). There is one until more calls run on it than the server allows a
    /// connection (MAX_CONCURRENT_STREAMS; proxies often say 100 or 128); then a call waits for the next, and only when
    /// there are so many connections, all of them full, for the end of another call. Calls that wait leave in the order
    /// in which they came; each takes the oldest connection that has a place, so that the youngest become idle first and
    /// are given up after the [`idle_timeout`](Self::idle_timeout). Default: 10, which
    /// is where A105 caps what a server's operator may ask for. 1: calls never lead to another connection. 0 counts as 1.
    ///
    /// Each connection costs both sides a file descriptor, a handshake and a few KiB, and may hold up to 16 MiB of replies
    /// that nobody has read. Calls that have to reach the same server process as those before, through a proxy that
    /// distributes connections, want 1.
    ///
    /// ```
    /// use halloo_client::Channel;
    ///
    /// let channel = Channel::builder("dns:///greeter.prod:50051").max_connections_per_subchannel(3).build()?;
    /// # Ok::<(), halloo::Error>(())
    /// ```
    pub fn max_connections_per_subchannel(mut self, connections: usize) -> Self {
        self.pace.max_connections = connections.max(1);
        self
    }

    /// Sets how long to wait after a failed attempt. Default: [`Backoff::new`].
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.pace.backoff = backoff;
        self
    }

    /// Sets the `:authority` of every call. Default: the target's host, without the zone of an IPv6 address, and port if
    /// it names one; `localhost` for Unix sockets.
    pub fn authority(mut self, authority: impl Into<String>) -> Self {
        self.authority = Some(authority.into());
        self
    }

    /// Puts the application's name in front of the library's in the `user-agent` of every call: `greeter/1.0`.
    pub fn user_agent(mut self, application: impl AsRef<str>) -> Self {
        // A field value neither begins nor ends with a space (RFC 9113 section 8.2.1).
        self.user_agent = format!("{} {USER_AGENT}", application.as_ref()).trim().to_owned();
        self
    }

    /// Tells `stats` of every call, message and connection, for metrics. Default: nobody is told, at no cost.
    pub fn stats(mut self, stats: Arc<dyn StatsHandler>) -> Self {
        self.observation.set_stats(stats);
        self
    }

    /// Opens a `tracing` span for every call, `rpc.client` of the target `halloo`, with OpenTelemetry's names for its
    /// fields. It is a child of the caller's span and closes when the call has ended. Default: no span, at no cost.
    pub fn trace_calls(mut self) -> Self {
        self.observation.set_spans();
        self
    }

    /// Finds the addresses in another way than the target says. Default: [`Dns`] for names, [`Fixed`] for
    /// addresses.
    pub fn resolver(mut self, resolver: impl Resolver) -> Self {
        self.resolver = Some(Box::new(resolver));
        self
    }

    /// Distributes calls in another way. Default: [`PickFirst`].
    pub fn balance(mut self, balancer: impl LoadBalancer) -> Self {
        self.balancer = Box::new(balancer);
        self
    }

    /// Connects with TLS: with these authorities and this identity rather than the defaults of `https:`, and for
    /// targets without `https:` as well. Needs the feature `tls` or `tls-ring`. Default: [`ClientTls::new`] for
    /// `https:`, plaintext for all else.
    ///
    /// A channel with TLS never sends anything without it.
    ///
    /// ```
    /// # mod halloo { pub use halloo_client::*; pub mod tls { pub use halloo_transport::ClientTls; } }
    /// use halloo::Channel;
    /// use halloo::tls::ClientTls;
    ///
    /// let tls = ClientTls::new().domain_name("greeter.example");
    /// let channel = Channel::builder("dns:///greeter.prod:50051").tls(tls).build()?;
    /// # Ok::<(), halloo::Error>(())
    /// ```
    #[cfg(feature = "_tls")]
    pub fn tls(mut self, tls: ClientTls) -> Self {
        self.tls = Some(tls);
        self
    }

    #[cfg(test)]
    pub(crate) fn connect_by(mut self, connect: impl Connect) -> Self {
        self.connect = Some(Box::new(connect));
        self
    }

    /// Makes the channel. It does no I/O: the first call connects.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if the target, the authority or the user agent is not one, or no certificate can be for
    /// the authority; FAILED_PRECONDITION for `https:` without the feature `tls`; INTERNAL for metadata that may not
    /// travel.
    pub fn build(self) -> Result<Channel, Error> {
        if let Some(fault) = self.fault {
            return Err(fault.into());
        }
        let text = match self.end {
            End::Target(text) => text,
            End::InProcess(carrier) => {
                return Ok(Channel::assemble(
                    self.defaults,
                    self.interceptors,
                    self.observation,
                    Backend::InProcess(Arc::new(carrier)),
                ));
            }
        };
        #[cfg(feature = "_tls")]
        let given = if self.tls.is_some() { Security::Tls } else { Security::Plaintext };
        #[cfg(not(feature = "_tls"))]
        let given = Security::Plaintext;
        let target = ChannelTarget::parse(&text, given)?;
        let target = if self.resolver.is_some() { target.resolved_elsewhere() } else { target };
        let said = Said { target: target.name.clone(), scheme: target.scheme, is_host: target.is_host() };
        let authority = self.authority.unwrap_or(target.authority);
        if authority.is_empty() || !authority.bytes().all(|byte| byte.is_ascii_graphic()) {
            let text = format!("the authority {authority:?} is not printable ASCII without spaces");
            return Err(Error::invalid_argument(text));
        }
        if !self.user_agent.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
            let text = format!("the user agent {:?} is not printable ASCII", self.user_agent);
            return Err(Error::invalid_argument(text));
        }
        // As in a target's own: another machine cannot know what the zone means (RFC 6874 section 4).
        if authority.starts_with('[') && authority.contains('%') {
            return Err(Error::invalid_argument(format!("the authority {authority:?} has a zone, which is not sent")));
        }
        let mut defaults = self.defaults;
        defaults.authority = authority.as_str().into();
        #[cfg(feature = "_tls")]
        let tls = tls_of(target.scheme, self.tls, &authority)?;
        let mut options = ConnectOptions::new(authority);
        #[cfg(feature = "_tls")]
        {
            options.tls = tls;
        }
        options.user_agent = self.user_agent;
        if let Some(bytes) = self.max_reply_metadata_bytes {
            options.http2.limits.max_header_list_bytes = bytes;
        }
        options.http2.lifetime.max_idle = Some(self.idle_timeout);
        options.http2.keepalive = self.keepalive_interval.map(|interval| Keepalive { interval, ..self.keepalive });
        options.observation = self.observation.clone();
        let resolver = self.resolver.unwrap_or_else(|| match target.destination {
            Destination::Host { host, port } => Box::new(Dns::new(host, port)),
            Destination::Addresses(addresses) => Box::new(Fixed::new(addresses)),
        });
        let plane = Plane::new(resolver, self.balancer, &target.name, self.pace, Dice::random());
        let connect = self.connect.unwrap_or_else(|| Box::new(Http2::new(options, said)));
        let remote = Remote::new(target.name, plane, connect);
        Ok(Channel::assemble(defaults, self.interceptors, self.observation, Backend::Remote(remote)))
    }

    /// Makes the channel and waits until it is connected.
    ///
    /// Cancel safe: dropped while it waits, the attempt is given up.
    ///
    /// # Errors
    /// As [`build`](Self::build); UNAVAILABLE when every address has failed, with what was tried.
    pub async fn connect(self) -> Result<Channel, Error> {
        let channel = self.build()?;
        channel.ready().await?;
        Ok(channel)
    }
}

/// How a channel protects its connections: by what it was `given`, or as its target says.
#[cfg(feature = "_tls")]
fn tls_of(scheme: Scheme, given: Option<ClientTls>, authority: &str) -> Result<Option<TlsConnector>, Error> {
    let tls = match (scheme, given) {
        (Scheme::Http, Some(_)) => {
            return Err(Error::invalid_argument("the address says http://, but the channel was given TLS")
                .note("hint", "write https://, or leave `.tls(..)` out on a network that you trust"));
        }
        (Scheme::Https, None) => Some(ClientTls::new()),
        (_, given) => given,
    };
    tls.map(|tls| TlsConnector::new(tls, authority)).transpose()
}

impl fmt::Debug for ChannelBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelBuilder")
            .field("end", &self.end)
            .field("defaults", &self.defaults)
            .field("pace", &self.pace)
            .finish_non_exhaustive()
    }
}
