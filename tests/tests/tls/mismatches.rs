//! One side speaks TLS and the other does not: each says so, from what the other has sent and without any timer.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use halloo::resolve::{Address, Fixed};
use halloo::{Channel, Status};
use halloo_tests::PostClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::certificates::{Authority, trusting};
use crate::support::rig::{Rig, Transport};
use crate::support::soon;
use crate::{Secured, call, rustls_server, shown};

/// What the attempt says, and that it took under 50 ms at its best: a loaded machine may be late once.
async fn quickly(target: &str, place: &str) -> String {
    let mut best = Duration::MAX;
    let mut told = String::new();
    for _ in 0..5 {
        let client = PostClient::new(match target.starts_with("https") {
            true => Channel::builder(target).tls(trusting()).build().unwrap(),
            false => Channel::new(target).unwrap(),
        });
        let before = Instant::now();
        let status = call(&client).await.unwrap_err();
        best = best.min(before.elapsed());
        told = shown(&status).replace(place, "PLACE");
    }
    assert!(best < Duration::from_millis(50), "{best:?}");
    told
}

#[tokio::test]
async fn e02_a_plaintext_client_of_a_tls_port() {
    let server = Secured::with(Authority::usual().server(&["localhost", "greeter.example"]).tls()).await;
    let place = format!("127.0.0.1:{}", server.port);
    assert_eq!(
        quickly(&format!("http://{place}"), &place).await,
        "PLACE speaks TLS, but the address says http:// (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    PLACE it speaks TLS, but the address says http:// (_ ms)\n  \
         hint     use https://PLACE (its certificate is for localhost, greeter.example)"
    );
    let told = quickly(&place, &place).await;
    assert!(told.starts_with("PLACE speaks TLS, but this channel is plaintext (UNAVAILABLE)"), "{told}");
    // A list has no scheme.
    let told = quickly(&format!("ipv4:{place},{place}"), &place).await;
    assert!(told.contains("hint     give the channel `.tls(ClientTls::new())` (its certificate is for "), "{told}");
    server.end().await;
}

/// The ports are those of a resolver, not the default of the address's scheme.
#[tokio::test]
async fn a_hint_names_no_default_port_of_a_resolver() {
    let secure = Secured::with(Authority::usual().localhost().tls()).await;
    let plain = Rig::new(Transport::Tcp).await;
    let plain_port = plain.target.rsplit(':').next().unwrap().parse().unwrap();
    for (target, port, hint) in [
        ("http://localhost", secure.port, "use https://localhost (its certificate is for localhost)"),
        ("https://localhost", plain_port, "use http://localhost if you trust this network; nothing falls back to it"),
    ] {
        let resolver = Fixed::new(vec![Address::Tcp(([127, 0, 0, 1], port).into())]);
        let status = Channel::builder(target).resolver(resolver).connect().await.unwrap_err();
        let told = shown(&status);
        assert!(told.ends_with(&format!("  hint     {hint}")), "{told}");
    }
    secure.end().await;
    plain.end().await;
}

#[tokio::test]
async fn e02_a_tls_server_that_answers_no_plaintext_is_recognised() {
    // Go's servers close without a word, web servers answer in HTTP/1.1.
    for answer in ["", "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"] {
        tls_server_that_answers_plaintext_with(answer).await;
    }
}

async fn tls_server_that_answers_plaintext_with(answer: &'static str) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let identity = Authority::usual().localhost();
    let acceptor = tokio_rustls::TlsAcceptor::from(rustls_server(&identity.certificate, &identity.key));
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut first = [0];
            let _ = socket.peek(&mut first).await;
            if first == [0x16] {
                let _ = acceptor.accept(socket).await;
            } else {
                let _ = socket.read(&mut [0; 1024]).await;
                let _ = socket.write_all(answer.as_bytes()).await;
            }
        }
    });
    let told = quickly(&format!("http://{place}"), &place).await;
    assert!(told.starts_with("PLACE speaks TLS, but the address says http:// (UNAVAILABLE)"), "{told}");
    assert!(told.ends_with("use https://PLACE (its certificate is for localhost)"), "{told}");
}

#[tokio::test]
async fn e03_a_tls_client_of_a_plaintext_port() {
    let rig = Rig::new(Transport::Tcp).await;
    let place = rig.target.strip_prefix("http://").unwrap().to_owned();
    assert_eq!(
        quickly(&format!("https://{place}"), &place).await,
        "PLACE speaks plaintext HTTP/2, but the address says https:// (UNAVAILABLE)\n  \
         calling  post.Post/Answer\n  \
         tried    PLACE it speaks plaintext HTTP/2, but the address says https:// (_ ms)\n  \
         hint     use http://PLACE if you trust this network; nothing falls back to it"
    );
    let channel = Channel::builder(&place).tls(trusting()).build().unwrap();
    let told = shown(&call(&PostClient::new(channel)).await.unwrap_err()).replace(&place, "PLACE");
    assert!(told.starts_with("PLACE speaks plaintext HTTP/2, but this channel is TLS (UNAVAILABLE)"), "{told}");
    // `http://` would be refused beside `.tls(..)`.
    assert!(told.ends_with("leave `.tls(..)` out if you trust this network; nothing falls back to it"), "{told}");
    rig.end().await;
}

#[tokio::test]
async fn e03_a_web_server_without_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 1024]).await;
            let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let told = quickly(&format!("https://{place}"), &place).await;
    assert!(told.starts_with("PLACE speaks plaintext HTTP/1.x, but the address says https:// (UNAVAILABLE)"), "{told}");
}

#[tokio::test]
async fn an_address_that_says_http_takes_no_tls() {
    let status = Channel::builder("http://localhost:1").tls(trusting()).build().unwrap_err();
    assert_eq!(
        shown(&status),
        "the address says http://, but the channel was given TLS (INVALID_ARGUMENT)\n  \
         hint     write https://, or leave `.tls(..)` out on a network that you trust"
    );
}

/// Whatever goes over the wire between two ends, both ways.
async fn recorded(port: u16) -> (u16, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let wire = Arc::new(Mutex::new(Vec::new()));
    let relay_port = listener.local_addr().unwrap().port();
    let seen = Arc::clone(&wire);
    tokio::spawn(async move {
        loop {
            let (mine, _) = listener.accept().await.unwrap();
            let theirs = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let ((mine_in, mine_out), (theirs_in, theirs_out)) = (mine.into_split(), theirs.into_split());
            for (mut from, mut to) in [(mine_in, theirs_out), (theirs_in, mine_out)] {
                let seen = Arc::clone(&seen);
                tokio::spawn(async move {
                    let mut bytes = [0; 4096];
                    while let Ok(length @ 1..) = from.read(&mut bytes).await {
                        seen.lock().unwrap().extend_from_slice(&bytes[..length]);
                        if to.write_all(&bytes[..length]).await.is_err() {
                            return;
                        }
                    }
                    let _ = to.shutdown().await;
                });
            }
        }
    });
    (relay_port, wire)
}

fn contains(wire: &[u8], text: &str) -> bool {
    wire.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Calls through a recording wire; the text of the call is `hello`, and its method's path is there in plaintext.
async fn call_through(target: impl FnOnce(u16) -> Channel, port: u16) -> (Result<(), Status>, Vec<u8>) {
    let (relay_port, wire) = recorded(port).await;
    let result = call(&PostClient::new(target(relay_port))).await;
    let wire = wire.lock().unwrap().clone();
    (result, wire)
}

#[tokio::test]
async fn nothing_is_readable_on_the_wire_of_https() {
    let secured = Secured::with(Authority::usual().localhost().tls()).await;
    let plain = Rig::new(Transport::Tcp).await;
    let plain_port = plain.target.rsplit_once(':').unwrap().1.parse().unwrap();
    let https = |port: u16| Channel::builder(format!("https://localhost:{port}")).tls(trusting()).build().unwrap();

    let (result, wire) = call_through(https, secured.port).await;
    result.unwrap();
    assert!(wire.len() > 500 && !contains(&wire, "post.Post") && !contains(&wire, "PRI *"));

    let (result, wire) = call_through(https, plain_port).await;
    result.unwrap_err();
    assert!(!wire.is_empty() && !contains(&wire, "post.Post") && !contains(&wire, "PRI *"));

    // The recorder would have seen them.
    let (result, wire) =
        call_through(|port| Channel::new(format!("http://localhost:{port}")).unwrap(), plain_port).await;
    result.unwrap();
    assert!(contains(&wire, "PRI *") && contains(&wire, "hello"));
    secured.end().await;
    plain.end().await;
}

#[tokio::test]
async fn a_tls_port_answers_a_browser_that_forgot_the_s() {
    let server = Secured::with(Authority::usual().localhost().tls()).await;
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    socket.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    socket.shutdown().await.unwrap();
    let mut answer = String::new();
    soon(socket.read_to_string(&mut answer)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "This port speaks TLS; use https://.\n");
    assert!(head.ends_with(&format!("content-length: {}", body.len())), "{head}");
    server.end().await;
}
