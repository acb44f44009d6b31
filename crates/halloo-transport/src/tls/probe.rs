//! A look at the certificate of a server that was taken for plaintext, so that the error can say whose it is.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use halloo_core::Address;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::connect::{chain_of, host_of, server_name};
use super::provider::provider;
use super::server::H2;
use crate::socket::open::{Socket, open};

/// Time for something that only makes an error better.
const LIMIT: Duration = Duration::from_secs(1);

/// The names in the certificate of the server at `address`; `None` if it does not speak TLS.
///
/// Nothing is sent but the beginning of a handshake, which is given up once the certificate is there.
pub(crate) async fn probe(address: &Address, authority: &str) -> Option<Vec<String>> {
    tokio::time::timeout(LIMIT, fetch_names(address, authority)).await.ok()?
}

async fn fetch_names(address: &Address, authority: &str) -> Option<Vec<String>> {
    let name = server_name(host_of(authority)).or_else(|| server_name("localhost"))?;
    let look = Arc::new(Look::default());
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&look) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.alpn_protocols = vec![H2.to_vec()];
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let (socket, _) = open(address, None).await.ok()?;
    let error = match socket {
        Socket::Tcp(io) => connector.connect(name, io).await.err(),
        #[cfg(unix)]
        Socket::Unix(io) => connector.connect(name, io).await.err(),
    };
    let seen = look.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
    let refused_in_tls = || {
        let error = error.as_ref()?.get_ref()?.downcast_ref::<Error>()?;
        matches!(error, Error::AlertReceived(_)).then(Vec::new)
    };
    seen.or_else(refused_in_tls)
}

/// Keeps the names in a certificate, and accepts none: what it is part of always fails.
#[derive(Debug, Default)]
struct Look {
    seen: Mutex<Option<Vec<String>>>,
}

impl ServerCertVerifier for Look {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let names = chain_of(&[certificate.clone().into_owned()]).dns_names().to_vec();
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(names);
        Err(refusal())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(refusal())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(refusal())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

fn refusal() -> Error {
    Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure)
}
