//! Handshakes: protocols that are agreed (ALPN), those that take too long or are too many, the doors to rustls, the
//! system's authorities, and connections whose certificates change.

use std::sync::Arc;
use std::time::Duration;

use halloo::tls::{ClientCertificates, ClientTls, Tls};
use halloo::{Channel, Code, Server};
use halloo_tests::{Letter, PostClient};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::certificates::{Authority, Folder, trusting};
use crate::support::office::Office;
use crate::support::rig::{serve, socket_path};
use crate::support::soon;
use crate::{Secured, call, rustls_server, shown};

/// A client that offers `protocols`, with nothing of Halloo in it.
fn offering(protocols: &[&str]) -> Arc<ClientConfig> {
    use rustls::pki_types::pem::PemObject as _;

    let mut roots = RootCertStore::empty();
    let pem = Authority::usual().pem();
    roots.add(rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

async fn handshake(port: u16, config: Arc<ClientConfig>) -> Result<Vec<u8>, String> {
    let socket = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    match soon(tokio_rustls::TlsConnector::from(config).connect(name, socket)).await {
        Ok(io) => Ok(io.get_ref().1.alpn_protocol().unwrap_or_default().to_vec()),
        Err(error) => {
            let error = error.get_ref().unwrap().downcast_ref::<rustls::Error>().unwrap();
            assert_eq!(*error, rustls::Error::AlertReceived(AlertDescription::NoApplicationProtocol));
            Err("no application protocol".into())
        }
    }
}

#[tokio::test]
async fn http2_has_to_be_offered() {
    let server = Secured::with(Authority::usual().localhost().tls()).await;
    assert_eq!(handshake(server.port, offering(&["h2"])).await.unwrap(), b"h2");
    assert_eq!(handshake(server.port, offering(&["http/1.1", "h2"])).await.unwrap(), b"h2");
    for others in [&[][..], &["http/1.1"], &["spdy/3"]] {
        handshake(server.port, offering(others)).await.unwrap_err();
    }
    call(&server.client(trusting())).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn http_1_is_offered_where_somebody_serves_it() {
    use halloo::tower::ServerExt as _;

    let server = Secured::configured(Authority::usual().localhost().tls(), |server| {
        server.http(axum::Router::new().route("/", axum::routing::get(async || "a page")))
    });
    let server = server.await;
    assert_eq!(handshake(server.port, offering(&["http/1.1"])).await.unwrap(), b"http/1.1");
    assert_eq!(handshake(server.port, offering(&["http/1.1", "h2"])).await.unwrap(), b"h2");
    handshake(server.port, offering(&["spdy/3"])).await.unwrap_err();
    for protocols in [&["http/1.1"][..], &[]] {
        let socket = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(offering(protocols));
        let mut io = connector.connect(ServerName::try_from("localhost").unwrap(), socket).await.unwrap();
        io.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
        let mut answer = String::new();
        soon(io.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("a page"), "{answer}");
    }
    call(&server.client(trusting())).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_server_that_agrees_to_no_http2_is_refused() {
    for protocols in [&[][..], &["http/1.1"]] {
        let identity = Authority::usual().localhost();
        let mut config = Arc::unwrap_or_clone(rustls_server(&identity.certificate, &identity.key));
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
        tokio::spawn(async move {
            let (socket, _) = listener.accept().await.unwrap();
            if let Ok(mut io) = acceptor.accept(socket).await {
                let mut said = Vec::new();
                let _ = io.read_to_end(&mut said).await;
                assert_eq!(said, b"", "nothing may be said to a server that does not speak HTTP/2");
            }
        });
        let channel = Channel::builder(format!("https://localhost:{port}")).tls(trusting()).build().unwrap();
        let status = call(&PostClient::new(channel)).await.unwrap_err();
        let told = shown(&status);
        let expected = if protocols.is_empty() {
            format!(
                "127.0.0.1:{port} speaks TLS, but agreed to no protocol where HTTP/2 is needed (ALPN h2) (UNAVAILABLE)"
            )
        } else {
            format!("127.0.0.1:{port} speaks TLS, but does not serve HTTP/2 there (ALPN h2) (UNAVAILABLE)")
        };
        assert!(told.starts_with(&expected), "{told}");
        assert!(told.ends_with("hint     check that it is a gRPC server"), "{told}");
    }
}

#[tokio::test]
async fn configurations_of_rustls_can_be_used() {
    let identity = Authority::usual().localhost();
    let mut config = Arc::unwrap_or_clone(rustls_server(&identity.certificate, &identity.key));
    config.alpn_protocols.clear();
    let server = Secured::with(Tls::from_rustls(Arc::new(config))).await;
    call(&server.client(ClientTls::from_rustls(offering(&[])))).await.unwrap();
    server.end().await;
}

/// What a server or client was told and does not do would leave it less protected than its owner thinks.
#[test]
fn nothing_about_certificates_is_ignored() {
    let identity = Authority::usual().localhost();
    let given = || Tls::from_rustls(rustls_server(&identity.certificate, &identity.key));
    let from_nobody = identity.tls().client_certificates(ClientCertificates::Required);
    for refused in [
        from_nobody,
        given().client_ca(Authority::usual().pem()),
        given().client_certificates(ClientCertificates::Required),
    ] {
        assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
    }
    let refused = ClientTls::from_rustls(offering(&["h2"])).ca(Authority::usual().pem());
    assert_eq!(refused.unwrap_err().code(), Code::FailedPrecondition);
}

/// Runs in a process whose system trusts the usual authority, as far as it is told.
#[tokio::test]
async fn https_trusts_what_the_system_trusts() {
    const PORT: &str = "HALLOO_TEST_PORT";
    if let Ok(port) = std::env::var(PORT) {
        let client = PostClient::connect(format!("https://localhost:{port}")).await.unwrap();
        return call(&client).await.unwrap();
    }
    let server = Secured::with(Authority::usual().localhost().tls()).await;
    let folder = Folder::new();
    std::fs::write(folder.file("usual.pem"), Authority::usual().pem()).unwrap();
    std::fs::write(folder.file("other.pem"), Authority::new("other").pem()).unwrap();
    for (file, expected) in [("usual.pem", None), ("other.pem", Some("from no authority that is trusted here"))] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "handshakes::https_trusts_what_the_system_trusts"]);
        child.env(PORT, server.port.to_string()).env("SSL_CERT_FILE", folder.file(file)).env_remove("SSL_CERT_DIR");
        let output = soon(tokio::task::spawn_blocking(move || child.output())).await.unwrap().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        match expected {
            None => assert!(output.status.success(), "{said}"),
            Some(expected) => assert!(!output.status.success() && said.contains(expected), "{said}"),
        }
    }
    server.end().await;
}

#[tokio::test]
async fn tls_works_on_unix_sockets_too() {
    let path = socket_path();
    let server = Server::bind(format!("unix:{}", path.display())).await.unwrap();
    let serving = serve(server.tls(Authority::usual().localhost().tls()), Office::default());
    let target = format!("unix:{}", path.display());
    let channel = Channel::builder(&target).tls(trusting()).build().unwrap();
    call(&PostClient::new(channel)).await.unwrap();
    let told = shown(&call(&PostClient::new(Channel::new(&target).unwrap())).await.unwrap_err());
    assert!(told.starts_with(&format!("{target} speaks TLS, but this channel is plaintext (UNAVAILABLE)")), "{told}");
    serving.end().await;
}

#[tokio::test]
async fn a_slow_handshake_is_cut() {
    let tls = Authority::usual().localhost().tls().handshake_timeout(Duration::from_millis(30));
    let server = Secured::with(tls).await;
    for first in [&b""[..], &[0x16], &[0x16, 3, 1, 2, 0, 1]] {
        let mut socket = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        socket.write_all(first).await.unwrap();
        // Ends when the server has closed it, with or without a reset.
        let _ = soon(socket.read_to_end(&mut Vec::new())).await;
    }
    call(&server.client(trusting())).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn handshakes_that_stall_keep_nobody_out() {
    let tls = Authority::usual().localhost().tls().handshake_timeout(Duration::from_secs(3600));
    let server = Secured::with(tls).await;
    let mut stalled = Vec::new();
    for _ in 0..1100 {
        let mut socket = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
        socket.write_all(&[0x16, 3, 1, 2, 0, 1]).await.unwrap();
        stalled.push(socket);
    }
    call(&server.client(trusting())).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn handshakes_count_as_connections() {
    let tls = Authority::usual().localhost().tls();
    let server = Secured::configured(tls, |server| server.max_connections(1)).await;
    let silent = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let client = server.client(trusting());
    let mut waiting = std::pin::pin!(call(&client));
    tokio::select! {
        biased;
        outcome = &mut waiting => panic!("it did not wait: {outcome:?}"),
        () = async { for _ in 0..1000 { tokio::task::yield_now().await } } => {}
    }
    drop(silent);
    waiting.await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_server_that_ends_does_not_wait_for_handshakes() {
    let server = Secured::with(Authority::usual().localhost().tls()).await;
    let mut slow = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    slow.write_all(&[0x16, 3, 1]).await.unwrap();
    call(&server.client(trusting())).await.unwrap();
    server.end().await;
}

#[tokio::test]
async fn a_large_message_passes_in_both_directions() {
    let server = Secured::with(Authority::usual().localhost().tls()).await;
    let parcel: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    let letter = Letter::default().with_text("large").with_parcel(parcel);
    let reply = soon(server.client(trusting()).answer(letter.clone()).into_future()).await.unwrap();
    assert_eq!(reply.into_message(), letter);
    server.end().await;
}
