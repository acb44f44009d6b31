//! TLS and mutual TLS from end to end: who is let in, what errors say, what is on the wire, and when files change.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

#[path = "../support/mod.rs"]
mod support;

mod certificates;
mod handshakes;
mod mismatches;
mod reloading;

use std::sync::Arc;

use halloo::tls::{ClientTls, Tls};
use halloo::{Channel, Server, Status};
use halloo_tests::{Letter, PostClient};
use support::office::Office;
use support::rig::{Serving, serve};
use support::{shown, soon};

/// A server with TLS.
struct Secured {
    port: u16,
    office: Office,
    serving: Serving,
}

impl Secured {
    async fn with(tls: Tls) -> Self {
        Self::configured(tls, |server| server).await
    }

    async fn configured(tls: Tls, configure: impl FnOnce(Server) -> Server) -> Self {
        let server = configure(Server::bind("127.0.0.1:0").await.unwrap().tls(tls));
        let (port, office) = (server.port(), Office::default());
        let serving = serve(server, office.clone());
        Self { port, office, serving }
    }

    fn client(&self, tls: ClientTls) -> PostClient {
        let channel = Channel::builder(format!("https://localhost:{}", self.port)).tls(tls);
        PostClient::new(channel.build().unwrap())
    }

    /// What a client of `tls` is told that cannot call.
    async fn refuses(&self, tls: ClientTls) -> String {
        self.told(&self.client(tls)).await
    }

    async fn told(&self, client: &PostClient) -> String {
        let status = call(client).await.unwrap_err();
        shown(&status).replace(&self.port.to_string(), "PORT")
    }

    async fn end(self) {
        self.office.seen.running(0).await;
        self.serving.end().await;
    }
}

async fn call(client: &PostClient) -> Result<(), Status> {
    let letter = Letter::default().with_text("hello");
    let reply = soon(client.answer(letter.clone()).into_future()).await?;
    assert_eq!(reply.text, letter.text);
    Ok(())
}

/// A server's side that is rustls' alone.
fn rustls_server(certificate: &str, key: &str) -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::pem::PemObject as _;

    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let chain = vec![rustls::pki_types::CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = builder.with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}
