//! Services and methods that are given twice: a server does not begin to serve, a router refuses their calls.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::future::ready;

use bytes::Bytes;
use halloo::Channel;
use halloo_core::{Code, ServiceDescriptor, Status};
use halloo_server::{Methods, Router, Server, Service, Services};
use halloo_services::health::{HEALTH, Health};
use support::{ECHO, FAIL, NOBODY, TestService};

fn test_service() -> TestService {
    TestService(std::sync::Arc::default())
}

/// Has two handlers for one of its methods.
struct Doubled;

impl Service for Doubled {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &support::SERVICE
    }

    fn register(self, methods: &mut Methods) {
        for _ in 0..2 {
            methods.unary(&ECHO, |request| ready(Ok(request.into_message().into())));
        }
        methods.unary(&FAIL, |_| ready(Err(Status::aborted("as it should"))));
    }
}

/// A health service of the user's own.
struct OwnHealth;

impl Service for OwnHealth {
    fn descriptor(&self) -> &'static ServiceDescriptor {
        &HEALTH
    }

    fn register(self, _: &mut Methods) {}
}

/// How serving `services` ends: they are refused, or served until the server stops, which is at once.
async fn served(services: impl Services) -> String {
    let server = Server::bind("127.0.0.1:0").await.unwrap().shutdown_on(ready(()));
    server.serve(services).await.map_or_else(|status| format!("{status:?}"), |()| "served".into())
}

#[tokio::test]
async fn what_is_given_twice_is_not_served() {
    let refusal = |what: &str| {
        format!(
            "{what} was given to the server twice (ALREADY_EXISTS)\n  hint     give each service once, with one handler \
             for each of its methods"
        )
    };
    let health = Health::default();
    let rows = [
        (served(test_service()).await, "served".to_owned()),
        (served((test_service(), test_service())).await, refusal("the service test.Service")),
        (served((health.clone(), test_service(), health.clone())).await, refusal("the service grpc.health.v1.Health")),
        (served((OwnHealth, health.clone())).await, refusal("the service grpc.health.v1.Health")),
        (served(Doubled).await, refusal("the method test.Service/Echo")),
        // They take the place of the server's own.
        (served((OwnHealth, test_service())).await, "served".to_owned()),
        (served((health, test_service())).await, "served".to_owned()),
    ];
    for (ended, expected) in rows {
        assert_eq!(ended, expected);
    }
}

#[tokio::test]
async fn a_router_without_a_server_refuses_calls_to_what_it_has_twice() {
    let twice = Channel::in_process(Router::new((test_service(), test_service())));
    let doubled = Channel::in_process(Router::new(Doubled));
    for (channel, method, code, text) in [
        (&twice, &ECHO, Code::Internal, "the service test.Service was given to the server twice"),
        (&twice, &NOBODY, Code::Unimplemented, "this server has no handler for test.Service/Nobody"),
        (&doubled, &ECHO, Code::Internal, "the method test.Service/Echo was given to the server twice"),
        (&doubled, &FAIL, Code::Aborted, "as it should"),
    ] {
        let status = channel.unary(method, Bytes::new()).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (code, text));
    }
}
