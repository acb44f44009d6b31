//! What a server says of its calls' time, with tokio's clock stopped: over a Unix socket and within the process.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use greeter::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest, MyGreeter};
use halloo::health::HealthClient;
use halloo::server::TimeLimits;
use halloo::{Channel, Code, Request, Router, Server};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const SAY_HELLO: &str = "greeter.Greeter/SayHello";

/// Writes down what time its calls have, and hangs if it is told to.
#[derive(Clone, Default)]
struct Watching(Arc<Mutex<Vec<Option<u64>>>>);

impl Greeter for Watching {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        let now = Instant::now().into_std();
        self.0.lock().unwrap().push(request.deadline().map(|deadline| deadline.time_left(now).as_secs()));
        if request.name == "hang" {
            std::future::pending::<()>().await;
        }
        Ok(HelloReply::default().into())
    }
}

/// A channel to a server, and one to a router, both with these limits.
async fn channels(name: &str, limits: TimeLimits, of_method: Option<TimeLimits>) -> (Watching, [Channel; 2]) {
    let watching = Watching::default();
    let path = std::env::temp_dir().join(format!("halloo-limits-{name}-{}.sock", std::process::id()));
    let target = format!("unix:{}", path.display());
    let mut server = Server::bind(&target).await.unwrap().shutdown_on(std::future::pending()).time_limits(limits);
    let mut router = Router::new(GreeterServer::new(watching.clone())).time_limits(limits);
    if let Some(limits) = of_method {
        server = server.method_time_limits(SAY_HELLO, limits);
        router = router.method_time_limits(SAY_HELLO, limits).unwrap();
    }
    let service = GreeterServer::new(watching.clone());
    tokio::spawn(async move { server.serve(service).await });
    (watching, [Channel::connect(&target).await.unwrap(), Channel::in_process(router)])
}

/// What time calls get that ask for nothing, nothing again, 30 s and 90 s.
async fn granted(name: &str, limits: TimeLimits, of_method: Option<TimeLimits>) -> [Option<u64>; 4] {
    let (watching, channels) = channels(name, limits, of_method).await;
    for channel in channels {
        let greeter = GreeterClient::new(channel);
        for timeout in [None, None, Some(30 * SECOND), Some(90 * SECOND)] {
            let call = greeter.say_hello(HelloRequest::default());
            timeout.into_iter().fold(call, |call, timeout| call.timeout(timeout)).await.unwrap();
        }
    }
    let seen = std::mem::take(&mut *watching.0.lock().unwrap());
    assert_eq!(seen[..4], seen[4..], "over a connection as within the process");
    [seen[0], seen[1], seen[2], seen[3]]
}

#[tokio::test(start_paused = true)]
async fn calls_have_what_their_client_wants_within_the_servers_limits() {
    let none = TimeLimits::none();
    let both = none.default_timeout(10 * SECOND).max_timeout(60 * SECOND);
    assert_eq!(granted("none", none, None).await, [None, None, Some(30), Some(90)]);
    assert_eq!(granted("both", both, None).await, [Some(10), Some(10), Some(30), Some(60)]);
    assert_eq!(granted("max", none.max_timeout(60 * SECOND), None).await, [Some(60), Some(60), Some(30), Some(60)]);
    assert_eq!(granted("free", both, Some(none)).await, [None, None, Some(30), Some(90)]);
    let short = none.max_timeout(5 * SECOND);
    assert_eq!(granted("method", none, Some(short)).await, [Some(5); 4], "the method's limits alone");
}

#[tokio::test(start_paused = true)]
async fn a_call_over_the_servers_limit_fails_and_says_whose_limit_it_was() {
    let limits = TimeLimits::none().default_timeout(10 * SECOND).max_timeout(60 * SECOND);
    let (_, channels) = channels("over", limits, None).await;
    for channel in channels {
        let greeter = GreeterClient::new(channel);
        for (timeout, after) in [(None, 10), (Some(90 * SECOND), 60)] {
            let began = Instant::now();
            let call = greeter.say_hello(HelloRequest::default().with_name("hang"));
            let call = timeout.into_iter().fold(call, |call, timeout| call.timeout(timeout));
            let status = call.await.unwrap_err();
            assert_eq!((status.code(), began.elapsed().as_secs()), (Code::DeadlineExceeded, after));
            assert_eq!(status.message(), "the call's deadline passed on the server, which limits the time of calls");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn health_may_be_watched_for_ever() {
    let (_, [channel, _]) = channels("health", TimeLimits::none().max_timeout(SECOND), None).await;
    let health = HealthClient::new(channel);
    let mut states = health.watch("").await.unwrap();
    states.next().await.unwrap().unwrap();
    tokio::time::timeout(60 * 60 * SECOND, states.next()).await.unwrap_err();
}

#[tokio::test]
async fn limits_of_a_method_that_no_service_has_keep_the_server_from_starting() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let server = server.method_time_limits("greeter.Greeter/SayHelo", TimeLimits::none());
    let status = server.serve(GreeterServer::new(MyGreeter)).await.unwrap_err();
    assert_eq!(status.to_string(), "no service here has the method greeter.Greeter/SayHelo (NOT_FOUND)");
}
