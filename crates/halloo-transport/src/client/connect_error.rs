//! Why a connection could not be made.

use std::borrow::Cow;
use std::fmt;
use std::io;

/// Says why a connection could not be made.
#[derive(Debug)]
pub struct ConnectError {
    reason: String,
    kind: ConnectErrorKind,
    source: Option<io::Error>,
}

/// What kind of failure it was, as far as somebody can do something about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectErrorKind {
    /// The socket failed, or the connection ended before the peer said anything that tells what it is.
    #[default]
    Io,
    /// The peer accepted the connection and then said nothing.
    Silent,
    /// The peer answered in something that is neither HTTP/2 nor TLS.
    NotHttp2,
    /// The peer speaks TLS, and this connection is plaintext.
    SpeaksTls {
        /// The DNS names in its certificate; empty if they are not known.
        names: Vec<String>,
    },
    /// The peer speaks plaintext, and this connection has to be TLS.
    SpeaksPlaintext {
        /// What it speaks: `HTTP/2`.
        protocol: &'static str,
    },
    /// The handshake of TLS failed: the reason says whose fault it is.
    Tls {
        /// What can be done about it.
        hint: Option<Cow<'static, str>>,
    },
}

impl ConnectError {
    pub(crate) fn new(reason: impl Into<String>, kind: ConnectErrorKind) -> Self {
        Self { reason: reason.into(), kind, source: None }
    }

    pub(crate) fn from_io(error: io::Error) -> Self {
        let reason = match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
            io::ErrorKind::NotFound => "no such socket".to_owned(),
            io::ErrorKind::TimedOut => "timed out".to_owned(),
            io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            _ => error.to_string(),
        };
        Self::new(reason, ConnectErrorKind::Io).caused_by(error)
    }

    pub(crate) fn caused_by(mut self, error: io::Error) -> Self {
        self.source = Some(error);
        self
    }

    /// Returns what kind of failure it was.
    pub fn kind(&self) -> &ConnectErrorKind {
        &self.kind
    }

    /// Says whether the peer answered, but in something that is neither HTTP/2 nor TLS.
    pub fn is_not_http2(&self) -> bool {
        self.kind == ConnectErrorKind::NotHttp2
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| error as _)
    }
}
