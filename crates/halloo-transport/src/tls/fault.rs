//! Why TLS failed, in words: what the peer did or is, and what its reader can do.

use std::fmt;
use std::io;
use std::time::Duration;

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};

/// A reason, and a hint if there is something to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// Of the peer, as `it ...` or `its ...`.
    pub(crate) reason: String,
    pub(crate) hint: Option<&'static str>,
}

/// Who tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Server,
    Client(Shown),
}

/// What a client has for its side of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// It has a certificate of its own.
    pub(crate) identity: bool,
    /// It trusts authorities of its own choice rather than the system's.
    pub(crate) own_roots: bool,
}

impl Fault {
    fn new(reason: impl Into<String>, hint: Option<&'static str>) -> Self {
        Self { reason: reason.into(), hint }
    }

    /// What `error` of a handshake, or of a connection after it, means.
    pub(crate) fn of(error: &io::Error, side: Side) -> Self {
        if let Some(fault) = Self::of_tls(error, side) {
            return fault;
        }
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                Self::new("it closed the connection in the TLS handshake", closed_hint(side))
            }
            _ => Self::new(format!("the TLS handshake failed: {error}"), None),
        }
    }

    /// A server that agreed to TLS, and then closed the connection without a word. Some do that to a client whose
    /// certificate they do not accept.
    pub(crate) fn of_silence(side: Side) -> Self {
        let hint = match side {
            Side::Client(Shown { identity: true, .. }) => {
                "it may not accept this client's certificate; its log may say why"
            }
            _ => {
                "it may want a certificate of this client: ClientTls::new().identity_files(\"client.pem\", \"client.key\")"
            }
        };
        Self::new("it closed the connection right after the TLS handshake", Some(hint))
    }

    /// As [`of`](Self::of); `None` if TLS has nothing to do with it.
    pub(crate) fn of_tls(error: &io::Error, side: Side) -> Option<Self> {
        let error = error.get_ref()?.downcast_ref::<Error>()?;
        Some(match error {
            Error::InvalidCertificate(error) => of_certificate(error, side),
            Error::AlertReceived(alert) => of_alert(*alert, side),
            Error::NoCertificatesPresented => Self::new("it showed no certificate, and one is required", None),
            Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
                Self::new("it says something that is not TLS", None)
            }
            Error::NoApplicationProtocol => Self::new("it offers no protocol that is served here (ALPN)", None),
            Error::PeerIncompatible(why) => {
                Self::new(format!("its TLS and this side's do not match: {}", words(why)), None)
            }
            Error::PeerMisbehaved(why) => Self::new(format!("it breaks the rules of TLS: {}", words(why)), None),
            Error::InvalidMessage(why) => Self::new(format!("it says something that is not TLS: {}", words(why)), None),
            error => Self::new(format!("the TLS handshake failed: {}", of_own(error)), None),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

fn closed_hint(side: Side) -> Option<&'static str> {
    matches!(side, Side::Client(_)).then_some("check that the port speaks TLS, and look into the server's log")
}

/// This side does not accept the peer's certificate.
fn of_certificate(error: &CertificateError, side: Side) -> Fault {
    use CertificateError as E;

    const CLOCK: Option<&str> = Some("renew the certificate, or set this machine's clock");
    match error {
        E::UnknownIssuer => {
            Fault::new("its certificate comes from no authority that is trusted here", trust_hint(side))
        }
        E::NotValidForNameContext { expected, presented } => {
            let (names, hint) = match presented.as_slice() {
                [] => ("for no host at all".to_owned(), "the certificate needs the host's name (subjectAltName)"),
                names => (
                    format!("for {}", list(names.iter().map(|name| bare(name)))),
                    "use one of these names, or say which: .domain_name(\"..\")",
                ),
            };
            Fault::new(format!("its certificate is {names}, not for {}", expected.to_str()), Some(hint))
        }
        E::NotValidForName => Fault::new("its certificate is for another host", None),
        E::ExpiredContext { time, not_after } => {
            Fault::new(format!("its certificate expired {} ago", span(*not_after, *time)), CLOCK)
        }
        E::Expired => Fault::new("its certificate has expired", CLOCK),
        E::NotValidYetContext { time, not_before } => {
            Fault::new(format!("its certificate is valid only in {}", span(*time, *not_before)), CLOCK)
        }
        E::NotValidYet => Fault::new("its certificate is not valid yet", CLOCK),
        E::Revoked => Fault::new("its certificate was revoked", None),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => {
            let purpose = if side == Side::Server { "clients (clientAuth)" } else { "servers (serverAuth)" };
            Fault::new(format!("its certificate is not meant for {purpose}"), None)
        }
        // The authority's key is of another kind, or is another key.
        E::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } | E::BadSignature => {
            Fault::new("its certificate was signed by another authority of the same name", Some(twin_hint(side)))
        }
        E::UnsupportedSignatureAlgorithmContext { .. } => {
            let hint = "make it again: ECDSA with P-256, Ed25519, or RSA of 2048 bits and more, with SHA-256";
            Fault::new("its certificate is signed in a way that is not known here", Some(hint))
        }
        E::BadEncoding => Fault::new("its certificate is damaged", None),
        E::Other(error) if error.0.downcast_ref() == Some(&webpki::Error::CaUsedAsEndEntity) => {
            let whom = if side == Side::Server { "client" } else { "server" };
            let reason = format!("its certificate is an authority's own, which no {whom} may show");
            Fault::new(reason, Some("let the authority sign another certificate for it (basicConstraints CA:FALSE)"))
        }
        E::Other(error) => Fault::new(format!("its certificate cannot be used: {}", words(&error.0)), None),
        error => Fault::new(format!("its certificate cannot be used: {}", words(error)), None),
    }
}

fn twin_hint(side: Side) -> &'static str {
    match side {
        Side::Server => "is `client_ca` the authority's current certificate?",
        Side::Client(_) => {
            "is the ca_file the server's current one? An own authority: .tls(ClientTls::new().ca_file(\"ca.pem\")?)"
        }
    }
}

fn trust_hint(side: Side) -> Option<&'static str> {
    Some(match side {
        Side::Server => "the authorities that clients' certificates may come from are in `client_ca`",
        Side::Client(Shown { own_roots: true, .. }) => "check that the given authority issued the server's certificate",
        Side::Client(_) => "if it is from an authority of your own: ClientTls::new().ca_file(\"ca.pem\")",
    })
}

/// The peer does not accept something of this side.
fn of_alert(alert: AlertDescription, side: Side) -> Fault {
    use AlertDescription as A;

    let mine = if side == Side::Server { "server" } else { "client" };
    let has_identity = !matches!(side, Side::Client(Shown { identity: false, .. }));
    match alert {
        A::CertificateRequired => wants_certificate(),
        A::BadCertificate | A::HandshakeFailure if !has_identity => wants_certificate(),
        A::UnknownCA => Fault::new(
            format!("it does not trust the authority of this {mine}'s certificate"),
            match side {
                Side::Server => Some("give the client the authority: ClientTls::new().ca_file(\"ca.pem\")"),
                Side::Client(_) => Some("show a certificate that the server's client authority has issued"),
            },
        ),
        A::CertificateExpired => Fault::new(
            format!("it says that this {mine}'s certificate has expired"),
            Some("renew it, or set the other machine's clock"),
        ),
        A::BadCertificate
        | A::UnsupportedCertificate
        | A::CertificateUnknown
        | A::CertificateRevoked
        | A::AccessDenied
        | A::DecryptError => Fault::new(format!("it refused this {mine}'s certificate ({})", name(alert)), None),
        A::NoApplicationProtocol => Fault::new(
            "it speaks TLS, but does not serve HTTP/2 there (ALPN h2)",
            Some("check that it is a gRPC server"),
        ),
        A::ProtocolVersion | A::HandshakeFailure | A::InsufficientSecurity => {
            let reason = format!("it and this {mine} have no TLS version or cipher in common ({})", name(alert));
            Fault::new(reason, Some("TLS 1.3 and 1.2 are spoken here"))
        }
        A::CloseNotify => Fault::new("it closed the connection in the TLS handshake", closed_hint(side)),
        alert => Fault::new(format!("it ended TLS ({})", name(alert)), None),
    }
}

fn wants_certificate() -> Fault {
    Fault::new(
        "it wants a certificate of this client, which has none",
        Some("ClientTls::new().identity_files(\"client.pem\", \"client.key\")"),
    )
}

/// `CertificateUnknown` as RFC 8446 has it: `certificate_unknown`.
fn name(alert: AlertDescription) -> String {
    let mut name = String::new();
    for char in format!("{alert:?}").chars() {
        if char.is_ascii_uppercase() && name.chars().last().is_some_and(|last| last.is_ascii_lowercase()) {
            name.push('_');
        }
        name.push(char.to_ascii_lowercase());
    }
    name
}

/// What is wrong with something of this side, which rustls refuses.
pub(super) fn of_own(error: &Error) -> String {
    match error {
        Error::General(text) => text.clone(),
        Error::InvalidCertificate(error) => words(error),
        error => words(error),
    }
}

/// `unhandled critical extension` of a variant called `UnhandledCriticalExtension`, without what is in it: that is for
/// those who know the library.
fn words(variant: &dyn fmt::Debug) -> String {
    let shown = format!("{variant:?}");
    let mut text = String::new();
    let mut before = ' ';
    for char in shown.chars().take_while(char::is_ascii_alphanumeric) {
        if char.is_ascii_uppercase() && before.is_ascii_lowercase() {
            text.push(' ');
        }
        text.push(char.to_ascii_lowercase());
        before = char;
    }
    text
}

/// `example.com` of `DnsName("example.com")`.
fn bare(name: &str) -> &str {
    let inside = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inside.trim_matches('"')
}

/// Names of a peer's making, a few of them, fit for a terminal.
fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 5;
    let mut text = String::new();
    for (index, name) in names.enumerate() {
        if index == SHOWN {
            text.push_str(", ...");
            break;
        }
        text.push_str(if index == 0 { "" } else { ", " });
        text.extend(name.chars().filter(|char| !char.is_control()).take(120));
    }
    text
}

fn span(from: UnixTime, to: UnixTime) -> String {
    let seconds = Duration::from_secs(to.as_secs().saturating_sub(from.as_secs())).as_secs();
    let (amount, unit) = match seconds {
        s if s >= 86_400 => (s / 86_400, "day"),
        s if s >= 3_600 => (s / 3_600, "hour"),
        s if s >= 60 => (s / 60, "minute"),
        s => (s, "second"),
    };
    format!("{amount} {unit}{}", if amount == 1 { "" } else { "s" })
}

#[cfg(test)]
#[path = "../../tests/unit/tls/fault.rs"]
mod tests;
