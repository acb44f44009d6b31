//! Routes: paths to handlers, and what is said when there is none.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use halloo_call::{
    Call, CallLink, Compressions, Compressor, Dispatch, Execution, Handling, HttpRequest, IncomingCall, Interceptor,
    Observation, Placement, RareHead, ResponderEnd, Route, Side, StatsHandler, TimeLimits,
};
use halloo_core::{DecodeLimits, ServiceDescriptor, Status};

use crate::duplicates::Duplicates;
use crate::fallback::{Fallback, HttpResponder, Signpost};
use crate::foreign;
use crate::handler::{Entry, HandlerContext, MethodExecution, Methods, Surroundings};
use crate::service::Services;

/// Answers calls with the services that were added to it.
///
/// A server makes one of its services; a client's `in_process` takes one as it is.
///
/// ```
/// use greeter::{CrowdServer, GreeterClient, GreeterServer, HelloRequest, MyCrowd, MyGreeter};
/// use halloo::{Channel, Router};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// let router = Router::new((GreeterServer::new(MyGreeter), CrowdServer::new(MyCrowd))).max_request_bytes(64 * 1024);
/// let greeter = GreeterClient::new(Channel::in_process(router));
/// let reply = greeter.say_hello(HelloRequest::default().with_name("Edison")).await?;
/// assert_eq!(reply.message, "Hello, Edison!");
/// # Ok(())
/// # }
/// ```
pub struct Router {
    entries: Vec<Entry>,
    services: Vec<&'static ServiceDescriptor>,
    /// The positions of entries.
    paths: HashMap<&'static str, usize, BuildHasherDefault<PathHasher>>,
    surroundings: Arc<Surroundings>,
    fallback: Arc<dyn Fallback>,
    duplicates: Duplicates,
    time_limits: TimeLimits,
    /// That of all requests that no method takes.
    elsewhere: Arc<Route>,
    /// Whether texts may name what the server has: where reflection tells it anyway.
    pub(crate) names_methods: bool,
}

impl Router {
    /// Makes a router of `services`: one service, or a tuple of several. Each has to be given once: a
    /// [`Server`](crate::Server) does not serve one that it was given twice, and a router that something else drives fails
    /// its calls with INTERNAL.
    pub fn new(services: impl Services) -> Self {
        let limits = DecodeLimits::default();
        let mut router = Self {
            entries: Vec::new(),
            services: Vec::new(),
            paths: HashMap::default(),
            surroundings: Arc::new(Surroundings {
                interceptors: Arc::new([]),
                max_request_bytes: limits.max_message_bytes,
                max_reply_bytes: usize::MAX,
                observation: Observation::default(),
                compressions: Compressions::default(),
                compressor: None,
            }),
            fallback: Arc::new(Signpost),
            duplicates: Duplicates::default(),
            time_limits: TimeLimits::none(),
            elsewhere: Arc::default(),
            names_methods: cfg!(all(debug_assertions, feature = "services")),
        };
        let mut methods = Methods::default();
        services.register_all(&mut methods);
        router.add(methods);
        router
    }

    /// Adds services beside those that it has.
    pub(crate) fn add(&mut self, methods: Methods) {
        let mut doubled = Vec::new();
        for service in methods.services {
            if self.has_service(service.name()) {
                doubled.push(service.name());
            } else {
                self.services.push(service);
            }
        }
        for mut entry in methods.entries {
            let has_another = self.paths.insert(entry.method.path(), self.entries.len()).is_some();
            if has_another && !doubled.contains(&entry.method.service()) {
                self.duplicates.method(&mut entry);
            }
            self.entries.push(entry);
        }
        for service in doubled {
            self.duplicates.service(service, &mut self.entries);
        }
        self.make_routes();
    }

    /// Makes the routes of what was set; to be called when any of that changes.
    fn make_routes(&mut self) {
        let accepted_encodings = self.surroundings.compressions.names();
        for (number, entry) in (0..).zip(&mut self.entries) {
            entry.route = Arc::new(Route {
                method: Some(number),
                placement: Placement::new(entry.execution),
                time_limits: entry.time_limits.unwrap_or(self.time_limits),
                accepted_encodings: accepted_encodings.cloned(),
            });
        }
        self.elsewhere = Arc::new(Route {
            method: None,
            placement: Placement::new(Execution::Spawn),
            time_limits: TimeLimits::none(),
            accepted_encodings: accepted_encodings.cloned(),
        });
    }

    /// Refuses to be served with what was given twice.
    ///
    /// # Errors
    /// ALREADY_EXISTS, with the name of the service.
    pub(crate) fn check(&self) -> Result<(), Status> {
        self.duplicates.check()
    }

    pub(crate) fn has_service(&self, name: &str) -> bool {
        self.services.iter().any(|service| service.name() == name)
    }

    /// Puts an interceptor around every call, inside of those before, after it has looked at the services. Default: none.
    ///
    /// # Errors
    /// The status by which it refuses the services ([`Interceptor::check`]); a [`Server`](crate::Server) does so when it
    /// begins to serve.
    pub fn intercept(self, interceptor: impl Interceptor) -> Result<Self, Status> {
        self.intercept_all([Arc::new(interceptor) as Arc<dyn Interceptor>])
    }

    pub(crate) fn intercept_all(
        mut self,
        interceptors: impl IntoIterator<Item = Arc<dyn Interceptor>>,
    ) -> Result<Self, Status> {
        let seen = self.intercepted_services();
        let mut all = self.surroundings.interceptors.to_vec();
        for interceptor in interceptors {
            interceptor.check(&seen)?;
            all.push(interceptor);
        }
        Arc::make_mut(&mut self.surroundings).interceptors = all.into();
        Ok(self)
    }

    fn intercepted_services(&self) -> Vec<&'static ServiceDescriptor> {
        let is_seen = |service: &&'static ServiceDescriptor| {
            self.entries.iter().any(|entry| entry.is_intercepted && entry.method.service() == service.name())
        };
        self.services.iter().copied().filter(is_seen).collect()
    }

    /// Sets the largest request message in bytes, before it is decoded. Default: 4 MiB.
    #[must_use]
    pub fn max_request_bytes(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.surroundings).max_request_bytes = bytes;
        self
    }

    /// Sets the largest reply message in bytes. Default: no limit but protobuf's.
    #[must_use]
    pub fn max_reply_bytes(mut self, bytes: usize) -> Self {
        Arc::make_mut(&mut self.surroundings).max_reply_bytes = bytes;
        self
    }

    /// Sets what requests may be compressed with. Default: what the features `gzip` and `zstd` bring.
    #[must_use]
    pub fn compressions(mut self, compressions: Compressions) -> Self {
        Arc::make_mut(&mut self.surroundings).compressions = compressions;
        self.make_routes();
        self
    }

    /// Sets how replies are compressed, where the client knows the algorithm; requests may have it, too. Default: not
    /// at all.
    #[must_use]
    pub fn compressor(mut self, compressor: Compressor) -> Self {
        let surroundings = Arc::make_mut(&mut self.surroundings);
        surroundings.compressions = surroundings.compressions.clone().with(Arc::clone(&compressor.algorithm));
        surroundings.compressor = Some(Arc::new(compressor));
        self.make_routes();
        self
    }

    /// Tells `stats` of every call and message, for metrics. Default: nobody is told, at no cost.
    #[must_use]
    pub fn stats(mut self, stats: Arc<dyn StatsHandler>) -> Self {
        Arc::make_mut(&mut self.surroundings).observation.set_stats(stats);
        self
    }

    /// Opens a `tracing` span around every call, as [`Server::trace_calls`](crate::Server::trace_calls) does. Default: no
    /// span, at no cost.
    #[must_use]
    pub fn trace_calls(mut self) -> Self {
        Arc::make_mut(&mut self.surroundings).observation.set_spans();
        self
    }

    pub(crate) fn observation(mut self, observation: Observation) -> Self {
        Arc::make_mut(&mut self.surroundings).observation = observation;
        self
    }

    /// Sets who answers requests that are not RPCs. Default: a short text that says what this port is. A POST to the path
    /// of a method is answered with 415 and a text, and never comes here.
    #[must_use]
    pub fn fallback(self, fallback: impl Fallback) -> Self {
        self.fallback_to(Arc::new(fallback))
    }

    pub(crate) fn fallback_to(mut self, fallback: Arc<dyn Fallback>) -> Self {
        self.fallback = fallback;
        self
    }

    /// Limits the time of calls, whatever their clients want. Default: [`TimeLimits::none`]. Health checks that a server
    /// answers by itself have no limits.
    #[must_use]
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.time_limits = limits;
        self.make_routes();
        self
    }

    /// Limits the time of the calls of `method` (such as `greeter.Greeter/SayHello`), in place of
    /// [`time_limits`](Self::time_limits). Default: those.
    ///
    /// # Errors
    /// NOT_FOUND if no service of this router has the method.
    pub fn method_time_limits(mut self, method: &str, limits: TimeLimits) -> Result<Self, Status> {
        self.entry_mut(method)?.time_limits = Some(limits);
        self.make_routes();
        Ok(self)
    }

    /// Sets where the handlers of `method` (such as `greeter.Greeter/SayHello`) run. Default: adaptive.
    ///
    /// # Errors
    /// NOT_FOUND if no service of this router has the method.
    pub fn execution(mut self, method: &str, execution: Execution) -> Result<Self, Status> {
        self.entry_mut(method)?.execution = execution;
        self.make_routes();
        Ok(self)
    }

    fn entry_mut(&mut self, method: &str) -> Result<&mut Entry, Status> {
        match self.entries.iter().position(|entry| entry.method.full_name() == method) {
            Some(index) => Ok(&mut self.entries[index]),
            None => {
                let known: Vec<_> = self.entries.iter().map(|entry| entry.method.full_name()).collect();
                Err(Status::not_found(format!("no service here has the method {method}"))
                    .note("hint", format!("the methods are: {}", known.join(", "))))
            }
        }
    }

    /// Returns where each method's handlers run, by rule and at this moment.
    pub fn executions(&self) -> Vec<MethodExecution> {
        let describe = |entry: &Entry| MethodExecution {
            method: entry.method.full_name(),
            execution: entry.execution,
            is_inline: entry.route.placement.is_inline(),
        };
        self.entries.iter().map(describe).collect()
    }

    /// Returns the services, in the order that they were added.
    pub fn services(&self) -> &[&'static ServiceDescriptor] {
        &self.services
    }

    fn unknown(&self, path: &str) -> Status {
        let Some((service, method)) = path.strip_prefix('/').and_then(|path| path.rsplit_once('/')) else {
            return Status::unimplemented(format!(
                "malformed method path {path:?}: expected `/package.Service/Method`"
            ));
        };
        let Some(descriptor) = self.services.iter().find(|descriptor| descriptor.name() == service) else {
            let names = self.services.iter().map(|descriptor| descriptor.name());
            return Status::unimplemented(format!(
                "this server has no service {service}{}",
                self.suggestion(service, names)
            ));
        };
        if descriptor.method(method).is_some() {
            return Status::unimplemented(format!("this server has no handler for {service}/{method}"));
        }
        let names = descriptor.methods().iter().map(|method| method.name());
        Status::unimplemented(format!("{service} has no method {method}{}", self.suggestion(method, names)))
    }

    fn suggestion<'a>(&self, wrong: &str, names: impl Iterator<Item = &'a str>) -> String {
        let near = names.map(|name| (distance(wrong, name), name)).min().filter(|_| self.names_methods);
        match near {
            Some((distance, name)) if distance <= 1 + name.len() / 4 => format!("; did you mean {name}?"),
            _ => String::new(),
        }
    }

    /// The method whose path a request that is not an RPC posts to.
    fn called_by(&self, request: &HttpRequest) -> Option<&'static str> {
        let path = std::str::from_utf8(&request.path).ok().filter(|_| &*request.method == b"POST")?;
        let path = path.split_once('?').map_or(path, |(path, _)| path);
        self.entry(self.find(path)).map(|entry| entry.method.full_name())
    }

    fn entry(&self, route: &Route) -> Option<&Entry> {
        self.entries.get(usize::try_from(route.method?).ok()?)
    }
}

impl Dispatch for Router {
    fn find(&self, path: &str) -> &Arc<Route> {
        self.paths.get(path).map_or(&self.elsewhere, |&entry| &self.entries[entry].route)
    }

    fn http_route(&self) -> &Arc<Route> {
        &self.elsewhere
    }

    fn respond(&self, route: &Route, mut call: IncomingCall, responder: ResponderEnd) -> Handling {
        let Some(entry) = self.entry(route) else {
            return Handling::refused(&responder, None, self.unknown(call.unknown_path()));
        };
        let compression = match call.encodings() {
            None => None,
            Some(encodings) => match self.surroundings.negotiate(encodings) {
                Ok(compression) => compression,
                Err(status) => return Handling::refused(&responder, Some(entry.method), status),
            },
        };
        let observed = self.surroundings.observation.call(Side::Server, entry.method, Some(&call.peer));
        let (rare, arrived) = (call.rare.take(), call.arrived.take());
        let link = CallLink::clone(&responder);
        let call = Call::incoming(entry.method, call, link.cancelled());
        let work =
            HandlerContext { link, arrived, surroundings: &self.surroundings, compression, observed: observed.clone() };
        match Arc::clone(&entry.handler).respond(call, RareHead::subtype_of(rare.as_ref()), work) {
            Ok(future) => Handling::rpc(future, responder, entry.method, observed),
            Err(status) => {
                let code = status.code();
                let refuse = || Handling::refused(&responder, Some(entry.method), status);
                let Some(observed) = observed else { return refuse() };
                let handling = observed.span().in_scope(refuse);
                observed.end(code);
                handling
            }
        }
    }

    fn respond_http(&self, request: HttpRequest, responder: ResponderEnd) -> Handling {
        if let Some(method) = self.called_by(&request) {
            return Handling::http(Box::pin(foreign::answer(method, request, HttpResponder::new(responder))));
        }
        let fallback = Arc::clone(&self.fallback);
        let answer = async move { fallback.respond(request, HttpResponder::new(responder)).await };
        Handling::http(Box::pin(answer))
    }
}

/// Hashes paths in a few steps. The keys are the server's own, so that nobody can choose some that collide.
#[derive(Default)]
struct PathHasher(u64);

impl PathHasher {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for PathHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks();
        words.iter().for_each(|word| self.add(u64::from_le_bytes(*word)));
        rest.iter().for_each(|&byte| self.add(u64::from(byte)));
    }

    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// How many letters must be added, removed or changed to make `b` of `a`, ignoring case.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_lowercase().chars().take(128).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.to_lowercase().chars().take(128).enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, other) in b.iter().enumerate() {
            let change = diagonal + usize::from(letter != *other);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("methods", &self.executions()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "../tests/unit/router.rs"]
mod tests;
