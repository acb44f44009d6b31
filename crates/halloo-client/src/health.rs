//! A client of the standard health service; the messages are halloo-services'.

use halloo_services::health::{
    CHECK, HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse, LIST, WATCH,
};

use crate::call::streaming::ServerStreamingCall;
use crate::call::unary::UnaryCall;
use crate::channel::{Channel, Error};

/// Asks a server how it and its services are: `grpc.health.v1.Health`. Cheap to clone; calls take `&self`.
///
/// ```
/// use halloo::health::{Health, HealthClient, ServingStatus};
/// # use halloo::{Channel, Router};
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// // A server's: HealthClient::connect("http://localhost:50051").await?
/// # let health = Health::default();
/// # health.set_serving("greeter.Greeter");
/// # let channel = Channel::in_process(Router::new(health));
/// let health = HealthClient::new(channel);
/// assert_eq!(health.check("greeter.Greeter").await?.status, ServingStatus::SERVING);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HealthClient {
    channel: Channel,
}

impl HealthClient {
    /// Calls over `channel`.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Connects to `target`, for example `http://localhost:50051`, and waits until it is ready. Cancel safe.
    ///
    /// # Errors
    /// As [`Channel::connect`].
    pub async fn connect(target: impl AsRef<str>) -> Result<Self, Error> {
        Ok(Self::new(Channel::connect(target).await?))
    }

    /// Returns the channel that calls go over.
    #[must_use]
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Asks how `service` is at this moment; the empty name asks for the server as a whole. Give it a timeout: a
    /// server that does not answer is not well either.
    ///
    /// The call fails with NOT_FOUND if the server does not know the service, and with UNIMPLEMENTED if it knows
    /// nothing of health.
    pub fn check(&self, service: impl Into<String>) -> UnaryCall<'_, HealthCheckRequest, HealthCheckResponse> {
        self.channel.unary(&CHECK, HealthCheckRequest::default().with_service(service))
    }

    /// Asks how all services are.
    ///
    /// The call fails with RESOURCE_EXHAUSTED if the server knows more than 100 names, and with UNIMPLEMENTED if it is
    /// older than this method.
    pub fn list(&self) -> UnaryCall<'_, HealthListRequest, HealthListResponse> {
        self.channel.unary(&LIST, HealthListRequest::default())
    }

    /// Follows how `service` is: the state at once, then every change. A service that the server does not know is
    /// SERVICE_UNKNOWN, and may become known.
    ///
    /// The replies end when the server stops: NOT_SERVING, then UNAVAILABLE.
    pub fn watch(
        &self,
        service: impl Into<String>,
    ) -> ServerStreamingCall<'_, HealthCheckRequest, HealthCheckResponse> {
        self.channel.server_streaming(&WATCH, HealthCheckRequest::default().with_service(service))
    }
}
