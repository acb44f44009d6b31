//! The knobs of a server that say how long a connection may live, and how it is asked for a sign of life.
//! They only write the engine's configuration; what happens at a limit is the engine's business.

use std::time::Duration;

use halloo_transport::{Keepalive, PingLimit};

use crate::server::Server;

impl Server {
    /// Sets after how long a silence a client is asked for a sign of life, by a PING, whether calls run or not (gRFC
    /// A9): a client that is gone without a word holds its connection and its calls for no longer than that. Default:
    /// 2 hours; `Duration::MAX` never asks. Costs a PING an interval of silence.
    #[must_use]
    pub fn keepalive(mut self, interval: Duration) -> Self {
        self.keepalive_mut().interval = interval;
        self
    }

    /// Sets how long a client has to answer a PING of [`keepalive`](Self::keepalive); then its connection ends, and its
    /// calls are cancelled. Default: 20 seconds. On Linux, bytes that a client does not acknowledge for so long end its
    /// TCP connection as well (`TCP_USER_TIMEOUT`, gRFC A18).
    #[must_use]
    pub fn keepalive_timeout(mut self, timeout: Duration) -> Self {
        self.keepalive_mut().timeout = timeout;
        self
    }

    /// Sets how often clients may send PINGs while calls run (gRFC A8): two that come sooner are forgiven, and
    /// forgotten whenever something is sent to the client; at the third the connection ends with `too_many_pings`.
    /// Default: one in 5 minutes. Clients that keep connections open with PINGs have to be given the same interval or a
    /// longer one.
    #[must_use]
    pub fn min_ping_interval(mut self, interval: Duration) -> Self {
        self.ping_limit_mut().min_interval = interval;
        self
    }

    /// Sets whether clients may send PINGs as often while no call runs. Default: no, one in 2 hours then.
    #[must_use]
    pub fn permit_pings_without_calls(mut self, permit: bool) -> Self {
        let without_calls = PingLimit::default().min_idle_interval;
        self.ping_limit_mut().min_idle_interval = if permit { Duration::ZERO } else { without_calls };
        self
    }

    /// Ends connections on which no call ran for so long, gracefully (GOAWAY `max_idle`, gRFC A9): each costs a file
    /// descriptor and a few KiB. Clients connect again when they need to. Default: never.
    #[must_use]
    pub fn max_connection_idle(mut self, limit: Duration) -> Self {
        self.config.lifetime.max_idle = Some(limit);
        self
    }

    /// Ends connections at this age, gracefully (GOAWAY `max_age`, gRFC A9), so that clients look again where servers
    /// are: behind a balancer of connections, a new server gets its share. Each connection's limit is up to 10 %
    /// shorter or longer, so that not all connect again at once. Default: never.
    #[must_use]
    pub fn max_connection_age(mut self, limit: Duration) -> Self {
        self.config.lifetime.max_age = Some(limit);
        self
    }

    /// Sets how long calls may go on after [`max_connection_age`](Self::max_connection_age) has sent their client
    /// away; then they are cancelled, and the client sees UNAVAILABLE. Default: as long as they take.
    #[must_use]
    pub fn max_connection_age_grace(mut self, limit: Duration) -> Self {
        self.config.lifetime.max_age_grace = Some(limit);
        self
    }

    /// Asks clients to connect again after so many calls on a connection, gracefully (GOAWAY `max_requests`). Calls
    /// that are on their way by then are served as well. Default: never.
    #[must_use]
    pub fn max_connection_requests(mut self, requests: u32) -> Self {
        self.config.lifetime.max_requests = Some(requests);
        self
    }

    fn keepalive_mut(&mut self) -> &mut Keepalive {
        self.config.keepalive.get_or_insert_default()
    }

    fn ping_limit_mut(&mut self) -> &mut PingLimit {
        self.config.limits.pings.get_or_insert_default()
    }
}
