//! `Tls`: how a server proves who it is, and what it wants to know of its clients.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use halloo_core::Status;
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::sign::SingleCertAndKey;

use super::material::{Identity, Pem, PemText, authorities};
use super::provider::provider;
use super::reload::{Configurations, DEFAULT_INTERVAL, Material, Reloading, read};

/// Time for a TLS handshake, from the accepted connection on.
const DEFAULT_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// The protocols that a server names in the handshake, best first (RFC 7301). Those that nobody serves are refused
/// before rustls may choose them.
pub(super) const H2: &[u8] = b"h2";
pub(super) const HTTP_1_1: &[u8] = b"http/1.1";

/// Protects a server's connections by TLS 1.3 or 1.2: its certificate, and which clients it lets in.
///
/// Files are read again when a handshake begins and they were last read more than a second ago. New contents that
/// are good serve the connections from then on, and running ones go on as they began; from contents that cannot be
/// used a server keeps what it had, and logs why.
///
/// ```
/// # mod halloo { pub use halloo_transport as tls; }
/// use halloo::tls::Tls;
///
/// let status = Tls::from_files("/nowhere/cert.pem", "/nowhere/key.pem").unwrap_err();
/// assert!(status.message().starts_with("cannot read /nowhere/cert.pem for TLS: "));
/// ```
///
/// ```no_run
/// use halloo_transport::Tls;
///
/// let tls = Tls::from_files("cert.pem", "key.pem")?;
/// let mutual = Tls::from_files("cert.pem", "key.pem")?.client_ca_file("clients.pem")?;
/// # Ok::<(), halloo_core::Status>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    source: Source,
    pub(super) handshake_timeout: Duration,
    reload_interval: Duration,
}

#[derive(Clone)]
enum Source {
    /// With what it held when it was checked.
    Material(ServerMaterial, Vec<PemText>),
    Rustls(Arc<ServerConfig>),
}

/// Says whether clients have to show a certificate. One that they show has to come from the given authorities in either
/// case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientCertificates {
    /// The handshake fails without one.
    Required,
    /// A client without one is let in; handlers see it in [`Peer::certificates`](halloo_core::Peer).
    Optional,
}

impl Tls {
    /// Takes the certificate chain, the server's own first, and its private key from PEM files: PKCS#8, PKCS#1 or
    /// SEC1, without a passphrase.
    ///
    /// # Errors
    /// FAILED_PRECONDITION if a file cannot be read; INVALID_ARGUMENT if it does not hold what it should, or the key
    /// belongs to another certificate.
    pub fn from_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, Status> {
        Self::from_identity(Identity { certificate: Pem::file(certificate), key: Pem::file(key) })
    }

    /// Takes certificate and key as [`from_files`](Self::from_files) does, from PEM text.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it does not hold what it should, or the key belongs to another certificate.
    pub fn from_pem(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Status> {
        Self::from_identity(Identity { certificate: Pem::bytes(certificate), key: Pem::bytes(key) })
    }

    /// Takes a configuration of rustls 0.23 as it is, for what this type has no word for. Other options of certificates
    /// have no effect then. Without ALPN protocols it gets those of HTTP.
    pub fn from_rustls(config: Arc<ServerConfig>) -> Self {
        let mut config = config;
        if config.alpn_protocols.is_empty() {
            Arc::make_mut(&mut config).alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
        }
        Self::of(Source::Rustls(config))
    }

    fn from_identity(identity: Identity) -> Result<Self, Status> {
        let material = ServerMaterial { identity, client_ca: None, client_certificates: ClientCertificates::Required };
        let contents = read(&material)?;
        material.build(&contents)?;
        Ok(Self::of(Source::Material(material, contents)))
    }

    fn of(source: Source) -> Self {
        Self { source, handshake_timeout: DEFAULT_HANDSHAKE_TIMEOUT, reload_interval: DEFAULT_INTERVAL }
    }

    /// Lets only clients in that show a certificate from one of the authorities in this PEM file (mutual TLS). Read
    /// again like the others. Default: clients are not asked.
    ///
    /// # Errors
    /// As [`from_files`](Self::from_files); FAILED_PRECONDITION beside [`from_rustls`](Self::from_rustls).
    pub fn client_ca_file(self, authorities: impl Into<PathBuf>) -> Result<Self, Status> {
        self.with_client_ca(Pem::file(authorities))
    }

    /// Lets clients in as [`client_ca_file`](Self::client_ca_file) does, from PEM text.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it holds no certificate; FAILED_PRECONDITION beside [`from_rustls`](Self::from_rustls).
    pub fn client_ca(self, authorities: impl AsRef<[u8]>) -> Result<Self, Status> {
        self.with_client_ca(Pem::bytes(authorities))
    }

    fn with_client_ca(mut self, pem: Pem) -> Result<Self, Status> {
        match &mut self.source {
            Source::Rustls(_) => return Err(said_to_rustls("the authorities of clients")),
            Source::Material(material, contents) => {
                material.client_ca = Some(pem);
                *contents = read(material)?;
                material.build(contents)?;
            }
        }
        Ok(self)
    }

    /// Sets whether clients have to show a certificate, after [`client_ca`](Self::client_ca) has said from whom.
    /// Default: required.
    ///
    /// # Errors
    /// FAILED_PRECONDITION if nobody has said from whom: no client would be asked for one.
    pub fn client_certificates(mut self, wanted: ClientCertificates) -> Result<Self, Status> {
        match &mut self.source {
            Source::Rustls(_) => Err(said_to_rustls("which clients have to show a certificate")),
            Source::Material(ServerMaterial { client_ca: None, .. }, _) => {
                Err(Status::failed_precondition("nobody has said whose certificates clients may show")
                    .note("hint", "call client_ca_file(\"clients.pem\") before client_certificates(..)"))
            }
            Source::Material(material, _) => {
                material.client_certificates = wanted;
                Ok(self)
            }
        }
    }

    /// Limits the time from the accepted connection to the end of the handshake; then it is closed. Default: 10 s.
    ///
    /// Until then a connection holds some tens of KiB. How many there are is for the server's limit of connections: one
    /// of handshakes would let whoever begins them and says no more keep all others out.
    #[must_use]
    pub fn handshake_timeout(mut self, limit: Duration) -> Self {
        self.handshake_timeout = limit;
        self
    }

    /// Sets how long files count as fresh once they were read. Default: 1 s; zero reads them for every handshake.
    #[must_use]
    pub fn reload_interval(mut self, interval: Duration) -> Self {
        self.reload_interval = interval;
        self
    }

    /// What handshakes take their configuration from.
    pub(super) fn configurations(self) -> Configurations<ServerMaterial> {
        match self.source {
            Source::Rustls(config) => Configurations::Fixed(config),
            Source::Material(material, contents) => {
                Configurations::Files(Reloading::new(material, Some(&contents), self.reload_interval))
            }
        }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Tls");
        match &self.source {
            Source::Material(material, _) => debug.field("material", material),
            Source::Rustls(_) => debug.field("material", &"rustls"),
        };
        debug.field("handshake_timeout", &self.handshake_timeout).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub(super) struct ServerMaterial {
    identity: Identity,
    client_ca: Option<Pem>,
    client_certificates: ClientCertificates,
}

impl Material for ServerMaterial {
    type Config = ServerConfig;

    fn pems(&self) -> Vec<&Pem> {
        [&self.identity.certificate, &self.identity.key].into_iter().chain(&self.client_ca).collect()
    }

    fn build(&self, contents: &[PemText]) -> Result<ServerConfig, Status> {
        let [certificate, key, rest @ ..] = contents else { return Err(no_versions(&"too few files")) };
        let key = self.identity.certified_key([certificate, key])?;
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| no_versions(&error))?;
        let builder = match (&self.client_ca, rest) {
            (Some(pem), [text]) => {
                let verifier = WebPkiClientVerifier::builder_with_provider(authorities(pem, text)?, provider());
                let verifier = match self.client_certificates {
                    ClientCertificates::Required => verifier,
                    ClientCertificates::Optional => verifier.allow_unauthenticated(),
                };
                builder.with_client_cert_verifier(verifier.build().map_err(|error| {
                    Status::invalid_argument(format!("the authorities in {pem} cannot be used: {error}"))
                })?)
            }
            _ => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(key)));
        config.alpn_protocols = vec![H2.to_vec(), HTTP_1_1.to_vec()];
        Ok(config)
    }
}

/// What would have no effect beside a configuration of rustls, and is too important for that.
pub(super) fn said_to_rustls(what: &str) -> Status {
    Status::failed_precondition(format!("{what}: the configuration of rustls that was given has to say that"))
}

/// The process has installed cryptography that lacks what TLS 1.3 or 1.2 needs.
pub(super) fn no_versions(error: &dyn fmt::Display) -> Status {
    Status::failed_precondition(format!("TLS cannot be set up: {error}"))
}
