//! What a server says of its calls' time: for all, and for single methods.

use halloo_call::TimeLimits;
use halloo_core::Status;

use crate::router::Router;
use crate::server::Server;

/// The limits of one server; see [`Server::time_limits`].
#[derive(Debug, Default)]
pub(crate) struct ServerTimeLimits {
    usual: TimeLimits,
    of_methods: Vec<(String, TimeLimits)>,
}

impl ServerTimeLimits {
    pub(crate) fn add_to(self, router: Router) -> Result<Router, Status> {
        let router = router.time_limits(self.usual);
        self.of_methods
            .into_iter()
            .try_fold(router, |router, (method, limits)| router.method_time_limits(&method, limits))
    }
}

impl Server {
    /// Limits the time of calls, whatever their clients want: a default for those without a deadline, a maximum for all.
    /// Default: [`TimeLimits::none`]. A call that is over its limit fails with DEADLINE_EXCEEDED, and its handler is
    /// dropped. The server's own health checks, which may be watched for ever, have no limits.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use greeter::{GreeterServer, MyGreeter};
    /// use halloo::Server;
    /// use halloo::server::TimeLimits;
    ///
    /// # #[tokio::main]
    /// # async fn main() -> Result<(), halloo::Error> {
    /// let server = Server::bind("127.0.0.1:0").await?;
    /// # let server = server.shutdown_on(std::future::ready(()));
    /// let limits = TimeLimits::none().default_timeout(Duration::from_secs(10)).max_timeout(Duration::from_secs(60));
    /// server.time_limits(limits).serve(GreeterServer::new(MyGreeter)).await
    /// # }
    /// ```
    #[must_use]
    pub fn time_limits(mut self, limits: TimeLimits) -> Self {
        self.time_limits.usual = limits;
        self
    }

    /// Limits the time of the calls of one method, such as `greeter.Greeter/SayHello`, in place of
    /// [`time_limits`](Self::time_limits): [`TimeLimits::none`] for a stream that may last. Default: those.
    /// [`serve`](Self::serve) fails with NOT_FOUND for a method that no service has.
    #[must_use]
    pub fn method_time_limits(mut self, method: impl Into<String>, limits: TimeLimits) -> Self {
        self.time_limits.of_methods.push((method.into(), limits));
        self
    }
}
