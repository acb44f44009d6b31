//! Whom the cases call, and how: what the flags say of channels and soaks.

use std::time::Duration;

use halloo::tls::ClientTls;
use halloo::{Channel, ChannelBuilder, Status};

use crate::TestServiceClient;
use crate::compressed::MarkingGzip;
use crate::flags::Flags;
use crate::large::{REQUEST_BYTES, RESPONSE_BYTES};

/// Calls a server, as the flags have it.
#[derive(Debug)]
pub struct Caller {
    target: String,
    authority: Option<String>,
    tls: Option<ClientTls>,
    pub(super) soak: Soak,
}

/// How long and how hard the soaks are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Soak {
    pub(super) iterations: u32,
    pub(super) max_failures: u32,
    pub(super) max_latency: Duration,
    pub(super) min_interval: Duration,
    pub(super) overall_timeout: Duration,
    pub(super) request_bytes: usize,
    pub(super) response_bytes: i32,
    pub(super) threads: u32,
}

impl Caller {
    /// The flags that a client has.
    pub const FLAGS: [&'static str; 15] = [
        "server_host",
        "server_port",
        "server_host_override",
        "test_case",
        "use_tls",
        "use_test_ca",
        "ca_file",
        "soak_iterations",
        "soak_max_failures",
        "soak_per_iteration_max_acceptable_latency_ms",
        "soak_min_time_ms_between_rpcs",
        "soak_overall_timeout_seconds",
        "soak_request_size",
        "soak_response_size",
        "soak_num_threads",
    ];

    /// Reads the flags; nothing is called yet.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for one that does not fit; what is wrong with the authority's file.
    pub fn new(flags: &Flags) -> Result<Self, Status> {
        let host = flags.text("server_host").unwrap_or("localhost");
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        let port: u16 = flags.value("server_port", 8080)?;
        let mut tls = None;
        if flags.value("use_tls", false)? {
            let mut ours = ClientTls::new();
            if flags.value("use_test_ca", false)? {
                ours = ours.ca_file(flags.needed("ca_file", "it holds the authority's certificate")?)?;
            }
            tls = Some(ours);
        }
        let scheme = if tls.is_some() { "https" } else { "http" };
        let authority = flags.text("server_host_override").map(str::to_owned);
        Ok(Self { target: format!("{scheme}://{host}:{port}"), authority, tls, soak: Soak::new(flags)? })
    }

    /// A client with a channel of its own.
    pub(super) fn client(&self) -> Result<TestServiceClient, halloo::Error> {
        Ok(TestServiceClient::new(self.builder().build()?))
    }

    pub(super) fn builder(&self) -> ChannelBuilder {
        let mut builder = Channel::builder(&self.target).accept_compression(MarkingGzip);
        if let Some(authority) = &self.authority {
            builder = builder.authority(authority);
        }
        if let Some(tls) = &self.tls {
            builder = builder.tls(tls.clone());
        }
        builder
    }
}

impl Soak {
    /// The defaults are grpc-go's.
    fn new(flags: &Flags) -> Result<Self, Status> {
        let millis = |name, default| flags.value(name, default).map(Duration::from_millis);
        let soak = Self {
            iterations: flags.value("soak_iterations", 10)?,
            max_failures: flags.value("soak_max_failures", 0)?,
            max_latency: millis("soak_per_iteration_max_acceptable_latency_ms", 1000)?,
            min_interval: millis("soak_min_time_ms_between_rpcs", 0)?,
            overall_timeout: Duration::from_secs(flags.value("soak_overall_timeout_seconds", 10)?),
            request_bytes: flags.value("soak_request_size", REQUEST_BYTES)?,
            response_bytes: flags.value("soak_response_size", RESPONSE_BYTES)?,
            threads: flags.value("soak_num_threads", 1)?,
        };
        if soak.threads == 0 || !soak.iterations.is_multiple_of(soak.threads) {
            return Err(Status::invalid_argument("--soak_iterations has to be a multiple of --soak_num_threads"));
        }
        Ok(soak)
    }
}
