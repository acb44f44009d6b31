//! What a tower service has to be to stand in a Halloo server, in one word.

use bytes::Bytes;
use http_body::Body;
use tower_service::Service;

use crate::BoxError;
use crate::relay::RequestBody;

/// A tower service that answers HTTP requests within a Halloo server, such as an `axum::Router`.
///
/// Every `Service<http::Request<RequestBody>, Response = http::Response<B>>` is one that is `Clone`, `Send`, `Sync` and
/// `'static`, whose future is `Send`, and whose body `B` has [`Bytes`] as its data. It cannot be implemented in another
/// way.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tower service that answers `http::Request<halloo_tower::RequestBody>`",
    note = "an `axum::Router` is one after `.with_state(..)` has given it all of its state",
    note = "any other has to be `Clone + Send + Sync + 'static`, with a `Send` future and a body of `Bytes`"
)]
pub trait HttpService:
    Service<
        http::Request<RequestBody>,
        Response = http::Response<Self::ResponseBody>,
        Error: Into<BoxError>,
        Future: Send,
    > + Clone
    + Send
    + Sync
    + 'static
{
    /// The body of its responses.
    type ResponseBody: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<http::Request<RequestBody>, Response = http::Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
    B: Body<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    type ResponseBody = B;
}
