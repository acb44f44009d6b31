//! The standard services of a server: health and reflection.
//!
//! What they answer is halloo-services' business. Here they become services of a router, and a server turns them on
//! and off, says NOT_SERVING before it sends its clients away, and lets their streams not hold it up.

use std::pin::pin;
use std::time::Duration;

use halloo_call::{MessageReceiver, MessageSender, Request, TimeLimits};
use halloo_core::{ServiceDescriptor, Status};
use halloo_services::health::{CHECK, HEALTH, Health, HealthCheckRequest, HealthCheckResponse, LIST, WATCH};
use halloo_services::reflection::{
    INFO, INFO_ALPHA, REFLECTION, REFLECTION_ALPHA, Reflection, ServerReflectionRequest, ServerReflectionResponse,
};

use crate::handler::Methods;
use crate::router::Router;
use crate::server::{Server, ServerHandle};
use crate::service::{Service, Services};

/// How long a stopping server waits until all watchers have been told. They need no answer of their clients for it,
/// only a thread, so this is for a machine that stands still.
const ANNOUNCE_LIMIT: Duration = Duration::from_secs(1);

/// # Health and reflection
impl Server {
    /// Returns a handle to the health that clients and probes are told: `grpc.health.v1`.
    ///
    /// The server as a whole (the empty name) and each of its services are serving unless something else was said
    /// before [`serve`](Self::serve). When the server stops, all are NOT_SERVING before connections are told to go
    /// away.
    ///
    /// The handle is a service as well, which another server may serve: so a server that demands client certificates
    /// can be probed in plaintext on a port of its own.
    ///
    /// ```
    /// use greeter::{GreeterServer, MyGreeter};
    /// use halloo::Server;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), halloo::Error> {
    /// let server = Server::bind("127.0.0.1:0").await?;
    /// let health = server.health();
    /// health.set_not_serving(""); // until the caches are warm: then health.set_serving("")
    /// # let server = server.shutdown_on(std::future::ready(()));
    /// server.serve(GreeterServer::new(MyGreeter)).await
    /// # }
    /// ```
    #[must_use]
    pub fn health(&self) -> Health {
        self.standard.health.clone()
    }

    /// Sets whether the server answers health checks. Default: yes.
    ///
    /// Health checks pass by the interceptors: a probe has no token, and what it learns is one word. For checks that
    /// interceptors shall see, serve the [`health`](Self::health) handle beside the other services; it then takes the
    /// place of this one, as does any service of that name.
    #[must_use]
    pub fn health_checks(mut self, yes: bool) -> Self {
        self.standard.health_checks = yes;
        self
    }

    /// Sets whether tools such as grpcurl may ask which methods there are and what their messages look like:
    /// `grpc.reflection.v1` and `v1alpha`. Default: in debug builds, which is said in the log.
    ///
    /// Questions go through the interceptors, as calls do. Where reflection is off, errors do not tell what there is
    /// either: whoever calls an unknown method learns only where it is on which one it is near to.
    #[must_use]
    pub fn reflection(mut self, yes: bool) -> Self {
        let add: AddReflection = Router::add_reflection;
        self.standard.reflection = yes.then_some(add);
        self.standard.is_reflection_chosen = true;
        self
    }
}

/// # Health and reflection
///
/// A [`Server`] does both by itself; this is for routers that something else drives.
impl Router {
    /// Adds `grpc.health.v1`, which interceptors do not see, unless a service has that name. All services that the
    /// router has by then are serving, unless `health` says something else of them.
    #[must_use]
    pub fn health(mut self, health: &Health) -> Self {
        let names = self.services().iter().map(|service| service.name());
        health.begin(names.filter(|name| *name != HEALTH.name()));
        if !self.has_service(HEALTH.name()) {
            let mut methods = Methods::default();
            health.clone().register_all(&mut methods);
            methods.bypass_interceptors();
            methods.limit_time(TimeLimits::none());
            self.add(methods);
        }
        self
    }

    /// Adds `grpc.reflection.v1` and `v1alpha`, which describe all services that the router has by then, or
    /// nothing. Default: nothing.
    #[must_use]
    pub fn reflection(mut self, yes: bool) -> Self {
        self.names_methods = false;
        if yes { self.add_reflection(&ServerHandle::default()) } else { self }
    }

    /// Adds reflection whose streams end when `server` stops.
    fn add_reflection(mut self, server: &ServerHandle) -> Self {
        self.names_methods = true;
        let missing = [&REFLECTION, &REFLECTION_ALPHA].into_iter().filter(|service| !self.has_service(service.name()));
        let missing: Vec<&'static ServiceDescriptor> = missing.collect();
        let reflection = Reflection::new(self.services().iter().copied().chain(missing.iter().copied()));
        for service in missing {
            let mut methods = Methods::default();
            let stream = ReflectionStreams { reflection: reflection.clone(), server: server.clone() };
            Versioned { service, stream }.register_all(&mut methods);
            self.add(methods);
        }
        self
    }
}

/// How reflection is added to a router: behind a pointer, so that a program which never turns it on does not carry it.
type AddReflection = fn(Router, &ServerHandle) -> Router;

/// What a server has of the standard services.
#[derive(Debug)]
pub(crate) struct StandardServices {
    health: Health,
    health_checks: bool,
    reflection: Option<AddReflection>,
    /// The user has decided, and not the build.
    is_reflection_chosen: bool,
}

impl Default for StandardServices {
    fn default() -> Self {
        let reflection: Option<AddReflection> =
            if cfg!(debug_assertions) { Some(Router::add_reflection) } else { None };
        Self { health: Health::default(), health_checks: true, reflection, is_reflection_chosen: false }
    }
}

impl StandardServices {
    /// Adds what is on to a router that has the user's services.
    pub(crate) fn add_to(&self, mut router: Router, server: &ServerHandle) -> Router {
        if self.health_checks {
            router = router.health(&self.health);
        }
        let Some(add_reflection) = self.reflection else {
            router.names_methods = false;
            return router;
        };
        if !self.is_reflection_chosen {
            tracing::info!(
                "reflection is on (debug build): whoever reaches the port can list its methods; \
                 .reflection(false) turns it off, .reflection(true) keeps it in release builds"
            );
        }
        add_reflection(router, server)
    }

    /// Says NOT_SERVING to all who watch, and returns when that is on its way.
    pub(crate) async fn announce_stop(&self) {
        self.health.stop();
        if tokio::time::timeout(ANNOUNCE_LIMIT, self.health.unwatched()).await.is_err() {
            tracing::warn!(limit = ?ANNOUNCE_LIMIT, "not all health watchers were told in time that the server stops");
        }
    }
}

impl Service for Health {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &HEALTH
    }

    fn register(self, methods: &mut Methods) {
        let health = self.clone();
        methods.unary(&CHECK, move |request| {
            let answer = health.check(&request.service);
            async move { answer.map(Into::into) }
        });
        let health = self.clone();
        methods.unary(&LIST, move |_| {
            let answer = health.list();
            async move { answer.map(Into::into) }
        });
        methods.server_streaming(&WATCH, move |request, replies| watch(self.clone(), request, replies));
    }
}

async fn watch(
    health: Health,
    request: Request<HealthCheckRequest>,
    mut replies: MessageSender<HealthCheckResponse>,
) -> Result<(), Status> {
    let mut watch = health.watch(request.into_message().service)?;
    loop {
        // Room first, so that a client that reads slowly gets the state of then and not one that grew old.
        replies.ready().await?;
        match watch.next().await {
            Some(response) => replies.encode(response)?,
            None => return Err(stopped()),
        }
    }
}

fn stopped() -> Status {
    Status::unavailable("the server is stopping")
}

/// One version of reflection.
struct Versioned {
    service: &'static ServiceDescriptor,
    stream: ReflectionStreams,
}

#[derive(Clone)]
struct ReflectionStreams {
    reflection: Reflection,
    server: ServerHandle,
}

impl Service for Versioned {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        self.service
    }

    fn register(self, methods: &mut Methods) {
        let method = if self.service.name() == REFLECTION.name() { &INFO } else { &INFO_ALPHA };
        let stream = self.stream;
        methods.bidi_streaming(method, move |requests, replies| stream.clone().answer(requests, replies));
    }
}

impl ReflectionStreams {
    async fn answer(
        self,
        mut requests: MessageReceiver<ServerReflectionRequest>,
        mut replies: MessageSender<ServerReflectionResponse>,
    ) -> Result<(), Status> {
        let mut session = self.reflection.session();
        let mut stopping = pin!(self.server.stopping());
        loop {
            let request = tokio::select! {
                biased;
                request = requests.next() => request?,
                () = &mut stopping => return Err(stopped()),
            };
            let Some(request) = request else { return Ok(()) };
            let answer = session.answer(request)?;
            tokio::select! {
                biased;
                sent = replies.send(answer) => sent?,
                () = &mut stopping => return Err(stopped()),
            }
        }
    }
}
