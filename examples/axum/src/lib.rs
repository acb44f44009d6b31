//! The Greeter, and pages about it that axum serves.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use halloo::{Code, Request, Status};
use serde::Serialize;

halloo::include_proto!("greeter");

/// Greets everybody who has a name.
#[derive(Debug)]
pub struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        if request.name.trim().is_empty() {
            return Err(Status::invalid_argument("a name is needed"));
        }
        let message = format!("Hello, {}!", request.name);
        Ok(HelloReply::default().with_message(message).into())
    }
}

/// The pages: a front page, a health check, and the Greeter as JSON.
pub fn pages(greeter: Arc<MyGreeter>) -> axum::Router {
    axum::Router::new()
        .route("/", get(async || "The Greeter: GET /hello/NAME, or call greeter.Greeter/SayHello with gRPC.\n"))
        .route("/health", get(async || "fine\n"))
        .route("/hello/{name}", get(hello))
        .with_state(greeter)
}

/// What `GET /hello/NAME` answers with.
#[derive(Serialize)]
struct Greeting {
    message: String,
}

/// Asks the same handler that answers the RPC.
async fn hello(State(greeter): State<Arc<MyGreeter>>, Path(name): Path<String>) -> Response {
    match greeter.say_hello(Request::new(HelloRequest::default().with_name(name))).await {
        Ok(reply) => Json(Greeting { message: reply.message.clone() }).into_response(),
        Err(status) => (http_status(&status), format!("{status}\n")).into_response(),
    }
}

fn http_status(status: &Status) -> StatusCode {
    match status.code() {
        Code::InvalidArgument => StatusCode::BAD_REQUEST,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
