//! What calls cost on the wire, counted between a client and a server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use device::{Greeter, GreeterClient, GreeterServer, HelloReply, HelloRequest};
use halloo::{Channel, Request, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

struct MyGreeter;

impl Greeter for MyGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> halloo::Result<HelloReply> {
        Ok(HelloReply::default().with_message(format!("Hello, {}!", request.name)).into())
    }
}

/// Bytes that went through, by direction.
#[derive(Default)]
struct Counted {
    sent: AtomicUsize,
    received: AtomicUsize,
}

impl Counted {
    fn take(&self) -> (usize, usize) {
        (self.sent.swap(0, Ordering::SeqCst), self.received.swap(0, Ordering::SeqCst))
    }
}

async fn relay(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, count: impl Fn(usize)) {
    let mut buffer = [0; 4096];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => {
                // Counted before it goes on, so that whoever has it finds it counted.
                count(read);
                if to.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// A relay to `port`: its own port, and what it counts.
async fn counting_relay(port: u16) -> (u16, Arc<Counted>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let counted = Arc::new(Counted::default());
    let counts = Arc::clone(&counted);
    tokio::spawn(async move {
        let (client, _) = listener.accept().await.unwrap();
        let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let (client_reads, client_writes) = client.into_split();
        let (server_reads, server_writes) = server.into_split();
        let sent = Arc::clone(&counts);
        tokio::spawn(relay(client_reads, server_writes, move |bytes| {
            sent.sent.fetch_add(bytes, Ordering::SeqCst);
        }));
        relay(server_reads, client_writes, |bytes| {
            counts.received.fetch_add(bytes, Ordering::SeqCst);
        })
        .await;
    });
    (own, counted)
}

/// The same call as JSON over HTTP/1.1, as curl asks and an axum application answers.
const JSON_REQUEST: &str = "POST /hello HTTP/1.1\r\nHost: 127.0.0.1:50051\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
    Content-Type: application/json\r\nContent-Length: 14\r\n\r\n{\"name\":\"Ada\"}";
const JSON_REPLY: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 25\r\n\
    date: Sun, 22 Nov 2026 12:00:00 GMT\r\n\r\n{\"message\":\"Hello, Ada!\"}";

#[tokio::test]
async fn later_calls_cost_what_the_documentation_says() {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let (port, counted) = counting_relay(server.port()).await;
    // What is counted is a client without compression, also where other packages of the same build turn it on.
    tokio::spawn(server.accept_no_compression().serve(GreeterServer::new(MyGreeter)));
    let channel = Channel::builder(format!("http://127.0.0.1:{port}")).accept_no_compression().connect().await.unwrap();
    let greeter = GreeterClient::new(channel);
    let mut calls = Vec::new();
    for _ in 0..20 {
        let reply = greeter.say_hello(HelloRequest::default().with_name("Ada")).await.unwrap();
        assert_eq!(reply.message, "Hello, Ada!");
        calls.push(counted.take());
    }
    let total = |(sent, received): (usize, usize)| sent + received;
    let json = (JSON_REQUEST.len(), JSON_REPLY.len());
    let later = *calls.iter().skip(10).min_by_key(|call| total(**call)).unwrap();
    println!("first call, with the connection's beginning: {:?} bytes sent and received", calls[0]);
    println!("a later call: {later:?}; the same as JSON over HTTP/1.1: {json:?}");
    assert!(total(calls[0]) < 600, "{calls:?}");
    // As `docs/small-devices.md` explains them, byte by byte.
    assert_eq!(later, (35, 48));
    assert_eq!(json, (150, 133));
}
