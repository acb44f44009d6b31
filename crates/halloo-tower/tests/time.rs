//! The time of calls that come as `http::Request`s: within the router's limits, and handed on to the calls that a handler
//! makes. With tokio's clock stopped, and no connection anywhere.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use greeter::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use halloo::server::TimeLimits;
use halloo::tower::Routes;
use halloo::{Request, Router};
use http::Version;
use tokio::time::Instant;
use tower_service::Service as _;

const SECOND: Duration = Duration::from_secs(1);

/// Writes down what time its calls have, in seconds, and calls the next one, which does the same; the last one hangs if
/// it is told to.
#[derive(Clone, Default)]
struct Relay {
    left: Arc<Mutex<Vec<Option<u64>>>>,
    next: Option<GreeterClient>,
    hangs: bool,
}

impl Greeter for Relay {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        let now = Instant::now().into_std();
        self.left.lock().unwrap().push(request.deadline().map(|deadline| deadline.time_left(now).as_secs()));
        match &self.next {
            Some(next) => {
                tokio::time::advance(SECOND).await;
                next.say_hello(HelloRequest::default()).await
            }
            None if self.hangs => std::future::pending().await,
            None => Ok(HelloReply::default().into()),
        }
    }
}

/// Calls a relay with a relay behind it; says what time both had, and the status.
async fn call(timeout: Option<&str>, limits: TimeLimits, hangs: bool) -> (Vec<Option<u64>>, String) {
    let left = Arc::default();
    let back = GreeterClient::in_process(Relay { left: Arc::clone(&left), next: None, hangs });
    let front = Relay { left: Arc::clone(&left), next: Some(back), hangs };
    let mut routes = Routes::from(Router::new(GreeterServer::new(front)).time_limits(limits));
    let request = http::Request::post("/greeter.Greeter/SayHello")
        .version(Version::HTTP_2)
        .header("content-type", "application/grpc");
    let request = timeout.into_iter().fold(request, |request, timeout| request.header("grpc-timeout", timeout));
    let response = routes.call(request.body("\0".repeat(5)).unwrap()).await.unwrap();
    let text = |name| response.headers().get(name).map_or("", |value| value.to_str().unwrap());
    let status = format!("{} {}", text("grpc-status"), text("grpc-message"));
    let left = left.lock().unwrap().clone();
    (left, status)
}

#[tokio::test(start_paused = true)]
async fn it_is_within_the_routers_limits_and_what_is_left_goes_on() {
    let limits = TimeLimits::none().default_timeout(10 * SECOND).max_timeout(60 * SECOND);
    for (timeout, limits, expected) in [
        (None, TimeLimits::none(), [None, None]),
        (Some("5S"), TimeLimits::none(), [Some(5), Some(4)]),
        (None, limits, [Some(10), Some(9)]),
        (Some("5S"), limits, [Some(5), Some(4)]),
        (Some("90S"), limits, [Some(60), Some(59)]),
    ] {
        assert_eq!(call(timeout, limits, false).await.0, expected, "{timeout:?} {limits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_over_the_limit_says_whose_it_was() {
    let limits = TimeLimits::none().max_timeout(60 * SECOND);
    let passed = "4 the call's deadline passed on the server";
    let (_, status) = call(Some("5S"), limits, true).await;
    assert_eq!(status, passed);
    let (_, status) = call(None, limits, true).await;
    assert_eq!(status, format!("{passed}, which limits the time of calls"));
}
