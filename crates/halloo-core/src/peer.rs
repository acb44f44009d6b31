//! `Peer`: who is at the other end of a call, and how well the way there is protected.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::target::Escaped;

/// Describes the other end of a call.
///
/// ```
/// # mod halloo { pub use halloo_core as credentials; pub use halloo_core::Peer; }
/// use halloo::Peer;
/// use halloo::credentials::SecurityLevel;
///
/// let peer = Peer::tcp(([127, 0, 0, 1], 50051).into());
/// assert_eq!(peer.address.to_string(), "127.0.0.1:50051");
/// assert_eq!(peer.security, SecurityLevel::None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Peer {
    /// Where the peer is.
    pub address: PeerAddress,
    /// What protects the bytes on their way.
    pub security: SecurityLevel,
    /// The certificates that the peer has shown and that were verified. `None` without TLS, and for a client that
    /// was not asked for any or had none.
    pub certificates: Option<Arc<CertificateChain>>,
}

impl Peer {
    /// Makes a peer of its parts.
    pub const fn new(address: PeerAddress, security: SecurityLevel) -> Self {
        Self { address, security, certificates: None }
    }

    /// Says what the peer has shown in a TLS handshake, in which both sides agreed on keys: the bytes are private
    /// and unaltered from then on.
    #[must_use]
    pub fn over_tls(mut self, certificates: Option<CertificateChain>) -> Self {
        self.security = SecurityLevel::PrivacyAndIntegrity;
        self.certificates = certificates.map(Arc::new);
        self
    }

    /// Makes the peer of a TCP connection without TLS: no protection.
    pub const fn tcp(address: SocketAddr) -> Self {
        Self::new(PeerAddress::Tcp(address), SecurityLevel::None)
    }

    /// Makes the peer of a Unix socket; `path` is `None` for one without a name, as most clients' are.
    ///
    /// The kernel alone carries the bytes, so they count as private and unaltered.
    pub const fn unix(path: Option<PathBuf>) -> Self {
        Self::new(PeerAddress::Unix(path), SecurityLevel::PrivacyAndIntegrity)
    }

    /// Makes the peer of a call that came by a way on which nobody said who calls: no protection.
    pub const fn unknown() -> Self {
        Self::new(PeerAddress::Unknown, SecurityLevel::None)
    }

    /// Makes the peer of a call within this process. The bytes never leave it, so they count as private and unaltered.
    pub const fn in_process() -> Self {
        Self::new(PeerAddress::InProcess, SecurityLevel::PrivacyAndIntegrity)
    }
}

/// Holds the X.509 certificates of a peer, which TLS has verified: its own first, then those that lead to a trusted
/// one.
///
/// ```
/// # mod halloo { pub use halloo_core as tls; }
/// use halloo::tls::CertificateChain;
///
/// let chain = CertificateChain::new(vec![b"DER".to_vec()]).names(["greeter.example".into()], []);
/// assert_eq!(chain.leaf(), b"DER");
/// assert_eq!(chain.dns_names(), ["greeter.example"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CertificateChain {
    der: Vec<Vec<u8>>,
    dns_names: Vec<String>,
    uris: Vec<String>,
}

impl CertificateChain {
    /// Makes a chain of certificates in DER, the peer's own first.
    pub fn new(der: Vec<Vec<u8>>) -> Self {
        Self { der, dns_names: Vec::new(), uris: Vec::new() }
    }

    /// Sets the names in the peer's own certificate.
    #[must_use]
    pub fn names(
        mut self,
        dns_names: impl IntoIterator<Item = String>,
        uris: impl IntoIterator<Item = String>,
    ) -> Self {
        self.dns_names = dns_names.into_iter().collect();
        self.uris = uris.into_iter().collect();
        self
    }

    /// Returns the certificates in DER, the peer's own first.
    pub fn der(&self) -> impl Iterator<Item = &[u8]> {
        self.der.iter().map(Vec::as_slice)
    }

    /// Returns the peer's own certificate in DER; empty if the chain is.
    pub fn leaf(&self) -> &[u8] {
        self.der.first().map_or(&[], Vec::as_slice)
    }

    /// Returns the DNS names that the peer's own certificate is for (subject alternative names, RFC 5280 section
    /// 4.2.1.6).
    pub fn dns_names(&self) -> &[String] {
        &self.dns_names
    }

    /// Returns the URIs that the peer's own certificate is for, such as `spiffe://example.org/greeter`.
    pub fn uris(&self) -> &[String] {
        &self.uris
    }
}

/// Says where a peer is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PeerAddress {
    /// An IP address and a TCP port.
    Tcp(SocketAddr),
    /// A Unix socket and its path, if it has one.
    Unix(Option<PathBuf>),
    /// The same process.
    InProcess,
    /// Nobody said: the call came through an HTTP server that is not Halloo's and did not tell.
    Unknown,
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(Some(path)) => write!(f, "unix:{}", Escaped(path.as_os_str().as_encoded_bytes())),
            Self::Unix(None) => f.write_str("unix:"),
            Self::InProcess => f.write_str("in-process"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Says what protects the bytes of a connection. Levels compare: more is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SecurityLevel {
    /// Nothing: others can read and change the bytes.
    None,
    /// Others can read the bytes but not change them unseen.
    IntegrityOnly,
    /// Others can neither read the bytes nor change them unseen.
    PrivacyAndIntegrity,
}
