//! Calls of Halloo's own client, over every way that calls have.

use halloo::compression::{Gzip, Level, Zstd};
use halloo::tower::ServerExt as _;
use halloo::{Channel, ChannelBuilder, Code, Router, Server};
use halloo_tests::{Letter, PostClient, PostServer};

use crate::service::{Bomb, Counted, Counts, Echo};
use crate::support::{axum, soon};

const ALGORITHMS: [&str; 4] = ["gzip", "deflate", "zstd", "x-own"];

fn parcel(bytes: usize) -> Letter {
    Letter::default().with_parcel(vec![7; bytes])
}

/// Serves on a port of the system's choice until the runtime ends.
async fn serve(configure: impl FnOnce(Server) -> Server) -> String {
    let server = configure(Server::bind("127.0.0.1:0").await.unwrap());
    let target = format!("http://127.0.0.1:{}", server.port());
    tokio::spawn(server.serve(PostServer::new(Echo)));
    target
}

/// A channel over each transport, to servers which compress with `name`, and what they have counted.
async fn channels(name: &str) -> Vec<(&'static str, ChannelBuilder, std::sync::Arc<Counts>)> {
    let mut channels = Vec::new();
    for transport in ["tcp", "layered", "axum", "in process"] {
        let (algorithm, counts) = Counted::new(name);
        let builder = match transport {
            "tcp" => Channel::builder(serve(|server| server.compress(algorithm)).await),
            "layered" => {
                Channel::builder(serve(|server| server.compress(algorithm).layer(tower_layer::Identity::new())).await)
            }
            _ => {
                let compressor =
                    halloo::compression::Compressor { algorithm: std::sync::Arc::new(algorithm), min_bytes: 1024 };
                let router = Router::new(PostServer::new(Echo)).compressor(compressor);
                if transport == "axum" {
                    Channel::builder(axum::serve(router).await)
                } else {
                    ChannelBuilder::in_process(router)
                }
            }
        };
        channels.push((transport, builder, counts));
    }
    channels
}

#[tokio::test]
async fn every_algorithm_works_both_ways() {
    for name in ALGORITHMS {
        for (transport, builder, server) in channels(name).await {
            eprintln!("{name} over {transport}");
            let (algorithm, client) = Counted::new(name);
            let (own, _) = Counted::new(name);
            let channel = builder.compress(algorithm).accept_compression(own).build().unwrap();
            // What compresses by default is what reads, too, unless it is replaced.
            let post = PostClient::new(channel);
            let letter = parcel(100_000);
            let reply = soon(post.answer(letter.clone()).into_future()).await.unwrap();
            assert!(!reply.headers().contains("grpc-encoding"), "it is no metadata");
            assert_eq!(reply.into_message(), letter);
            assert_eq!((client.take().0, server.take()), (1, (1, 1)), "unary");

            let (mut requests, mut replies) = soon(post.chat().into_future()).await.unwrap();
            for text in ["", "plain", ""] {
                let letter = letter.clone().with_text(text);
                if text == "plain" {
                    requests.send_uncompressed(letter.clone()).await.unwrap();
                } else {
                    requests.send(letter.clone()).await.unwrap();
                }
                assert_eq!(soon(replies.next()).await.unwrap(), Some(letter));
            }
            requests.finish();
            assert_eq!(soon(replies.next()).await.unwrap(), None);
            assert_eq!((client.take().0, server.take()), (2, (2, 2)), "mixed");
        }
    }
}

#[tokio::test]
async fn small_messages_and_those_that_would_grow_stay_as_they_are() {
    let (algorithm, server) = Counted::new("gzip");
    let target = serve(|server| server.compress(algorithm).compress_min_bytes(5000)).await;
    let (algorithm, client) = Counted::new("gzip");
    let channel = Channel::builder(&target).compress(algorithm).build().unwrap();
    let post = PostClient::new(channel);
    // The parcel's own bytes and three or four around them.
    for (bytes, sent) in [(100, 0), (1020, 0), (1021, 1), (4996, 1), (4997, 2)] {
        assert_eq!(post.answer(parcel(bytes)).await.unwrap().parcel.len(), bytes);
        let (requests, replies) = (client.take().0, server.take().0);
        assert_eq!(requests + replies, sent, "{bytes}");
    }
    let mixed: Vec<u8> = (0..4000_u32).map(|number| (number.wrapping_mul(2_654_435_769) >> 13) as u8).collect();
    let letter = Letter::default().with_parcel(mixed);
    assert_eq!(post.answer(letter.clone()).await.unwrap().into_message(), letter);
    assert_eq!(client.take().0, 1);
}

#[tokio::test]
async fn a_call_chooses_for_itself() {
    let (algorithm, server) = Counted::new("gzip");
    let target = serve(|server| server.accept_compression(algorithm)).await;
    let post = PostClient::new(Channel::builder(&target).build().unwrap());
    post.answer(parcel(5000)).await.unwrap();
    assert_eq!(server.take(), (0, 0));
    post.answer(parcel(5000)).compress(Gzip).await.unwrap();
    assert_eq!(server.take(), (0, 1));
    let level: Level<Gzip> = Gzip::level(1);
    post.answer(parcel(5000)).compress(level).await.unwrap();
    assert_eq!(server.take(), (0, 1));
    let compressing = PostClient::new(Channel::builder(&target).compress(Gzip).build().unwrap());
    compressing.answer(parcel(5000)).uncompressed().await.unwrap();
    assert_eq!(server.take(), (0, 0));
    compressing.answer(parcel(5000)).compress(Zstd).await.unwrap();
    assert_eq!(server.take(), (0, 0));
    let (mut requests, reply) = compressing.collect().await.unwrap();
    requests.send_all([parcel(5000), parcel(10), parcel(3000)]).await.unwrap();
    requests.finish();
    assert_eq!(reply.await.unwrap().number, 8010);
    assert_eq!(server.take(), (0, 2));
}

#[tokio::test]
async fn a_handler_chooses_for_itself() {
    let target = serve(|server| server.compress(Gzip)).await;
    let (algorithm, gzip) = Counted::new("gzip");
    let (own_zstd, zstd) = Counted::new("zstd");
    let builder = Channel::builder(&target).accept_compression(algorithm).accept_compression(own_zstd);
    let post = PostClient::new(builder.build().unwrap());
    for (text, expected) in [("", (1, 0)), ("plain", (0, 0)), ("gzip", (1, 0)), ("zstd", (0, 1))] {
        post.answer(parcel(5000).with_text(text)).await.unwrap();
        assert_eq!((gzip.take().1, zstd.take().1), expected, "{text}");
    }
    for (text, expected) in [("", (1, 0)), ("zstd", (0, 1))] {
        let mut replies = post.follow(parcel(5000).with_text(text)).await.unwrap();
        while replies.next().await.unwrap().is_some() {}
        assert_eq!((gzip.take().1, zstd.take().1), expected, "{text}");
    }
    // A client that accepts nothing gets what it can read.
    let post = PostClient::new(Channel::builder(&target).accept_no_compression().build().unwrap());
    for text in ["", "gzip"] {
        post.answer(parcel(5000).with_text(text)).await.unwrap();
    }
}

#[tokio::test]
async fn limits_are_of_the_message_as_it_was() {
    let target = serve(|server| server.max_request_bytes(10_000)).await;
    let post = PostClient::new(Channel::builder(&target).build().unwrap());
    let status = post.answer(parcel(10_000)).compress(Gzip).await.unwrap_err();
    let expected = "request is more than 10000 bytes when it is decompressed, this server's max_request_bytes";
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, expected));
    post.answer(parcel(9_997)).compress(Zstd).await.unwrap();
    // What this side sends counts before it is compressed.
    let post = PostClient::new(Channel::builder(&target).max_request_bytes(100).compress(Gzip).build().unwrap());
    let status = post.answer(parcel(10_000)).await.unwrap_err();
    assert_eq!(status.message(), "request is 10003 bytes, this client's max_request_bytes is 100");
}

/// A GiB of zeros within a MiB, both ways. How far it unfolds is counted in the tests of `halloo-call`.
#[tokio::test]
async fn bombs_are_stopped() {
    let target = serve(|server| server).await;
    let post = PostClient::new(Channel::builder(&target).build().unwrap());
    let status = soon(post.answer(parcel(2 << 20)).compress(Bomb::new()).into_future()).await.unwrap_err();
    let expected = "request is more than 4194304 bytes when it is decompressed, this server's max_request_bytes";
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, expected));
    let status = soon(post.answer(Letter::default().with_text("bomb")).into_future()).await.unwrap_err();
    let expected = "reply is more than 4194304 bytes when it is decompressed, which is what this client accepts";
    assert_eq!((status.code(), status.message()), (Code::ResourceExhausted, expected));
}

#[tokio::test]
async fn a_server_that_does_not_know_the_algorithm_says_what_it_knows() {
    let target = serve(Server::accept_no_compression).await;
    let post = PostClient::new(Channel::builder(&target).compress(Gzip).build().unwrap());
    let status = post.answer(parcel(5000)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert_eq!(status.message(), "this server cannot read messages in grpc-encoding gzip; it accepts: identity");
}
