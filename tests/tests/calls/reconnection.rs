//! Servers that go away and come back, as their clients see it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use halloo::client::{Backoff, ConnectivityState};
use halloo::{Channel, Code, Server, Status};
use halloo_tests::{Letter, PostClient};
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;

use crate::support::office::Office;
use crate::support::rig::{Serving, serve};
use crate::support::{shown, soon};

fn letter(text: &str) -> Letter {
    Letter::default().with_text(text)
}

/// A server on a loopback address of its own, so that its port is still free when it comes back.
async fn server_at(address: &str, office: Office) -> (Serving, String) {
    let server = Server::bind(address).await.unwrap();
    let address = server.address().to_string();
    (serve(server, office), address)
}

/// A client that comes back quickly.
fn client_of(target: &str, pause: Duration) -> PostClient {
    let backoff = Backoff::new().initial(pause).max(pause).jitter(0.0);
    PostClient::new(Channel::builder(target).backoff(backoff).build().unwrap())
}

/// Waits until the channel has left `state`.
async fn leave(client: &PostClient, state: ConnectivityState) -> ConnectivityState {
    soon(client.channel().wait_for_state_change(state)).await
}

#[tokio::test]
async fn a_client_finds_a_server_that_came_back() {
    let (first, address) = server_at("127.40.0.1:0", Office::default()).await;
    let client = client_of(&address, Duration::from_millis(5));
    for _ in 0..3 {
        client.answer(letter("x")).await.unwrap();
    }
    first.end().await;
    for _ in 0..3 {
        let (serving, _) = server_at(&address, Office::default()).await;
        // The client may still be waiting out its pause; it is ready soon.
        soon(async { while client.channel().ready().await.is_err() {} }).await;
        assert_eq!(client.answer(letter("back")).await.unwrap().text, "back");
        serving.end().await;
    }
}

#[tokio::test]
async fn an_idle_channel_connects_for_the_next_call() {
    let (first, address) = server_at("127.40.0.2:0", Office::default()).await;
    let client = client_of(&address, Duration::from_secs(1000));
    client.answer(letter("x")).await.unwrap();
    first.end().await;
    assert_eq!(leave(&client, ConnectivityState::Ready).await, ConnectivityState::Idle);
    let (second, _) = server_at(&address, Office::default()).await;
    assert_eq!(client.answer(letter("y")).await.unwrap().text, "y");
    second.end().await;
}

#[tokio::test]
async fn calls_fail_at_once_while_the_server_is_down() {
    let (serving, address) = server_at("127.40.0.3:0", Office::default()).await;
    serving.end().await;
    let client = client_of(&address, Duration::from_secs(1000));
    let expected = "cannot reach PLACE: connection refused (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    PLACE connection refused (_ ms)\n  \
         hint     nothing listens there; start the server, or check host and port";
    let check = |status: &Status| assert_eq!(shown(status).replace(&address, "PLACE"), expected);
    check(&client.answer(letter("x")).await.unwrap_err());
    assert_eq!(client.channel().state(), ConnectivityState::TransientFailure);
    // The pause until the next attempt is long; the calls do not wait for it.
    let began = Instant::now();
    for _ in 0..100 {
        check(&client.answer(letter("x")).timeout(Duration::from_secs(100)).await.unwrap_err());
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(client.follow(letter("x")).await.map(drop).unwrap_err().code(), Code::Unavailable);
    assert_eq!(client.collect().await.map(drop).unwrap_err().code(), Code::Unavailable);
    assert_eq!(client.chat().await.map(drop).unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn attempts_go_on_by_themselves_after_a_failure() {
    let (serving, address) = server_at("127.40.0.4:0", Office::default()).await;
    serving.end().await;
    let client = client_of(&address, Duration::from_millis(5));
    client.answer(letter("x")).await.unwrap_err();
    let (serving, _) = server_at(&address, Office::default()).await;
    // No call asks for it.
    let mut state = client.channel().state();
    while state != ConnectivityState::Ready {
        state = leave(&client, state).await;
    }
    assert_eq!(client.answer(letter("x")).await.unwrap().text, "x");
    serving.end().await;
}

/// Passes one connection on to `server` once it is told to.
async fn gatekeeper(server: SocketAddr) -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (open, opened) = oneshot::channel();
    tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        opened.await.unwrap();
        let mut far = TcpStream::connect(server).await.unwrap();
        // How it ends is the test's business.
        let _ = copy_bidirectional(&mut near, &mut far).await;
    });
    (address, open)
}

#[tokio::test]
async fn calls_wait_while_the_channel_connects() {
    let office = Office::default();
    let seen = office.seen.clone();
    let (serving, address) = server_at("127.0.0.1:0", office).await;
    let (gate, open) = gatekeeper(address.parse().unwrap()).await;
    let client = client_of(&gate, Duration::from_secs(1000));
    let waiting: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.answer(letter("patient")).await })
        })
        .collect();
    assert_eq!(leave(&client, ConnectivityState::Idle).await, ConnectivityState::Connecting);
    // A call with too little time says what it has waited for; one that is dropped leaves nothing.
    let status = client.answer(letter("hasty")).timeout(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(
        shown(&status).replace(&gate, "PLACE"),
        "deadline of 20 ms passed (DEADLINE_EXCEEDED)\n  \
         calling  post.Post/Answer\n  \
         spent    waiting for a connection to PLACE for _ ms"
    );
    tokio::time::timeout(Duration::ZERO, client.answer(letter("dropped")).into_future()).await.unwrap_err();
    assert_eq!(*seen.started.borrow(), 0);
    open.send(()).unwrap();
    for call in waiting {
        assert_eq!(soon(call).await.unwrap().unwrap().text, "patient");
    }
    assert_eq!(*seen.started.borrow(), 10);
    drop(client);
    serving.end().await;
}

#[tokio::test]
async fn running_calls_end_while_a_server_drains_and_others_go_to_the_next() {
    let office = Office::default();
    let seen = office.seen.clone();
    let (old, address) = server_at("127.40.0.5:0", office).await;
    let client = client_of(&address, Duration::from_millis(5));
    let unary = tokio::spawn({
        let client = client.clone();
        async move { client.answer(letter("gate")).await }
    });
    let (mut requests, mut replies) = client.chat().await.unwrap();
    requests.send(letter("one")).await.unwrap();
    replies.next().await.unwrap().unwrap();
    seen.running(2).await;

    old.handle.shutdown();
    assert_eq!(leave(&client, ConnectivityState::Ready).await, ConnectivityState::Idle);
    let new_office = Office::default();
    let new_seen = new_office.seen.clone();
    let (new, _) = server_at(&address, new_office).await;
    assert_eq!(client.answer(letter("x")).await.unwrap().text, "x");
    assert_eq!((*seen.started.borrow(), *new_seen.started.borrow()), (2, 1));

    requests.send(letter("two")).await.unwrap();
    assert_eq!(soon(replies.next()).await.unwrap().unwrap().text, "two");
    requests.finish();
    assert_eq!(soon(replies.next()).await.unwrap(), None);
    assert!(!old.ended.is_finished());
    seen.gate.add_permits(1);
    assert_eq!(soon(unary).await.unwrap().unwrap().text, "gate");
    soon(old.ended).await.unwrap().unwrap();
    drop(client);
    new.end().await;
}

#[tokio::test]
async fn a_drain_limit_cancels_what_still_runs() {
    let office = Office::default();
    let seen = office.seen.clone();
    let server = Server::bind("127.0.0.1:0").await.unwrap().drain(Duration::from_millis(20));
    let address = server.address().to_string();
    let client = client_of(&address, Duration::from_secs(1000));
    let serving = serve(server, office);
    let call = tokio::spawn(async move { client.answer(letter("tell")).await });
    seen.running(1).await;
    serving.end().await;
    assert_eq!(
        shown(&soon(call).await.unwrap().unwrap_err()).replace(&address, "PLACE"),
        "the server at PLACE ended the connection in the middle of the call: \
         it is going away, GOAWAY NO_ERROR (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         hint     call again: the channel connects anew by itself"
    );
    seen.told(1).await;
    seen.running(0).await;
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_of_a_call_is_named() {
    let office = Office::default();
    let seen = office.seen.clone();
    let (serving, address) = server_at("127.0.0.1:0", office).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let (kill, killed) = oneshot::channel::<()>();
    let between = tokio::spawn(async move {
        let (mut near, _) = listener.accept().await.unwrap();
        let mut far = TcpStream::connect(&address).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut near, &mut far) => {}
            _ = killed => {}
        }
        // As the system does for a process that is gone. What the client says then nobody reads.
        near.shutdown().await.unwrap();
        let _ = tokio::io::copy(&mut near, &mut tokio::io::sink()).await;
    });
    let client = client_of(&place, Duration::from_secs(1000));
    let call = tokio::spawn(async move { client.answer(letter("tell")).await });
    seen.running(1).await;
    kill.send(()).unwrap();
    assert_eq!(
        shown(&soon(call).await.unwrap().unwrap_err()).replace(&place, "PLACE"),
        "the connection to PLACE broke in the middle of the call: the server closed it without a word (no GOAWAY) \
         (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         hint     call again: the channel connects anew by itself"
    );
    soon(between).await.unwrap();
    serving.end().await;
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses() {
    let (serving, address) = server_at("127.0.0.1:0", Office::default()).await;
    let port = address.rsplit_once(':').unwrap().1;
    // The port is this server's on one address only.
    let target = format!("ipv4:127.40.0.6:{port},127.40.0.7:{port},{address}");
    let client = client_of(&target, Duration::from_secs(1000));
    assert_eq!(client.answer(letter("x")).await.unwrap().text, "x");
    drop(client);
    serving.end().await;
}

#[tokio::test]
async fn localhost_is_found_on_either_family() {
    for bound in ["127.0.0.1:0", "[::]:0"] {
        let (serving, address) = server_at(bound, Office::default()).await;
        let port = address.rsplit_once(':').unwrap().1;
        let client = client_of(&format!("http://localhost:{port}"), Duration::from_secs(1000));
        assert_eq!(client.answer(letter("x")).await.unwrap().text, "x");
        drop(client);
        serving.end().await;
    }
}
