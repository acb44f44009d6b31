//! `Peer`: who is at the other end of a call, and how well the way there is protected.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The other end of a call.
///
/// ```
/// use halloo_core::{Peer, SecurityLevel};
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
}

impl Peer {
    /// Makes a peer of its parts.
    pub const fn new(address: PeerAddress, security: SecurityLevel) -> Self {
        Self { address, security }
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

/// Where a peer is.
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
            Self::Unix(Some(path)) => write!(f, "unix:{}", path.display()),
            Self::Unix(None) => f.write_str("unix:"),
            Self::InProcess => f.write_str("in-process"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// What protects the bytes of a connection. Levels compare: more is greater.
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
