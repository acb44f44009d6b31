//! `Channel`: the virtual connection to a service that calls are made on.

use std::fmt;
use std::sync::Arc;

use halloo_call::{Call, Carry, Dispatch, Interceptor, Observation, OutgoingCall, Refused, ResponderEnd};
use halloo_core::{MethodDescriptor, MethodKind, SecurityLevel, Status};
use halloo_plane::ConnectivityState;
use halloo_transport::InProcess;

use crate::call::deadline::{Limit, within};
use crate::credentials::Credentials;
use crate::defaults::{Defaults, IN_PROCESS};
use crate::failure::no_runtime;
use crate::remote::{Remote, Unstarted};

/// Says what went wrong when a channel was made or a server ran: a status, as for a call.
pub type Error = Status;

/// Connects calls to a service, virtually: it connects when it is needed, reconnects when a connection is lost, and
/// carries any number of calls at the same time.
///
/// A clone is one reference more; all share connections and state. When the last is dropped, connections end
/// with their last call. Everything needs a tokio runtime, except making a channel.
///
/// Targets: `http://host:port`, `https://host:port` (with the feature `tls`), `host:port`, `dns:///host:port`,
/// `ipv4:1.2.3.4:port,..`, `ipv6:[::1]:port,..`, `unix:path`, `unix:///path`, and on Linux `unix-abstract:name`. Without a
/// port it is 80, or 443 with TLS. A link-local IPv6 address needs the interface of this machine behind which it is, by
/// name or number: `[fe80::1%eth0]:port`, `[fe80::1%2]:port`; the server and its certificate never see that. In paths and
/// names of Unix sockets `%20` is a space, as in every URI.
///
/// ```
/// use greeter::GreeterClient;
/// use halloo::{Channel, ConnectivityState};
///
/// let channel = Channel::new("http://localhost:50051")?; // no I/O yet
/// assert_eq!(channel.state(), ConnectivityState::Idle);
/// let greeter = GreeterClient::new(channel.clone()); // clients of several services may share it
/// # Ok::<(), halloo::Error>(())
/// ```
#[derive(Clone)]
pub struct Channel {
    shared: Arc<Shared>,
}

struct Shared {
    defaults: Defaults,
    interceptors: Option<Arc<[Arc<dyn Interceptor>]>>,
    observation: Observation,
    way: Backend,
}

/// How calls leave.
pub(crate) enum Backend {
    InProcess(InProcess),
    Remote(Arc<Remote>),
}

impl Channel {
    /// Makes a channel to services of this process, for tests and for composition. Calls need no sockets; all
    /// else is as over a connection.
    pub fn in_process(dispatch: impl Dispatch) -> Self {
        let way = Backend::InProcess(InProcess::new(Arc::new(dispatch)));
        Self::assemble(Defaults::default(), Vec::new(), Observation::default(), way)
    }

    pub(crate) fn assemble(
        defaults: Defaults,
        interceptors: Vec<Arc<dyn Interceptor>>,
        observation: Observation,
        way: Backend,
    ) -> Self {
        let interceptors = (!interceptors.is_empty()).then(|| interceptors.into());
        Self { shared: Arc::new(Shared { defaults, interceptors, observation, way }) }
    }

    /// Waits until the channel is READY, connecting if need be.
    ///
    /// Cancel safe. Returns at once for a channel within the process.
    ///
    /// # Errors
    /// UNAVAILABLE when every address has failed, with what was tried. The channel goes on trying.
    pub async fn ready(&self) -> Result<(), Error> {
        static PROBE: MethodDescriptor = MethodDescriptor::new("", "", "//", MethodKind::Unary);
        match &self.shared.way {
            Backend::InProcess(_) => Ok(()),
            Backend::Remote(remote) => remote.ready(&OutgoingCall::new(&PROBE, "proto", Call::new(&PROBE))).await,
        }
    }

    /// Returns the state at this moment. A channel within the process is always READY.
    #[must_use]
    pub fn state(&self) -> ConnectivityState {
        match &self.shared.way {
            Backend::InProcess(_) => ConnectivityState::Ready,
            Backend::Remote(remote) => remote.state(),
        }
    }

    /// Waits until the state is another than `seen`, and returns it. States that last very short may be missed.
    ///
    /// Cancel safe. Never returns for a channel within the process.
    pub async fn wait_for_state_change(&self, seen: ConnectivityState) -> ConnectivityState {
        match &self.shared.way {
            Backend::InProcess(_) if seen != ConnectivityState::Ready => ConnectivityState::Ready,
            Backend::InProcess(_) => std::future::pending().await,
            Backend::Remote(remote) => remote.state_other_than(seen).await,
        }
    }

    pub(crate) fn defaults(&self) -> &Defaults {
        &self.shared.defaults
    }

    pub(crate) fn observation(&self) -> &Observation {
        &self.shared.observation
    }

    pub(crate) fn interceptors(&self) -> Option<Arc<[Arc<dyn Interceptor>]>> {
        self.shared.interceptors.clone()
    }

    /// Hands a call to a connection. Without one it returns a future that waits as long as `limit` allows, and
    /// resolves with the limit and how long this took.
    pub(crate) fn start(
        &self,
        call: OutgoingCall,
        responder: ResponderEnd,
        limit: Option<Limit>,
    ) -> Result<Option<impl Future<Output = Result<Option<Limit>, Status>> + Send + use<>>, Status> {
        if let Some(limit) = limit.filter(|limit| limit.deadline().is_past(limit.began())) {
            return Err(limit.passed_before_start(self.target()));
        }
        let remote = match &self.shared.way {
            Backend::InProcess(_) if tokio::runtime::Handle::try_current().is_err() => return Err(no_runtime()),
            Backend::InProcess(carrier) => {
                let started = carrier.start(call, responder);
                return started.map(|()| None).map_err(|_| Status::unavailable("the service takes no more calls"));
            }
            Backend::Remote(remote) => remote,
        };
        match remote.try_start(call, responder) {
            Ok(()) => Ok(None),
            Err(Unstarted::Failed(status)) => Err(status),
            Err(Unstarted::Waiting(waiting)) => Ok(Some(Arc::clone(remote).start_within(limit, waiting))),
        }
    }

    /// As [`start`](Self::start), with the metadata of `credentials`, which it asks for the connection that it picks.
    pub(crate) async fn start_with(
        self,
        credentials: Credentials,
        mut call: OutgoingCall,
        responder: ResponderEnd,
        limit: Option<Limit>,
    ) -> Result<Option<Limit>, Status> {
        let authority = &self.shared.defaults.authority;
        let remote = match &self.shared.way {
            Backend::InProcess(_) => {
                let asked = credentials.metadata(call.method, authority, SecurityLevel::PrivacyAndIntegrity);
                let metadata = within(limit, "the call's credentials", asked).await?;
                credentials.attach(metadata, &mut call.call);
                return match self.start(call, responder, limit)? {
                    Some(sending) => sending.await,
                    None => Ok(limit),
                };
            }
            Backend::Remote(remote) => remote,
        };
        let refused = Refused { call: Box::new(call), responder };
        remote.start_with((&credentials, authority), refused, limit).await
    }

    fn target(&self) -> &str {
        match &self.shared.way {
            Backend::InProcess(_) => IN_PROCESS,
            Backend::Remote(remote) => &remote.target,
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Backend::Remote(remote) = &self.way {
            remote.close();
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("target", &self.target()).field("state", &self.state()).finish_non_exhaustive()
    }
}
