//! What a server's log says of connections that TLS does not let in. A test of its own process: `tracing` may overlook
//! a subscriber of one thread while another thread meets the same event for the first time.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use halloo::tls::{ClientTls, Tls};
use halloo::{Channel, Server, Status};
use halloo_tests::{Letter, PostClient};
use support::certificates::{Authority, Folder, trusting};
use support::office::Office;
use support::rig::{Serving, serve};
use support::soon;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps every event of the transport, a line each.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Subscriber for Log {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("halloo_transport")
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        struct Line(String);
        impl Visit for Line {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                if field.name() != "peer" {
                    write!(self.0, " {}={value:?}", field.name()).unwrap();
                }
            }
        }
        let mut line = Line(event.metadata().level().to_string());
        event.record(&mut line);
        self.0.lock().unwrap().push(line.0);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Log {
    /// The lines since the last look, once there are `count`.
    async fn lines(&self, count: usize) -> Vec<String> {
        soon(async {
            while self.0.lock().unwrap().len() < count {
                tokio::task::yield_now().await;
            }
        })
        .await;
        let lines = std::mem::take(&mut *self.0.lock().unwrap());
        assert_eq!(lines.len(), count, "{lines:?}");
        lines
    }

    async fn line(&self) -> String {
        self.lines(1).await.remove(0)
    }
}

async fn served(tls: Option<Tls>) -> (u16, Serving) {
    let server = Server::bind("127.0.0.1:0").await.unwrap();
    let server = tls.into_iter().fold(server, Server::tls);
    let port = server.port();
    (port, serve(server, Office::default()))
}

async fn call(port: u16, tls: Option<ClientTls>) -> Result<(), Status> {
    let scheme = if tls.is_some() { "https" } else { "http" };
    let channel = tls.into_iter().fold(Channel::builder(format!("{scheme}://localhost:{port}")), |to, tls| to.tls(tls));
    let client = PostClient::new(channel.build().unwrap());
    soon(client.answer(Letter::default()).into_future()).await.map(drop)
}

#[tokio::test]
async fn the_log_says_who_was_not_let_in_and_why() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(log.clone());
    let authority = Authority::usual();

    let (port, plain) = served(None).await;
    call(port, Some(trusting())).await.unwrap_err();
    let lines = log.lines(2).await;
    assert!(lines[0].starts_with("WARN message=a client speaks TLS to this port, which is plaintext; "), "{lines:?}");
    assert!(lines[1].contains("HTTP/2 preface"), "{lines:?}");
    plain.end().await;

    let (port, secure) = served(Some(authority.localhost().tls())).await;
    let status = call(port, None).await.unwrap_err();
    assert!(status.to_string().contains("speaks TLS"), "{status}");
    // The second is the client's look at the certificate.
    let lines = log.lines(2).await;
    assert_eq!(
        lines[0],
        "WARN message=a client speaks plaintext HTTP/2 to this port, which is TLS; let it use https://"
    );
    call(port, Some(ClientTls::new().ca(Authority::new("other").pem()).unwrap())).await.unwrap_err();
    assert_eq!(
        log.line().await,
        "WARN message=a TLS handshake failed server_name=\"localhost\" \
         reason=it does not trust the authority of this server's certificate"
    );
    secure.end().await;

    let mutual = authority.localhost().tls().client_ca(authority.pem()).unwrap();
    let (port, mutual) = served(Some(mutual)).await;
    call(port, Some(trusting())).await.unwrap_err();
    assert_eq!(
        log.line().await,
        "WARN message=a TLS handshake failed server_name=\"localhost\" reason=it showed no certificate, and one is required"
    );
    mutual.end().await;

    let folder = Folder::new();
    authority.localhost().write(&folder.0);
    let tls = Tls::from_files(folder.file("cert.pem"), folder.file("key.pem")).unwrap();
    let (port, reloading) = served(Some(tls.reload_interval(Duration::ZERO))).await;
    std::fs::write(folder.file("key.pem"), "nonsense").unwrap();
    for _ in 0..3 {
        call(port, Some(trusting())).await.unwrap();
    }
    let line = log.line().await;
    assert!(line.starts_with("WARN message=TLS keeps its certificates, because the new ones cannot be used"), "{line}");
    assert!(line.contains("key.pem has no private key"), "{line}");
    authority.localhost().write(&folder.0);
    call(port, Some(trusting())).await.unwrap();
    let line = log.line().await;
    assert!(line.starts_with("INFO message=TLS goes on with what its files hold now"), "{line}");
    reloading.end().await;
}
