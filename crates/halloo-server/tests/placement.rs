//! Where handlers run: short ones in the connection's task, and none in another's way.

mod support;

use std::time::Duration;

use bytes::Bytes;
use halloo_call::Execution;
use halloo_core::Code;
use support::{BLOCK, CHAT, ECHO, HANG, call_of, deadline, rig, start, unary, unary_with};

fn is_inline(rig: &support::Rig, method: &str) -> bool {
    let executions = rig.handle.executions();
    executions.iter().any(|execution| execution.method == method && execution.is_inline)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_short_method_earns_inline_polling_and_a_slow_one_never_does() {
    let rig = rig(|server| server).await;
    assert!(!is_inline(&rig, "test.Service/Echo"), "the first calls are spawned");
    for _ in 0..200 {
        unary(&rig.connection, &ECHO, "x").await.unwrap();
        if is_inline(&rig, "test.Service/Echo") {
            break;
        }
    }
    assert!(is_inline(&rig, "test.Service/Echo"));
    for _ in 0..40 {
        unary(&rig.connection, &BLOCK, "x").await.unwrap();
    }
    assert!(!is_inline(&rig, "test.Service/Block"));
}

#[tokio::test]
async fn the_choice_can_be_fixed() {
    let rig = rig(|server| {
        server.execution("test.Service/Echo", Execution::Inline).execution("test.Service/Chat", Execution::Spawn)
    })
    .await;
    assert!(is_inline(&rig, "test.Service/Echo"));
    assert_eq!(unary(&rig.connection, &ECHO, "x").await.unwrap(), "x");
    assert!(!is_inline(&rig, "test.Service/Chat"));
}

#[tokio::test]
async fn a_method_that_nobody_has_cannot_be_placed() {
    let server = halloo_server::Server::bind("127.0.0.1:0").await.unwrap();
    let services = support::TestService(std::sync::Arc::default());
    let status = server.execution("test.Service/Nothing", Execution::Spawn).serve(services).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound);
    assert!(format!("{status:?}").contains("test.Service/Echo"), "{status:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn handlers_that_burn_or_never_end_hold_up_nobody_on_their_connection() {
    let rig = rig(|server| server).await;
    let mut slow = Vec::new();
    for _ in 0..2 {
        let connection = rig.connection.clone();
        slow.push(tokio::spawn(async move {
            for _ in 0..20 {
                unary(&connection, &BLOCK, "x").await.unwrap();
            }
        }));
    }
    let (mut requests, hanging) = start(&rig.connection, &HANG, call_of(&HANG));
    requests.send("x".into()).await.unwrap();
    requests.finish();
    rig.seen.hanging.notified().await;
    let (mut chat, mut replies) = start(&rig.connection, &CHAT, call_of(&CHAT));
    for index in 0..500 {
        let text = Bytes::from(index.to_string());
        chat.send(text.clone()).await.unwrap();
        assert_eq!(replies.next().await.unwrap().unwrap(), text);
        assert_eq!(unary(&rig.connection, &ECHO, text.clone()).await.unwrap(), text);
    }
    for task in slow {
        task.await.unwrap();
    }
    drop(hanging);
    rig.seen.dropped.notified().await;
}

#[tokio::test]
async fn an_inline_handler_that_is_not_ready_moves_to_a_task_of_its_own() {
    let rig = rig(|server| server.execution("test.Service/Hang", Execution::Inline)).await;
    let mut call = call_of(&HANG);
    call.set_deadline(Some(deadline(Duration::from_millis(50))));
    let waiting = tokio::spawn({
        let connection = rig.connection.clone();
        async move { unary_with(&connection, &HANG, call, "x").await }
    });
    rig.seen.hanging.notified().await;
    for _ in 0..10 {
        assert_eq!(unary(&rig.connection, &ECHO, "x").await.unwrap(), "x");
    }
    assert_eq!(waiting.await.unwrap().unwrap_err().code(), Code::DeadlineExceeded);
    rig.seen.dropped.notified().await;
}
