//! `Address`: where one connection goes to, with nothing left to look up.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::target::Escaped;

/// Names where a connection can be made to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// An IP address and a port.
    Tcp(SocketAddr),
    /// A Unix socket in the file system.
    Unix(PathBuf),
    /// A Unix socket in Linux's abstract namespace, without the leading zero byte.
    UnixAbstract(Vec<u8>),
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", Escaped(path.as_os_str().as_encoded_bytes())),
            Self::UnixAbstract(name) => write!(f, "unix-abstract:{}", Escaped(name)),
        }
    }
}
