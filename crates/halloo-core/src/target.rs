//! `Target`: what a client connects to or a server binds, as users write it (gRPC's naming.md). Pure.
//!
//! ```text
//! http://host[:port]   https://host[:port]   host[:port]   dns:[///]host[:port]   ipv4:1.2.3.4[:port],..
//! ipv6:[::1][:port],..   unix:path   unix:///absolute/path   unix-abstract:name       servers: :port
//! ```

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::path::PathBuf;

use crate::message_text::escaped_byte;

/// An address as it was written, with nothing looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// Hosts, at least one; only `ipv4:` and `ipv6:` have more.
    Tcp {
        /// What the text says of TLS.
        scheme: Scheme,
        /// In the order in which they were written.
        hosts: Vec<HostPort>,
    },
    /// A Unix socket in the file system.
    Unix(PathBuf),
    /// A Unix socket in Linux's abstract namespace, without the leading zero byte.
    UnixAbstract(Vec<u8>),
}

/// What an address says of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http:`: there is none.
    Http,
    /// `https:`: it is a must.
    Https,
    /// Nothing.
    Other,
}

/// Which end of connections an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A client connects to it: port 0 is a mistake, and the host cannot be left out.
    Connect,
    /// A server listens on it: port 0 lets the system choose, `:port` means every interface, and there is no `http:`.
    Listen,
}

/// A host and, if the text has one, a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// The host.
    pub host: Host,
    /// The port, if the text has one.
    pub port: Option<u16>,
}

/// A host. `Display` writes it as an address has it, an IPv6 address in brackets and with its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Host {
    /// Every interface of this machine: a server's `:port`.
    Any,
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address; the zone is that of a link-local one.
    V6(Ipv6Addr, Option<Zone>),
    /// A name that has to be looked up.
    Name(String),
}

/// The zone of a link-local address: the interface of this machine behind which the address is (RFC 4007 section 11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Zone {
    /// The number of the interface.
    Index(u32),
    /// The name of the interface, `eth0`; the system knows the number.
    Name(String),
}

/// What is wrong with an address, in words that go on after "is not an address: ".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError(String);

/// The schemes that are read.
const KNOWN: [&str; 7] = ["http", "https", "dns", "ipv4", "ipv6", "unix", "unix-abstract"];

/// Schemes of other gRPC libraries, so that `vsock:2:50051` is not taken for a host and a port.
const FOREIGN: [&str; 6] = ["vsock", "xds", "google-c2p", "passthrough", "tcp", "grpc"];

impl Target {
    /// Reads `text`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str, purpose: Purpose) -> Result<Self, TargetError> {
        let text = text.trim();
        let (scheme, rest) = split_scheme(text);
        match scheme.as_deref() {
            Some(scheme @ ("http" | "https")) if purpose == Purpose::Listen => {
                wrong(format!("a server listens on host:port, without {scheme}://"))
            }
            Some("http") => parse_http(rest, purpose).map(|host| Self::tcp(Scheme::Http, host)),
            Some("https") => parse_http(rest, purpose).map(|host| Self::tcp(Scheme::Https, host)),
            Some("dns") => parse_dns(rest, purpose).map(|host| Self::tcp(Scheme::Other, host)),
            Some("ipv4") => parse_list(rest, purpose, "IPv4", |host| matches!(host, Host::V4(_))),
            Some("ipv6") => parse_list(rest, purpose, "IPv6", |host| matches!(host, Host::V6(..))),
            Some("unix") => parse_unix(rest).map(Self::Unix),
            Some("unix-abstract") => parse_abstract(rest).map(Self::UnixAbstract),
            Some(other) => wrong(format!("the scheme `{other}:` is not known")),
            None => parse_host(text, purpose).map(|host| Self::tcp(Scheme::Other, host)),
        }
    }

    fn tcp(scheme: Scheme, host: HostPort) -> Self {
        Self::Tcp { scheme, hosts: vec![host] }
    }
}

impl Host {
    /// Returns the host as the peer hears of it in `:authority` and as its certificate has it: an IPv6 address in
    /// brackets, without the zone, which means nothing on another machine. RFC 6874 section 4 forbids to send it; RFC
    /// 9844, which obsoletes that, has it in user interfaces only.
    #[must_use]
    pub fn without_zone(&self) -> Self {
        match self {
            Self::V6(ip, _) => Self::V6(*ip, None),
            other => other.clone(),
        }
    }

    /// Returns the address with `port`, if it is complete: a name, and the name of an interface, have to be
    /// [looked up](Self::look_up_name). [`Any`](Self::Any) is `[::]`, which takes IPv4 too.
    #[must_use]
    pub fn socket_addr(&self, port: u16) -> Option<SocketAddr> {
        match self {
            Self::Any => Some((Ipv6Addr::UNSPECIFIED, port).into()),
            Self::V4(ip) => Some((*ip, port).into()),
            Self::V6(ip, None) => Some((*ip, port).into()),
            Self::V6(ip, Some(Zone::Index(index))) => Some(SocketAddrV6::new(*ip, port, 0, *index).into()),
            Self::V6(_, Some(Zone::Name(_))) | Self::Name(_) => None,
        }
    }

    /// Returns what the system's name look-up takes for this host: as `Display`, without brackets.
    #[must_use]
    pub fn look_up_name(&self) -> String {
        self.to_string().trim_matches(['[', ']']).to_owned()
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::V4(ip) => ip.fmt(f),
            Self::V6(ip, None) => write!(f, "[{ip}]"),
            Self::V6(ip, Some(Zone::Index(index))) => write!(f, "[{ip}%{index}]"),
            Self::V6(ip, Some(Zone::Name(name))) => write!(f, "[{ip}%{name}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TargetError {}

fn wrong<T>(why: impl Into<String>) -> Result<T, TargetError> {
    Err(TargetError(why.into()))
}

/// The scheme and what follows its colon. `host:port` has none: only known names, and what `://` follows, count.
fn split_scheme(text: &str) -> (Option<String>, &str) {
    let Some((scheme, rest)) = text.split_once(':') else { return (None, text) };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.'));
    let scheme = scheme.to_ascii_lowercase();
    let is_named = KNOWN.contains(&scheme.as_str()) || FOREIGN.contains(&scheme.as_str());
    // A machine may be called `unix` or `dns`, but then its port follows.
    let known = is_named && (!is_number(rest) || scheme.starts_with("unix"));
    if is_scheme && (known || rest.starts_with("//")) { (Some(scheme), rest) } else { (None, text) }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn parse_http(rest: &str, purpose: Purpose) -> Result<HostPort, TargetError> {
    let Some(rest) = rest.strip_prefix("//") else { return wrong("`//` has to follow the scheme") };
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if !matches!(path, "" | "/") {
        return wrong(format!("it has a path ({path}), but a service's name is its path"));
    }
    parse_host(authority, purpose)
}

fn parse_dns(rest: &str, purpose: Purpose) -> Result<HostPort, TargetError> {
    let name = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => match rest.split_once('/') {
            Some(("", name)) => name,
            Some((server, _)) => {
                return wrong(format!("it names a DNS server ({server}); only the system's is asked"));
            }
            None => return wrong("the name belongs behind a third slash: dns:///host:port"),
        },
    };
    parse_host(name, purpose)
}

fn parse_list(rest: &str, purpose: Purpose, version: &str, is_of: fn(&Host) -> bool) -> Result<Target, TargetError> {
    let mut hosts = Vec::new();
    for part in rest.split(',') {
        // gRPC's naming.md asks for brackets only where a port follows.
        let host = match parse_ipv6(part) {
            Ok(host) => HostPort { host, port: None },
            Err(_) => parse_host(part, purpose)?,
        };
        if !is_of(&host.host) {
            return wrong(format!("{part:?} is not an {version} address and a port"));
        }
        hosts.push(host);
    }
    Ok(Target::Tcp { scheme: Scheme::Other, hosts })
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, or a server's `:port`.
fn parse_host(text: &str, purpose: Purpose) -> Result<HostPort, TargetError> {
    if text.contains('@') {
        return wrong("it has a user name, which gRPC does not send");
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        let Some((ip, rest)) = bracketed.split_once(']') else { return wrong("the bracket `[` is not closed") };
        let host = parse_ipv6(ip)?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(parse_port(port, purpose)?),
            None if rest.is_empty() => None,
            None => return wrong(format!("{rest:?} follows the bracket where a port belongs")),
        };
        return Ok(HostPort { host, port });
    }
    if text.matches(':').count() > 1 {
        return wrong("an IPv6 address needs brackets: [::1]:50051");
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(port, purpose)?)),
        None => (text, None),
    };
    if host.is_empty() && (port.is_none() || purpose == Purpose::Connect) {
        return wrong("the host is missing");
    }
    let is_host_char = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_') || !char.is_ascii();
    if let Some(odd) = host.chars().find(|char| !is_host_char(*char)) {
        return wrong(format!("a host has no {odd:?}"));
    }
    let host = match host.parse() {
        _ if host.is_empty() => Host::Any,
        Ok(ip) => Host::V4(ip),
        Err(_) => Host::Name(host.to_owned()),
    };
    Ok(HostPort { host, port })
}

fn parse_port(text: &str, purpose: Purpose) -> Result<u16, TargetError> {
    let least = u16::from(purpose == Purpose::Connect);
    match text.parse() {
        Ok(port) if is_number(text) && port >= least => Ok(port),
        _ => wrong(format!("the port {text:?} is not a number from {least} to 65535")),
    }
}

/// An IPv6 address without brackets, with its zone.
fn parse_ipv6(text: &str) -> Result<Host, TargetError> {
    let (ip, zone) = match text.split_once('%') {
        Some((ip, zone)) => (ip, Some(zone)),
        None => (text, None),
    };
    let Ok(ip) = ip.parse::<Ipv6Addr>() else { return wrong(format!("{ip:?} is not an IPv6 address")) };
    match zone {
        // Only link-local addresses may have one (RFC 6874 section 4): elsewhere it would choose an interface unseen.
        Some(_) if !ip.is_unicast_link_local() => {
            wrong(format!("{ip} has a zone, and only link-local addresses (fe80::/10) have one"))
        }
        zone => Ok(Host::V6(ip, zone.map(parse_zone).transpose()?)),
    }
}

/// A zone as RFC 4007 section 11.2 and RFC 9844 write it, `%eth0` or `%2`, or as the obsolete RFC 6874 does, `%25eth0`.
/// Digits alone are a number, whatever they begin with: `%251` is interface 251, as `SocketAddrV6` prints it.
fn parse_zone(text: &str) -> Result<Zone, TargetError> {
    let fault = || TargetError(format!("the zone {text:?} is neither the name of an interface nor its number"));
    if is_number(text) {
        return text.parse().map(Zone::Index).map_err(|_| fault());
    }
    let name = text.strip_prefix("25").unwrap_or(text);
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%');
    if is_name { Ok(Zone::Name(name.to_owned())) } else { Err(fault()) }
}

fn parse_unix(rest: &str) -> Result<PathBuf, TargetError> {
    let path = match rest.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => return wrong("behind `unix://` the path has to be absolute: unix:///run/greeter.sock"),
        None => rest,
    };
    if path.is_empty() {
        return wrong("the path of the socket is missing");
    }
    socket::path(percent_decoded(path))
}

fn parse_abstract(rest: &str) -> Result<Vec<u8>, TargetError> {
    if rest.is_empty() {
        return wrong("the name of the socket is missing");
    }
    socket::abstract_name(percent_decoded(rest))
}

/// An address is a URI (naming.md), so a path may have escapes. What is none stays as it is, as in gRPC's C++ library.
fn percent_decoded(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escaped = escaped_byte(rest);
        decoded.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &rest[3..] } else { after };
    }
    decoded
}

/// What this system takes as the address of a Unix socket. Nothing is opened.
#[cfg(unix)]
mod socket {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;
    use std::os::unix::net::SocketAddr;
    use std::path::PathBuf;

    use super::{TargetError, wrong};

    pub(super) fn path(bytes: Vec<u8>) -> Result<PathBuf, TargetError> {
        let length = bytes.len();
        if bytes.contains(&0) {
            return wrong("a path has no zero byte");
        }
        let path = PathBuf::from(OsString::from_vec(bytes));
        match SocketAddr::from_pathname(&path) {
            Ok(_) => Ok(path),
            Err(_) => wrong(format!("the path of the socket is too long: it has {length} bytes{}", limit())),
        }
    }

    #[cfg(target_os = "linux")]
    pub(super) fn abstract_name(name: Vec<u8>) -> Result<Vec<u8>, TargetError> {
        use std::os::linux::net::SocketAddrExt as _;

        match SocketAddr::from_abstract_name(&name) {
            Ok(_) => Ok(name),
            Err(_) => wrong(format!("the name of the socket is too long: it has {} bytes{}", name.len(), limit())),
        }
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn abstract_name(_name: Vec<u8>) -> Result<Vec<u8>, TargetError> {
        wrong("only Linux has abstract sockets; elsewhere use unix:path")
    }

    /// `sun_path` of `sockaddr_un` less a zero byte, where it is known.
    fn limit() -> &'static str {
        if cfg!(target_os = "linux") { ", and 107 are the most" } else { "" }
    }
}

#[cfg(not(unix))]
mod socket {
    use std::path::PathBuf;

    use super::{TargetError, wrong};

    pub(super) fn path(_bytes: Vec<u8>) -> Result<PathBuf, TargetError> {
        wrong("this system has no Unix sockets")
    }

    pub(super) fn abstract_name(_name: Vec<u8>) -> Result<Vec<u8>, TargetError> {
        wrong("only Linux has abstract sockets")
    }
}

/// Writes a path or a name behind its scheme so that [`Target::parse`] reads the same bytes.
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for char in chunk.valid().chars() {
                match char {
                    '\0'..='\x1f' | '%' | '\x7f' => write!(f, "%{:02X}", u32::from(char))?,
                    char => write!(f, "{char}")?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "%{byte:02X}")?;
            }
        }
        Ok(())
    }
}
