//! `grpc.health.v1`: the service's contract, and the table that answers it.

mod messages;
mod methods;
mod table;

pub use messages::health_check_response::ServingStatus;
pub use messages::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
pub use methods::{CHECK, HEALTH, LIST, WATCH};
pub use table::{Health, Unwatched, Watch};
