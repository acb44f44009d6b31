//! Health checks over sockets and in process: states, watches, probes, and who may ask.

use std::sync::{Arc, Mutex};

use halloo::health::{Health, HealthCheckResponse, HealthClient, ServingStatus};
use halloo::stats::{StatsEvent, StatsHandler};
use halloo::{Channel, Code, MessageReceiver, Server};
use halloo_tests::{Letter, PostServer};

use crate::raw::{Raw, call_fields_to};
use crate::support::office::Office;
use crate::support::rig::{Rig, Setup, Transport, serve, target};
use crate::support::soon;
use crate::{channel, gatekeeper, guarded, in_process};

async fn check(client: &HealthClient, service: &str) -> Result<ServingStatus, Code> {
    match soon(client.check(service).into_future()).await {
        Ok(reply) => Ok(reply.status.as_known().unwrap()),
        Err(status) => Err(status.code()),
    }
}

pub(crate) async fn next(watch: &mut MessageReceiver<HealthCheckResponse>) -> Result<ServingStatus, Code> {
    match soon(watch.next()).await {
        Ok(Some(response)) => Ok(response.status.as_known().unwrap()),
        Ok(None) => panic!("a watch ends with an error, if at all"),
        Err(status) => Err(status.code()),
    }
}

/// A client of a server's health and the handle to it, over each way.
async fn everywhere() -> Vec<(HealthClient, Health, Option<Rig>)> {
    let health = Health::default();
    let mut found = vec![(HealthClient::new(in_process(&health)), health, None)];
    for transport in [Transport::Tcp, Transport::Unix] {
        let (sender, receiver) = std::sync::mpsc::channel();
        let setup = Setup::new(transport).server(move |server| {
            sender.send(server.health()).unwrap();
            server
        });
        let rig = setup.rig().await;
        found.push((HealthClient::new(channel(&rig).await), receiver.recv().unwrap(), Some(rig)));
    }
    found
}

#[tokio::test]
async fn a_server_and_its_services_serve_unless_something_else_is_said() {
    for (client, health, rig) in everywhere().await {
        assert_eq!(check(&client, "").await, Ok(ServingStatus::SERVING));
        assert_eq!(check(&client, "post.Post").await, Ok(ServingStatus::SERVING));
        health.set_not_serving("post.Post");
        assert_eq!(check(&client, "post.Post").await, Ok(ServingStatus::NOT_SERVING));
        assert_eq!(check(&client, "").await, Ok(ServingStatus::SERVING));
        health.set_not_serving("");
        assert_eq!(check(&client, "").await, Ok(ServingStatus::NOT_SERVING));
        drop((client, rig));
    }
}

#[tokio::test]
async fn an_unknown_service_is_not_found_and_its_name_repeated() {
    for (client, _, rig) in everywhere().await {
        let status = soon(client.check("no.Body").into_future()).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::NotFound, "unknown service \"no.Body\""));
        drop(rig);
    }
}

#[tokio::test]
async fn a_watch_follows_a_service_that_becomes_known() {
    for (client, health, rig) in everywhere().await {
        let mut watch = client.watch("a.Later").await.unwrap();
        assert_eq!(next(&mut watch).await, Ok(ServingStatus::SERVICE_UNKNOWN));
        health.set_not_serving("a.Later");
        assert_eq!(next(&mut watch).await, Ok(ServingStatus::NOT_SERVING));
        health.set_serving("a.Later");
        assert_eq!(next(&mut watch).await, Ok(ServingStatus::SERVING));
        health.clear("a.Later");
        assert_eq!(next(&mut watch).await, Ok(ServingStatus::SERVICE_UNKNOWN));
        drop(watch);
        soon(health.unwatched()).await;
        drop(rig);
    }
}

#[tokio::test]
async fn a_list_names_everything_up_to_a_hundred() {
    for (client, health, rig) in everywhere().await {
        health.set_not_serving("a.Later");
        let mut found: Vec<_> = client.list().await.unwrap().into_message().statuses.into_iter().collect();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let found: Vec<_> = found.into_iter().map(|(name, one)| (name, one.status.as_known().unwrap())).collect();
        let expected = [
            (String::new(), ServingStatus::SERVING),
            ("a.Later".into(), ServingStatus::NOT_SERVING),
            ("post.Post".into(), ServingStatus::SERVING),
        ];
        assert_eq!(found, expected);
        (0..98).for_each(|number| health.set_serving(number.to_string()));
        assert_eq!(client.list().await.unwrap_err().code(), Code::ResourceExhausted);
        drop(rig);
    }
}

#[tokio::test]
async fn what_is_said_before_a_server_serves_holds() {
    let setup = Setup::new(Transport::Tcp).server(|server| {
        server.health().set_not_serving("");
        server.health().set_not_serving("post.Post");
        server
    });
    let rig = setup.rig().await;
    let client = HealthClient::new(channel(&rig).await);
    assert_eq!(check(&client, "").await, Ok(ServingStatus::NOT_SERVING));
    assert_eq!(check(&client, "post.Post").await, Ok(ServingStatus::NOT_SERVING));
    // It serves nevertheless: who comes is welcome.
    rig.client.answer(Letter::default().with_text("hello")).await.unwrap();
    drop(client);
    rig.end().await;
}

/// A Kubernetes probe: one Check in plaintext, with the name of a service or an empty message, and no token.
#[tokio::test]
async fn a_probe_without_a_token_passes_the_interceptors() {
    let rig = guarded().await;
    let refused = rig.client.answer(Letter::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut raw = Raw::open(&rig).await;
    let fields = call_fields_to("/grpc.health.v1.Health/Check", &[("user-agent", "kube-probe/1.34 grpc-go/1.74")]);
    raw.call(1, &fields, &[0, 0, 0, 0, 0]).await;
    let serving = [0, 0, 0, 0, 2, 0x08, 1];
    let response = raw.response(1).await;
    assert_eq!((response.status().as_str(), &response.data[..]), ("0 ", &serving[..]));
    raw.call(3, &fields, b"\0\0\0\0\x0b\x0a\x09post.Post").await;
    let response = raw.response(3).await;
    assert_eq!((response.status().as_str(), &response.data[..]), ("0 ", &serving[..]));
    raw.call(5, &fields, b"\0\0\0\0\x05\x0a\x03huh").await;
    assert_eq!(raw.response(5).await.status(), "5 unknown service \"huh\"");
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn the_handle_as_an_ordinary_service_is_seen_by_interceptors() {
    let server = Server::bind("127.0.0.1:0").await.unwrap().intercept(gatekeeper());
    let server = server.shutdown_on(std::future::pending());
    let (address, handle, health) = (target(&server), server.handle(), server.health());
    let serving = tokio::spawn(server.serve((PostServer::new(Office::default()), health)));
    let client = HealthClient::connect(address).await.unwrap();
    assert_eq!(check(&client, "").await, Err(Code::Unauthenticated));
    let reply = client.check("post.Post").metadata("authorization", "token").await.unwrap();
    assert_eq!(reply.status, ServingStatus::SERVING);
    let all = client.list().metadata("authorization", "token").await.unwrap();
    assert_eq!(all.statuses.len(), 2, "the server and its post office: {all:?}");
    handle.shutdown();
    soon(serving).await.unwrap().unwrap();
}

#[tokio::test]
async fn another_server_may_answer_for_one_that_probes_cannot_reach() {
    let guarded = Server::bind("127.0.0.1:0").await.unwrap();
    let probes = Server::bind("127.0.0.1:0").await.unwrap().shutdown_on(std::future::pending());
    let (health, address, probes_handle) = (guarded.health(), target(&probes), probes.handle());
    let probing = tokio::spawn(probes.serve(health));
    let guarded = serve(guarded, Office::default());
    let client = HealthClient::connect(address).await.unwrap();
    let mut watch = client.watch("post.Post").await.unwrap();
    while next(&mut watch).await != Ok(ServingStatus::SERVING) {}
    guarded.end().await;
    assert_eq!(next(&mut watch).await, Ok(ServingStatus::NOT_SERVING));
    assert_eq!(check(&client, "").await, Ok(ServingStatus::NOT_SERVING));
    probes_handle.shutdown();
    soon(probing).await.unwrap().unwrap();
}

#[tokio::test]
async fn health_checks_can_be_turned_off() {
    let rig = Setup::new(Transport::Tcp).server(|server| server.health_checks(false)).rig().await;
    let client = HealthClient::new(channel(&rig).await);
    assert_eq!(check(&client, "").await, Err(Code::Unimplemented));
    drop(client);
    rig.end().await;
}

#[tokio::test]
async fn a_stats_hook_sees_health_checks_as_calls() {
    #[derive(Default)]
    struct Methods(Mutex<Vec<String>>);
    impl StatsHandler for Methods {
        fn on_event(&self, event: &StatsEvent<'_>) {
            if let StatsEvent::CallStarted { method, .. } = event {
                self.0.lock().unwrap().push(method.full_name().to_owned());
            }
        }
    }
    let seen = Arc::<Methods>::default();
    let stats = Arc::clone(&seen);
    let rig = Setup::new(Transport::Tcp).server(|server| server.stats(stats)).rig().await;
    let client = HealthClient::new(channel(&rig).await);
    assert_eq!(check(&client, "").await, Ok(ServingStatus::SERVING));
    assert_eq!(*seen.0.lock().unwrap(), ["grpc.health.v1.Health/Check"]);
    drop(client);
    rig.end().await;
}

#[tokio::test]
async fn watchers_are_as_many_as_streams_and_leave_nothing_behind() {
    let health = Health::default();
    let client = HealthClient::new(in_process(&health));
    let mut watches = Vec::new();
    for _ in 0..500 {
        let mut watch = client.watch("").await.unwrap();
        assert_eq!(next(&mut watch).await, Ok(ServingStatus::SERVING));
        watches.push(watch);
    }
    health.set_not_serving("");
    for watch in &mut watches {
        assert_eq!(next(watch).await, Ok(ServingStatus::NOT_SERVING));
    }
    drop(watches);
    soon(health.unwatched()).await;
}

#[tokio::test]
async fn names_that_are_too_long_to_keep_are_refused() {
    let health = Health::default();
    let client = HealthClient::new(in_process(&health));
    let refused = soon(client.watch("x".repeat(2000)).into_future()).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    soon(health.unwatched()).await;
    let channel = Channel::in_process(halloo::Router::new(PostServer::new(Office::default())));
    assert_eq!(check(&HealthClient::new(channel), "").await, Err(Code::Unimplemented));
}
