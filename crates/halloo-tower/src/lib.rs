//! Halloo beside other HTTP, by tower's services.
//!
//! [`routes`] makes gRPC services a [`tower_service::Service`] for axum and any hyper server. The other way round,
//! [`ServerExt`] lets a tower service answer what is not an RPC on a Halloo server's port, over HTTP/2 and HTTP/1.1,
//! and puts tower layers around a server.

mod call;
mod clock;
mod fallback;
mod http1;
mod impatient;
mod layered;
mod relay;
mod request;
mod response;
mod routes;
mod server_ext;
mod service;

pub use call::ResponseFuture;
pub use fallback::{ServiceFallback, fallback};
pub use http1::Http1Limits;
pub use relay::RequestBody;
pub use response::ResponseBody;
pub use routes::{Routes, routes};
pub use server_ext::ServerExt;
pub use service::HttpService;

/// What went wrong elsewhere.
type BoxError = Box<dyn std::error::Error + Send + Sync>;
