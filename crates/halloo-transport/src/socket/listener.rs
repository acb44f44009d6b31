//! Listening sockets: TCP on both IP families at once, and Unix sockets, named by a path or an abstract name.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use halloo_core::{Escaped, Peer};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
#[cfg(unix)]
use tokio::net::{UnixListener, UnixStream};

#[cfg(target_os = "linux")]
use crate::socket::open::abstract_path;

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 1024;

/// Says where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenAddress {
    /// An IP address and a port; port 0 lets the system choose. `[::]` takes IPv4 too.
    Tcp(SocketAddr),
    /// A Unix socket in the file system. The file is made on binding and removed when the listener is dropped.
    Unix(PathBuf),
    /// A Unix socket in Linux's abstract namespace, without the leading zero byte. Every process of the machine's network
    /// namespace may connect: there is no file with permissions.
    UnixAbstract(Vec<u8>),
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", Escaped(path.as_os_str().as_encoded_bytes())),
            Self::UnixAbstract(name) => write!(f, "unix-abstract:{}", Escaped(name)),
        }
    }
}

/// Accepts connections on a bound socket.
#[derive(Debug)]
pub struct Listener {
    socket: ListenerSocket,
    address: ListenAddress,
}

#[derive(Debug)]
enum ListenerSocket {
    Tcp(TcpListener),
    #[cfg(unix)]
    Unix(UnixListener),
}

/// A connection that was accepted.
#[derive(Debug)]
pub struct Accepted {
    /// The socket.
    pub socket: AcceptedSocket,
    /// Who connected.
    pub peer: Peer,
}

/// The socket of an accepted connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum AcceptedSocket {
    /// TCP, without Nagle's delay.
    Tcp(TcpStream),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Says why a server cannot listen.
#[derive(Debug)]
pub struct BindError {
    address: ListenAddress,
    source: io::Error,
}

impl BindError {
    /// Returns where it tried to listen.
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Returns what the system said.
    pub fn io_error(&self) -> &io::Error {
        &self.source
    }

    /// Returns what the system said, by value.
    pub fn into_io_error(self) -> io::Error {
        self.source
    }
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.source.kind(), &self.address) {
            (io::ErrorKind::AddrInUse, ListenAddress::Tcp(address)) => {
                write!(f, "port {} is already in use", address.port())
            }
            (io::ErrorKind::AddrInUse, ListenAddress::Unix(path)) => {
                write!(f, "a server already listens on {}", path.display())
            }
            (io::ErrorKind::AddrInUse, address) => write!(f, "a server already listens on {address}"),
            (io::ErrorKind::AlreadyExists, ListenAddress::Unix(path)) => {
                write!(f, "{} is there already, and is no socket", path.display())
            }
            (io::ErrorKind::PermissionDenied, address) => write!(f, "no permission to listen on {address}"),
            (io::ErrorKind::AddrNotAvailable, address) => write!(f, "this machine does not have the address {address}"),
            (_, address) => write!(f, "cannot listen on {address}: {}", self.source),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

impl Listener {
    /// Binds `address`. Needs a tokio runtime.
    ///
    /// # Errors
    /// What the system said, for which address.
    pub fn bind(address: &ListenAddress) -> Result<Self, BindError> {
        let bound = match address {
            ListenAddress::Tcp(tcp) => bind_tcp(*tcp).and_then(|listener| {
                let address = ListenAddress::Tcp(listener.local_addr()?);
                Ok(Self { socket: ListenerSocket::Tcp(listener), address })
            }),
            #[cfg(unix)]
            ListenAddress::Unix(path) => bind_unix(path)
                .map(|listener| Self { socket: ListenerSocket::Unix(listener), address: address.clone() }),
            #[cfg(target_os = "linux")]
            ListenAddress::UnixAbstract(name) => UnixListener::bind(abstract_path(name))
                .map(|listener| Self { socket: ListenerSocket::Unix(listener), address: address.clone() }),
            #[allow(unreachable_patterns, reason = "every pattern is taken on Linux")]
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no such sockets")),
        };
        bound.map_err(|source| BindError { address: address.clone(), source })
    }

    /// Returns where it listens, with the port that the system chose.
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Waits for a connection. Cancel safe.
    ///
    /// # Errors
    /// What the system said; running out of file descriptors among it, so the caller waits a little and goes on.
    pub async fn accept(&self) -> io::Result<Accepted> {
        match &self.socket {
            ListenerSocket::Tcp(listener) => {
                let (socket, address) = listener.accept().await?;
                // A peer that is gone already is found out by the first read.
                let _ = socket.set_nodelay(true);
                Ok(Accepted { socket: AcceptedSocket::Tcp(socket), peer: Peer::tcp(canonical(address)) })
            }
            #[cfg(unix)]
            ListenerSocket::Unix(listener) => {
                let (socket, address) = listener.accept().await?;
                let peer = Peer::unix(address.as_pathname().map(Path::to_owned));
                Ok(Accepted { socket: AcceptedSocket::Unix(socket), peer })
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let ListenAddress::Unix(path) = &self.address {
            // Somebody may have removed it; then nothing is left to do.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// An IPv4 peer of a socket for both families, as IPv4.
fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    match listen(address) {
        Err(error) if address.ip().is_unspecified() && address.is_ipv6() && lacks_ipv6(&error) => {
            listen(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), address.port()))
        }
        result => result,
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        socket.set_only_v6(false)?;
    }
    // On Unix this lets a server restart while old connections fade; on Windows it would let two servers share.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Whether a machine without IPv6 would say this.
fn lacks_ipv6(error: &io::Error) -> bool {
    const EAFNOSUPPORT: [i32; 3] = [97, 47, 10047];
    error.kind() == io::ErrorKind::AddrNotAvailable
        || error.raw_os_error().is_some_and(|code| EAFNOSUPPORT.contains(&code))
}

/// A socket file that nobody listens on is left over from a server that was killed, and is replaced.
#[cfg(unix)]
fn bind_unix(path: &Path) -> io::Result<UnixListener> {
    match UnixListener::bind(path) {
        // The system says the same of a server's socket and of any other file.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !is_socket(path) => {
            Err(io::Error::new(io::ErrorKind::AlreadyExists, error))
        }
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_stale(path) => {
            std::fs::remove_file(path)?;
            UnixListener::bind(path)
        }
        result => result,
    }
}

#[cfg(unix)]
fn is_socket(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt as _;

    std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

#[cfg(unix)]
fn is_stale(path: &Path) -> bool {
    let connected = std::os::unix::net::UnixStream::connect(path);
    connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let path = std::env::temp_dir().join(format!("halloo-no-socket-{}", std::process::id()));
        std::fs::write(&path, "precious").unwrap();
        let error = Listener::bind(&ListenAddress::Unix(path.clone())).unwrap_err();
        assert_eq!(error.to_string(), format!("{} is there already, and is no socket", path.display()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
        std::fs::remove_file(&path).unwrap();
    }
}
