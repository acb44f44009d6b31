//! Our client against our server: every case, without other programs; and that a case can fail.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use halloo::health::Health;
use halloo_interop::{CASES, Caller, Flags, SERVER_FLAGS, TestServer, bind, run};

async fn caller_of_a_server() -> Caller {
    caller_of_a_server_with(&[]).await
}

async fn caller_of_a_server_with(flags: &[&str]) -> Caller {
    let flags = ["--port=0"].iter().chain(flags).map(ToString::to_string);
    let flags = Flags::read(flags, &SERVER_FLAGS).unwrap();
    let server = bind(&flags).await.unwrap();
    let port = server.port();
    tokio::spawn(server.serve(TestServer::services()));
    caller(port)
}

fn caller(port: u16) -> Caller {
    let args = ["--server_host=127.0.0.1".to_owned(), format!("--server_port={port}")];
    Caller::new(&Flags::read(args, &Caller::FLAGS).unwrap()).unwrap()
}

#[tokio::test]
async fn our_client_and_our_server_pass_every_case() {
    let caller = caller_of_a_server().await;
    for case in CASES {
        if let Err(fault) = run(case, &caller).await {
            panic!("{case}: {fault}");
        }
    }
}

#[tokio::test]
async fn a_third_call_goes_by_another_connection_where_one_carries_two() {
    const CASE: &str = "max_concurrent_streams_connection_scaling";
    run(CASE, &caller_of_a_server_with(&["--use_mcs=true"]).await).await.unwrap();
    let fault = run(CASE, &caller_of_a_server().await).await.unwrap_err().to_string();
    assert!(fault.starts_with("the third call came by 127.0.0.1:"), "{fault}");
}

/// Those that pass are the ones that want nothing of a server; whether its answer beats a deadline of 1 ms is open.
#[tokio::test]
async fn a_server_without_the_service_passes_hardly_anything() {
    let server = halloo::Server::bind("127.0.0.1:0").await.unwrap();
    let caller = caller(server.port());
    tokio::spawn(server.serve(Health::default()));
    let mut passed = Vec::new();
    for case in CASES.into_iter().filter(|case| *case != "timeout_on_sleeping_server") {
        if run(case, &caller).await.is_ok() {
            passed.push(case);
        }
    }
    assert_eq!(passed, ["cancel_after_begin", "unimplemented_method", "unimplemented_service"]);
}

#[tokio::test]
async fn an_unknown_case_is_named() {
    let caller = caller_of_a_server().await;
    let fault = run("larg_unary", &caller).await.unwrap_err();
    assert_eq!(fault.to_string(), "our client has no case \"larg_unary\"");
}
