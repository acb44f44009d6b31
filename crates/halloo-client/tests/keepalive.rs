//! Connections that lose their network, and those that nobody uses, with tokio's clock stopped. Unix sockets, because
//! what is written to one can be read at once: time never runs ahead of bytes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod common;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::{CHAT, SAY, Talk};
use halloo_client::{Channel, ChannelBuilder, ConnectivityState};
use halloo_core::Code;
use halloo_transport::{AcceptedSocket, Http2Config, ListenAddress, Listener, ServerConnection};
use tokio::io::copy_bidirectional;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::Instant;

/// A server of `Talk`, and a network in front of it that can go silent.
struct Network {
    target: String,
    /// The connections made so far.
    connections: Arc<AtomicUsize>,
    /// Connections up to this number carry no byte any more, and are not closed either.
    silent: watch::Sender<usize>,
}

impl Network {
    fn new(name: &str, config: Http2Config) -> Self {
        let server = path(&format!("{name}-server"));
        serve(&server, config);
        let relay = path(name);
        let listener = UnixListener::bind(&relay).unwrap();
        let network = Self {
            target: format!("unix:{}", relay.display()),
            connections: Arc::default(),
            silent: watch::Sender::new(0),
        };
        let (connections, silent) = (Arc::clone(&network.connections), network.silent.clone());
        tokio::spawn(async move {
            loop {
                let (mut near, _) = listener.accept().await.unwrap();
                let number = connections.fetch_add(1, Ordering::SeqCst) + 1;
                let mut far = UnixStream::connect(&server).await.unwrap();
                let mut silent = silent.subscribe();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => return,
                        _ = silent.wait_for(|silent| *silent >= number) => {}
                    }
                    // Both ends stay open, and nothing moves between them.
                    std::future::pending::<()>().await;
                    drop((near, far));
                });
            }
        });
        network
    }

    fn builder(&self) -> ChannelBuilder {
        Channel::builder(&self.target)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn go_silent(&self) {
        self.silent.send_replace(self.connections());
    }
}

fn path(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("halloo-{name}-{}.sock", std::process::id()));
    // Left over from a run with the same process id; usually there is none.
    let _ = std::fs::remove_file(&path);
    path
}

fn serve(path: &std::path::Path, config: Http2Config) {
    let listener = Listener::bind(&ListenAddress::Unix(path.to_owned())).unwrap();
    tokio::spawn(async move {
        loop {
            let accepted = listener.accept().await.unwrap();
            let AcceptedSocket::Unix(io) = accepted.socket else { unreachable!("it is a Unix socket") };
            let dispatch = Arc::new(Talk::default());
            tokio::spawn(ServerConnection::new(io, accepted.peer, config.clone(), dispatch));
        }
    });
}

async fn say(channel: &Channel) -> String {
    channel.unary(&SAY, "hello".into()).await.unwrap().into_message()
}

#[tokio::test(start_paused = true)]
async fn a_lost_network_is_noticed_and_the_next_call_connects_again() {
    let network = Network::new("lost", Http2Config::default());
    let channel = network.builder().keepalive(Duration::from_secs(60)).connect().await.unwrap();
    assert_eq!(say(&channel).await, "you said: hello");
    network.go_silent();
    let began = Instant::now();
    let status = channel.unary(&SAY, "hello".into()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    let address = &network.target;
    assert_eq!(
        status.message(),
        format!(
            "the connection to {address} broke in the middle of the call: no answer to a keepalive PING within 20 s"
        )
    );
    assert_eq!(began.elapsed().as_secs(), 80, "60 s of silence and 20 s for the answer");
    let again = Instant::now();
    assert_eq!(say(&channel).await, "you said: hello");
    assert_eq!(again.elapsed().as_secs(), 0, "without a pause");
    assert_eq!(network.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_lives_as_long_as_the_server_does() {
    let network = Network::new("stream", Http2Config::default());
    let channel = network.builder().keepalive(Duration::from_secs(600)).connect().await.unwrap();
    let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    tokio::time::advance(Duration::from_secs(60 * 60)).await;
    requests.send("one".into()).await.unwrap();
    assert_eq!(replies.next().await.unwrap().as_deref(), Some("re: one"));
    network.go_silent();
    let began = Instant::now();
    assert_eq!(replies.next().await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(began.elapsed().as_secs(), 620);
}

#[tokio::test(start_paused = true)]
async fn a_call_after_a_long_silence_asks_at_once() {
    let network = Network::new("dormant", Http2Config::default());
    let builder = network.builder().idle_timeout(Duration::MAX).keepalive(Duration::from_secs(60));
    let channel = builder.connect().await.unwrap();
    assert_eq!(say(&channel).await, "you said: hello");
    network.go_silent();
    tokio::time::advance(Duration::from_secs(24 * 60 * 60)).await;
    assert_eq!(channel.state(), ConnectivityState::Ready, "nobody asks without calls");
    let began = Instant::now();
    assert_eq!(channel.unary(&SAY, "hello".into()).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(began.elapsed().as_secs(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_calls_goes_idle_and_the_next_call_connects() {
    let network = Network::new("unused", Http2Config::default());
    let channel = network.builder().connect().await.unwrap();
    let (requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    tokio::time::advance(Duration::from_secs(60 * 60)).await;
    assert_eq!(channel.state(), ConnectivityState::Ready, "a call runs");
    requests.finish();
    assert_eq!(replies.next().await.unwrap(), None);
    let began = Instant::now();
    assert_eq!(channel.wait_for_state_change(ConnectivityState::Ready).await, ConnectivityState::Idle);
    assert_eq!(began.elapsed().as_secs(), 30 * 60);
    assert_eq!(say(&channel).await, "you said: hello");
    assert_eq!(network.connections(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_calls_it_asks_if_it_was_told_to() {
    let network = Network::new("idle", Http2Config::default());
    let builder = network.builder().keepalive(Duration::from_secs(60)).keepalive_timeout(Duration::from_secs(5));
    let channel = builder.keepalive_without_calls(true).connect().await.unwrap();
    network.go_silent();
    let began = Instant::now();
    assert_eq!(channel.wait_for_state_change(ConnectivityState::Ready).await, ConnectivityState::Idle);
    assert_eq!(began.elapsed().as_secs(), 65);
}

#[tokio::test(start_paused = true)]
async fn a_channel_asks_half_as_often_after_a_complaint() {
    let network = Network::new("complaint", Http2Config::default());
    let channel = network.builder().keepalive(Duration::from_secs(1)).connect().await.unwrap();
    let mut lived = Vec::new();
    // The server forgives two PINGs within five minutes; the fourth is one too many, for the first counts none.
    for _ in 0..3 {
        let began = Instant::now();
        let (_requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
        let status = replies.next().await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.message().contains("too_many_pings"), "{status}");
        lived.push(began.elapsed().as_secs());
    }
    assert_eq!(lived, [40, 80, 160], "10 s is the least interval, and doubles");
    assert_eq!(network.connections(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_complaints_of_several_connections_at_once_are_one() {
    let mut config = Http2Config::default();
    config.limits.max_concurrent_streams = 1;
    let network = Network::new("complaints", config);
    let channel = network.builder().keepalive(Duration::from_secs(1)).connect().await.unwrap();
    let mut lived = Vec::new();
    for _ in 0..2 {
        let began = Instant::now();
        let mut calls = Vec::new();
        for _ in 0..3 {
            calls.push(channel.bidi_streaming(&CHAT).await.unwrap());
        }
        for (_requests, mut replies) in calls {
            let status = replies.next().await.unwrap_err();
            assert!(status.message().contains("too_many_pings"), "{status}");
        }
        lived.push(began.elapsed().as_secs());
    }
    assert_eq!(network.connections(), 6);
    assert_eq!(lived, [40, 80]);
}
