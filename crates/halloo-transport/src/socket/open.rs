//! How the socket of a client's connection is opened.

use std::io;
#[cfg(target_os = "linux")]
use std::path::PathBuf;
use std::time::Duration;

use halloo_core::{Address, Peer};
#[cfg(target_os = "linux")]
use halloo_core::{PeerAddress, SecurityLevel};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// Connects to `address`. Bytes that the other side does not acknowledge within `user_timeout` break a TCP connection, on Linux.
pub(crate) async fn open(address: &Address, user_timeout: Option<Duration>) -> io::Result<(Socket, Peer)> {
    match address {
        Address::Tcp(address) => {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            set_user_timeout(&socket, user_timeout);
            Ok((Socket::Tcp(socket), Peer::tcp(*address)))
        }
        #[cfg(unix)]
        Address::Unix(path) => {
            let socket = UnixStream::connect(path).await?;
            Ok((Socket::Unix(socket), Peer::unix(Some(path.clone()))))
        }
        #[cfg(target_os = "linux")]
        Address::UnixAbstract(name) => {
            let socket = UnixStream::connect(abstract_path(name)).await?;
            let peer = Peer::new(PeerAddress::Unix(None), SecurityLevel::PrivacyAndIntegrity);
            Ok((Socket::Unix(socket), peer))
        }
        #[allow(unreachable_patterns, reason = "every pattern is taken on Linux")]
        _ => Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no such sockets")),
    }
}

/// Lets the kernel give up on bytes that were not acknowledged for so long (gRFC A18).
pub(crate) fn set_user_timeout(socket: &TcpStream, timeout: Option<Duration>) {
    #[cfg(target_os = "linux")]
    if timeout.is_some() {
        // A kernel that knows no such limit has its own, and the PING's stays.
        let _ = socket2::SockRef::from(socket).set_tcp_user_timeout(timeout);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, timeout);
}

/// Tokio takes abstract names as paths that begin with a zero byte.
#[cfg(target_os = "linux")]
pub(crate) fn abstract_path(name: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;

    std::ffi::OsString::from_vec([&[0], name].concat()).into()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[tokio::test]
    async fn bytes_that_nobody_acknowledges_have_as_long_as_a_ping() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::Tcp(listener.local_addr().unwrap());
        for timeout in [None, Some(Duration::from_secs(20))] {
            let (Socket::Tcp(socket), _) = open(&address, timeout).await.unwrap() else { panic!("it is TCP") };
            assert_eq!(socket2::SockRef::from(&socket).tcp_user_timeout().unwrap(), timeout);
        }
    }
}
