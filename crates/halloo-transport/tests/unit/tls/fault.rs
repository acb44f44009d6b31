//! Tests of `src/tls/fault.rs`.

use rustls::{OtherError, PeerMisbehaved};

use super::*;

#[test]
fn a_rare_failure_is_told_in_words() {
    let client = Side::Client(Shown { identity: false, own_roots: false });
    let certificate = |error| Error::InvalidCertificate(error);
    for (error, reason) in [
        (
            certificate(CertificateError::UnhandledCriticalExtension),
            "its certificate cannot be used: unhandled critical extension",
        ),
        (
            certificate(CertificateError::Other(OtherError(std::sync::Arc::new(
                webpki::Error::UnsupportedCertVersion,
            )))),
            "its certificate cannot be used: unsupported cert version",
        ),
        (
            certificate(CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id: vec![6, 8, 42],
                supported_algorithms: Vec::new(),
            }),
            "its certificate is signed in a way that is not known here",
        ),
        (
            Error::PeerMisbehaved(PeerMisbehaved::TooMuchEarlyDataReceived),
            "it breaks the rules of TLS: too much early data received",
        ),
        (
            Error::InvalidMessage(InvalidMessage::MessageTooLarge),
            "it says something that is not TLS: message too large",
        ),
        (Error::DecryptError, "the TLS handshake failed: decrypt error"),
    ] {
        assert_eq!(Fault::of(&io::Error::other(error), client).reason, reason);
    }
}
