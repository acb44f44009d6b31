//! `Channel`: the virtual connection to a service that calls are made on.

use std::fmt;
use std::sync::Arc;

use halloo_call::{Call, Dispatch, Interceptor, Observation, OutgoingHead};
use halloo_core::{MethodDescriptor, MethodKind, Status};
use halloo_plane::ConnectivityState;
use halloo_transport::InProcess;

use crate::defaults::Defaults;
use crate::remote::Backend;

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
/// use halloo::Channel;
/// use halloo::client::ConnectivityState;
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
    backend: Backend,
}

impl Channel {
    /// Makes a channel to services of this process, for tests and for composition. Calls need no sockets; all
    /// else is as over a connection.
    pub fn in_process(dispatch: impl Dispatch) -> Self {
        let backend = Backend::InProcess(Arc::new(InProcess::new(Arc::new(dispatch))));
        Self::assemble(Defaults::default(), Vec::new(), Observation::default(), backend)
    }

    pub(crate) fn assemble(
        defaults: Defaults,
        interceptors: Vec<Arc<dyn Interceptor>>,
        observation: Observation,
        backend: Backend,
    ) -> Self {
        let interceptors = (!interceptors.is_empty()).then(|| interceptors.into());
        Self { shared: Arc::new(Shared { defaults, interceptors, observation, backend }) }
    }

    /// Waits until the channel is READY, connecting if need be.
    ///
    /// Cancel safe. Returns at once for a channel within the process.
    ///
    /// # Errors
    /// UNAVAILABLE when every address has failed, with what was tried. The channel goes on trying.
    pub async fn ready(&self) -> Result<(), Error> {
        static PROBE: MethodDescriptor = MethodDescriptor::new("", "", "//", MethodKind::Unary);
        match &self.shared.backend {
            Backend::InProcess(_) => Ok(()),
            Backend::Remote(remote) => remote.ready(&OutgoingHead::new(&PROBE, "proto", Call::new(&PROBE))).await,
        }
    }

    /// Returns the state at this moment. A channel within the process is always READY.
    #[must_use]
    pub fn state(&self) -> ConnectivityState {
        match &self.shared.backend {
            Backend::InProcess(_) => ConnectivityState::Ready,
            Backend::Remote(remote) => remote.state(),
        }
    }

    /// Waits until the state is another than `seen`, and returns it. States that last very short may be missed.
    ///
    /// Cancel safe. Never returns for a channel within the process.
    pub async fn wait_for_state_change(&self, seen: ConnectivityState) -> ConnectivityState {
        match &self.shared.backend {
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

    pub(crate) fn backend(&self) -> &Backend {
        &self.shared.backend
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Backend::Remote(remote) = &self.backend {
            remote.close();
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel")
            .field("target", &self.backend().target())
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
