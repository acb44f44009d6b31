//! Certificates and keys in PEM: where they come from, and what is wrong with them in words.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use halloo_core::Status;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::fault::of_own;
use super::provider::provider;

/// What a place of PEM holds.
pub(super) type PemText = Arc<[u8]>;

/// PEM text: bytes, or a file that is read again.
#[derive(Clone)]
pub(super) enum Pem {
    Bytes(PemText),
    File(PathBuf),
}

impl Pem {
    pub(super) fn bytes(bytes: impl AsRef<[u8]>) -> Self {
        Self::Bytes(bytes.as_ref().into())
    }

    pub(super) fn file(path: impl Into<PathBuf>) -> Self {
        Self::File(path.into())
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }

    pub(super) fn read(&self) -> Result<PemText, Status> {
        match self {
            Self::Bytes(bytes) => Ok(Arc::clone(bytes)),
            Self::File(path) => std::fs::read(path).map(Into::into).map_err(|error| unreadable(self, error)),
        }
    }
}

/// Names the place, never what is there.
impl fmt::Display for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(_) => f.write_str("the PEM text"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn unreadable(pem: &Pem, error: io::Error) -> Status {
    let status = Status::failed_precondition(format!("cannot read {pem} for TLS: {error}"));
    let status = match (pem, error.kind(), std::env::current_dir()) {
        (Pem::File(path), io::ErrorKind::NotFound, Ok(folder)) if path.is_relative() => {
            status.note("hint", format!("the path is looked for in {}", folder.display()))
        }
        _ => status,
    };
    status.caused_by(error)
}

/// A certificate chain with its key, as their owner shows and uses them.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) certificate: Pem,
    pub(super) key: Pem,
}

impl Identity {
    /// The key with its chain; `contents` are what `certificate` and `key` hold.
    pub(super) fn certified_key(&self, [certificate, key]: [&[u8]; 2]) -> Result<CertifiedKey, Status> {
        let chain = certificates(&self.certificate, certificate)?;
        let key = private_key(&self.key, key)?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|error| {
            let (certificate, key) = (&self.certificate, &self.key);
            match error {
                rustls::Error::InconsistentKeys(_) => Status::invalid_argument(format!(
                    "the private key in {key} does not belong to the first certificate in {certificate}"
                ))
                .note("hint", "the owner's own certificate comes first, then those of its issuers"),
                error => {
                    let why = of_own(&error);
                    Status::invalid_argument(format!("cannot use {certificate} with {key} for TLS: {why}"))
                }
            }
        })
    }
}

/// Every certificate in `text`, in order.
fn certificates(pem: &Pem, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Status> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(lacks(pem, text, "certificate", "CERTIFICATE")),
        Err(error) => Err(Status::invalid_argument(format!("the PEM in {pem} is damaged: {error}"))),
    }
}

fn private_key(pem: &Pem, text: &[u8]) -> Result<PrivateKeyDer<'static>, Status> {
    if contains(text, "-----BEGIN ENCRYPTED PRIVATE KEY-----") {
        return Err(Status::invalid_argument(format!("the private key in {pem} is protected by a passphrase"))
            .note("hint", "take the passphrase off: openssl pkey -in key.pem -out plain-key.pem"));
    }
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => Ok(key),
        Err(rustls::pki_types::pem::Error::NoItemsFound) => Err(lacks(pem, text, "private key", "PRIVATE KEY")),
        Err(error) => Err(Status::invalid_argument(format!("the PEM in {pem} is damaged: {error}"))),
    }
}

/// The authorities in `text`, which certificates of others have to come from.
pub(super) fn authorities(pem: &Pem, text: &[u8]) -> Result<Arc<RootCertStore>, Status> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(pem, text)? {
        roots.add(certificate).map_err(|error| {
            Status::invalid_argument(format!("a certificate in {pem} cannot be an authority's: {}", of_own(&error)))
        })?;
    }
    Ok(Arc::new(roots))
}

fn lacks(pem: &Pem, text: &[u8], what: &str, label: &str) -> Status {
    let status = Status::invalid_argument(format!("{pem} has no {what}; `-----BEGIN {label}-----` is expected"));
    let other = if what == "certificate" { "PRIVATE KEY-----" } else { "-----BEGIN CERTIFICATE-----" };
    if contains(text, other) {
        return status.note("hint", "it seems that the files of the certificate and of the key are exchanged");
    }
    // DER begins with a SEQUENCE.
    if text.first() == Some(&0x30) {
        return status.note("hint", "it seems to be DER; openssl makes PEM of it, by `-inform der -outform pem`");
    }
    status
}

fn contains(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|window| window == part.as_bytes())
}
