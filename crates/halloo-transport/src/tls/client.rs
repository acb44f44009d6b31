//! `ClientTls`: which servers a client trusts, and how it proves who it is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use halloo_core::Status;
use rustls::sign::SingleCertAndKey;
use rustls::{ClientConfig, RootCertStore};

use super::fault::Shown;
use super::material::{Identity, Pem, PemText, authorities};
use super::provider::provider;
use super::reload::{Configurations, DEFAULT_INTERVAL, Material, Reloading, read};
use super::server::{H2, no_versions, said_to_rustls};

/// Protects a client's connections by TLS 1.3 or 1.2. Without further words it trusts the authorities of the operating
/// system (those in its certificate store, or in the file that the variable `SSL_CERT_FILE` names) and shows no
/// certificate.
///
/// Files are read again when a connection is made and they were last read more than a second ago; contents that
/// cannot be used leave what there was, and are logged.
///
/// ```
/// # mod halloo { pub use halloo_transport as tls; }
/// use halloo::tls::ClientTls;
///
/// let system = ClientTls::new(); // what `https://` means by itself
/// let damaged = ClientTls::new().ca("no certificate").unwrap_err();
/// assert!(damaged.message().starts_with("the PEM text has no certificate"));
/// ```
///
/// ```no_run
/// use halloo_transport::ClientTls;
///
/// let own_ca = ClientTls::new().ca_file("ca.pem")?;
/// let mutual = ClientTls::new().ca_file("ca.pem")?.identity_files("client.pem", "client.key")?;
/// # Ok::<(), halloo_core::Status>(())
/// ```
#[derive(Clone)]
pub struct ClientTls {
    source: Source,
    pub(super) domain_name: Option<String>,
    reload_interval: Duration,
}

#[derive(Clone)]
enum Source {
    Material(ClientMaterial),
    Rustls(Arc<ClientConfig>),
}

impl ClientTls {
    /// Trusts what the operating system trusts.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Source::Material(ClientMaterial::default()))
    }

    /// Takes a configuration of rustls 0.23 as it is, for what this type has no word for. Authorities and identity
    /// given here have no effect then. Without ALPN protocols it gets `h2`.
    pub fn from_rustls(config: Arc<ClientConfig>) -> Self {
        let mut config = config;
        if config.alpn_protocols.is_empty() {
            Arc::make_mut(&mut config).alpn_protocols = vec![H2.to_vec()];
        }
        Self::of(Source::Rustls(config))
    }

    fn of(source: Source) -> Self {
        Self { source, domain_name: None, reload_interval: DEFAULT_INTERVAL }
    }

    /// Trusts the authorities in this PEM file instead of the system's.
    ///
    /// # Errors
    /// FAILED_PRECONDITION if the file cannot be read, or beside [`from_rustls`](Self::from_rustls); INVALID_ARGUMENT
    /// if it holds no certificate.
    pub fn ca_file(self, authorities: impl Into<PathBuf>) -> Result<Self, Status> {
        self.with(|material| material.ca = Some(Pem::file(authorities)))
    }

    /// Trusts authorities as [`ca_file`](Self::ca_file) does, from PEM text.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it holds no certificate; FAILED_PRECONDITION beside [`from_rustls`](Self::from_rustls).
    pub fn ca(self, authorities: impl AsRef<[u8]>) -> Result<Self, Status> {
        self.with(|material| material.ca = Some(Pem::bytes(authorities)))
    }

    /// Shows the certificate chain in this PEM file to servers that ask for one (mutual TLS); the key is PKCS#8,
    /// PKCS#1 or SEC1, without a passphrase.
    ///
    /// # Errors
    /// FAILED_PRECONDITION if a file cannot be read, or beside [`from_rustls`](Self::from_rustls); INVALID_ARGUMENT if
    /// it does not hold what it should, or the key belongs to another certificate.
    pub fn identity_files(self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, Status> {
        let identity = Identity { certificate: Pem::file(certificate), key: Pem::file(key) };
        self.with(|material| material.identity = Some(identity))
    }

    /// Shows a certificate as [`identity_files`](Self::identity_files) does, from PEM text.
    ///
    /// # Errors
    /// INVALID_ARGUMENT if it does not hold what it should, or the key belongs to another certificate;
    /// FAILED_PRECONDITION beside [`from_rustls`](Self::from_rustls).
    pub fn identity(self, certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Status> {
        let identity = Identity { certificate: Pem::bytes(certificate), key: Pem::bytes(key) };
        self.with(|material| material.identity = Some(identity))
    }

    fn with(mut self, change: impl FnOnce(&mut ClientMaterial)) -> Result<Self, Status> {
        let Source::Material(material) = &mut self.source else {
            return Err(said_to_rustls("authorities and identity"));
        };
        change(material);
        material.check(&read(material)?)?;
        Ok(self)
    }

    /// Sets whom the server's certificate has to be for: a DNS name or an IP address. Default: the host of the
    /// channel's authority.
    #[must_use]
    pub fn domain_name(mut self, name: impl Into<String>) -> Self {
        self.domain_name = Some(name.into());
        self
    }

    /// Sets how long files count as fresh once they were read. Default: 1 s; zero reads them for every connection.
    #[must_use]
    pub fn reload_interval(mut self, interval: Duration) -> Self {
        self.reload_interval = interval;
        self
    }

    pub(super) fn shown(&self) -> Shown {
        match &self.source {
            Source::Material(material) => {
                Shown { identity: material.identity.is_some(), own_roots: material.ca.is_some() }
            }
            Source::Rustls(config) => Shown { identity: config.client_auth_cert_resolver.has_certs(), own_roots: true },
        }
    }

    pub(super) fn configurations(self) -> Configurations<ClientMaterial> {
        match self.source {
            Source::Rustls(config) => Configurations::Fixed(config),
            Source::Material(material) => Configurations::Files(Reloading::new(material, None, self.reload_interval)),
        }
    }
}

impl Default for ClientTls {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ClientTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ClientTls");
        match &self.source {
            Source::Material(material) => debug.field("material", material),
            Source::Rustls(_) => debug.field("material", &"rustls"),
        };
        debug.field("domain_name", &self.domain_name).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct ClientMaterial {
    ca: Option<Pem>,
    identity: Option<Identity>,
}

impl ClientMaterial {
    /// Checks what was given, without the system's authorities: those are read when they are needed.
    fn check(&self, contents: &[PemText]) -> Result<(), Status> {
        let (ca, identity) = self.split(contents);
        if let (Some(pem), Some(text)) = (&self.ca, ca) {
            authorities(pem, text)?;
        }
        if let (Some(identity), Some(texts)) = (&self.identity, identity) {
            identity.certified_key(texts)?;
        }
        Ok(())
    }

    fn split<'a>(&self, contents: &'a [PemText]) -> (Option<&'a [u8]>, Option<[&'a [u8]; 2]>) {
        let (ca, identity) = contents.split_at(contents.len().min(usize::from(self.ca.is_some())));
        let identity = match identity {
            [certificate, key] => Some([&**certificate, &**key]),
            _ => None,
        };
        (ca.first().map(|text| &**text), identity)
    }
}

impl Material for ClientMaterial {
    type Config = ClientConfig;

    fn pems(&self) -> Vec<&Pem> {
        let identity = self.identity.iter().flat_map(|identity| [&identity.certificate, &identity.key]);
        self.ca.iter().chain(identity).collect()
    }

    fn build(&self, contents: &[PemText]) -> Result<ClientConfig, Status> {
        let (ca, identity) = self.split(contents);
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| no_versions(&error))?;
        let roots = match (&self.ca, ca) {
            (Some(pem), Some(text)) => authorities(pem, text)?,
            _ => system_authorities()?,
        };
        let builder = builder.with_root_certificates(roots);
        let mut config = match (&self.identity, identity) {
            (Some(identity), Some(texts)) => {
                let key = identity.certified_key(texts)?;
                builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key)))
            }
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![H2.to_vec()];
        Ok(config)
    }
}

/// What the operating system trusts. Certificates there that are damaged are left out, as others do.
fn system_authorities() -> Result<Arc<RootCertStore>, Status> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(found.certs);
    if !roots.is_empty() {
        return Ok(Arc::new(roots));
    }
    let why = found.errors.first().map_or_else(|| "there are none".to_owned(), ToString::to_string);
    Err(Status::failed_precondition(format!("this system's trusted authorities cannot be read: {why}")).note(
        "hint",
        "install them (on Debian: ca-certificates), or name your own: ClientTls::new().ca_file(\"ca.pem\")",
    ))
}
