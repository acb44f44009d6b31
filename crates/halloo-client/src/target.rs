//! `Target`: what a channel is made for, as users write it (gRPC's naming.md). Pure.
//!
//! ```text
//! http://host[:port]   https://host[:port]   host[:port]   dns:[///]host[:port]   ipv4:1.2.3.4[:port],..
//! ipv6:[::1][:port],..   unix:path   unix:///absolute/path   unix-abstract:name
//! ```

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use halloo_core::Status;
use halloo_transport::Address;

/// The ports of targets that name none: HTTP's, without TLS and with it.
const PLAINTEXT_PORT: u16 = 80;
const TLS_PORT: u16 = 443;

const EXPECTED: &str = "http://host:port, https://host:port, host:port, dns:///host:port, ipv4:1.2.3.4:port, ipv6:[::1]:port, \
                        unix:path or unix-abstract:name";

/// A parsed target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// What errors call it: host and port, or the socket.
    pub(crate) name: String,
    /// The `:authority` of its calls.
    pub(crate) authority: String,
    pub(crate) place: Place,
    pub(crate) scheme: Scheme,
}

/// What a target says of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheme {
    Http,
    Https,
    /// Nothing: the channel's settings say it.
    Other,
}

/// Whether a channel was given TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Plaintext,
    #[cfg_attr(not(feature = "_tls"), expect(dead_code, reason = "no channel can be given it without the feature"))]
    Tls,
}

impl Security {
    fn default_port(self) -> u16 {
        match self {
            Self::Plaintext => PLAINTEXT_PORT,
            Self::Tls => TLS_PORT,
        }
    }
}

/// Where the addresses of a target come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Host { host: String, port: u16 },
    Addresses(Vec<Address>),
}

impl Target {
    /// Reads `text`, for a channel that was given `security` beside it.
    pub(crate) fn parse(text: &str, security: Security) -> Result<Self, Status> {
        let text = text.trim();
        let port = security.default_port();
        let (scheme, rest) = split_scheme(text);
        let parsed = match scheme.as_deref() {
            #[cfg(not(feature = "_tls"))]
            Some("https") => {
                return Err(Status::failed_precondition(
                    "https needs the \"tls\" feature of halloo, which this build does not have",
                )
                .note("hint", "cargo add halloo --features tls; use http:// only on a network that you trust"));
            }
            #[cfg(feature = "_tls")]
            Some("https") => parse_http(rest, TLS_PORT).map(|target| target.scheme(Scheme::Https)),
            Some("http") => parse_http(rest, PLAINTEXT_PORT).map(|target| target.scheme(Scheme::Http)),
            Some("dns") => parse_dns(rest, port),
            Some("ipv4") => parse_list(rest, IpVersion::V4, port),
            Some("ipv6") => parse_list(rest, IpVersion::V6, port),
            Some("unix") => parse_unix(rest),
            Some("unix-abstract") => parse_abstract(rest),
            Some(other) => Err(Mistake::new(format!("the scheme `{other}:` is not known"))),
            None => parse_host(text, port),
        };
        parsed.map_err(|Mistake(why)| {
            Status::invalid_argument(format!("{text:?} is not a target: {why}")).note("expected", EXPECTED)
        })
    }

    fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    fn host(host: Host, port: Option<u16>, default_port: u16) -> Self {
        let port_number = port.unwrap_or(default_port);
        let authority = match port {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let name = format!("{host}:{port_number}");
        let place = match host {
            Host::Ip(ip) => Place::Addresses(vec![Address::Tcp(SocketAddr::new(ip, port_number))]),
            Host::Name(host) => Place::Host { host, port: port_number },
        };
        Self { name, authority, place, scheme: Scheme::Other }
    }

    fn socket(address: Address) -> Self {
        let name = address.to_string();
        Self { name, authority: "localhost".into(), place: Place::Addresses(vec![address]), scheme: Scheme::Other }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// What is wrong with a target, in words.
struct Mistake(String);

impl Mistake {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

enum Host {
    Ip(IpAddr),
    Name(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum IpVersion {
    V4,
    V6,
}

/// The scheme and what follows its colon. `host:port` has none: only known names, and what `://` follows, count.
fn split_scheme(text: &str) -> (Option<String>, &str) {
    const KNOWN: [&str; 7] = ["http", "https", "dns", "ipv4", "ipv6", "unix", "unix-abstract"];
    let Some((scheme, rest)) = text.split_once(':') else { return (None, text) };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.'));
    let scheme = scheme.to_ascii_lowercase();
    // A machine may be called `unix` or `dns`, but then its port follows.
    let is_port = !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    let known = KNOWN.contains(&scheme.as_str()) && (!is_port || scheme.starts_with("unix"));
    if is_scheme && (known || rest.starts_with("//")) { (Some(scheme), rest) } else { (None, text) }
}

fn parse_http(rest: &str, default_port: u16) -> Result<Target, Mistake> {
    let rest = rest.strip_prefix("//").ok_or_else(|| Mistake::new("`//` has to follow the scheme"))?;
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    if !matches!(path, "" | "/") {
        return Err(Mistake::new(format!("it has a path ({path}), but a service's name is its path")));
    }
    parse_host(authority, default_port)
}

fn parse_dns(rest: &str, default_port: u16) -> Result<Target, Mistake> {
    let name = match rest.strip_prefix("//") {
        None => rest,
        Some(rest) => match rest.split_once('/') {
            Some(("", name)) => name,
            Some((server, _)) => {
                return Err(Mistake::new(format!("it names a DNS server ({server}); only the system's is asked")));
            }
            None => return Err(Mistake::new("the name belongs behind a third slash: dns:///host:port")),
        },
    };
    parse_host(name, default_port)
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`.
fn parse_host(text: &str, default_port: u16) -> Result<Target, Mistake> {
    if text.contains('@') {
        return Err(Mistake::new("it has a user name, which gRPC does not send"));
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        let (ip, rest) = bracketed.split_once(']').ok_or_else(|| Mistake::new("the bracket `[` is not closed"))?;
        let ip: Ipv6Addr = ip.parse().map_err(|_| Mistake::new(format!("{ip:?} is not an IPv6 address")))?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(parse_port(port)?),
            None if rest.is_empty() => None,
            None => return Err(Mistake::new(format!("{rest:?} follows the bracket where a port belongs"))),
        };
        return Ok(Target::host(Host::Ip(ip.into()), port, default_port));
    }
    if text.matches(':').count() > 1 {
        return Err(Mistake::new("an IPv6 address needs brackets: [::1]:50051"));
    }
    let (host, port) = match text.split_once(':') {
        Some((host, port)) => (host, Some(parse_port(port)?)),
        None => (text, None),
    };
    if host.is_empty() {
        return Err(Mistake::new("the host is missing"));
    }
    let is_host_char = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_') || !char.is_ascii();
    if let Some(wrong) = host.chars().find(|char| !is_host_char(*char)) {
        return Err(Mistake::new(format!("a host has no {wrong:?}")));
    }
    let host = match host.parse::<Ipv4Addr>() {
        Ok(ip) => Host::Ip(ip.into()),
        Err(_) => Host::Name(host.to_owned()),
    };
    Ok(Target::host(host, port, default_port))
}

fn parse_port(text: &str) -> Result<u16, Mistake> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(port) if is_number && port != 0 => Ok(port),
        _ => Err(Mistake::new(format!("the port {text:?} is not a number from 1 to 65535"))),
    }
}

fn parse_list(rest: &str, version: IpVersion, default_port: u16) -> Result<Target, Mistake> {
    let mut addresses = Vec::new();
    let mut first = None;
    for part in rest.split(',') {
        let bare_v6 = part.parse::<Ipv6Addr>().ok().map(IpAddr::from);
        let target = match bare_v6 {
            Some(ip) => Target::host(Host::Ip(ip), None, default_port),
            None => parse_host(part, default_port)?,
        };
        match &target.place {
            Place::Addresses(list) if list.iter().all(|address| is_of(address, version)) => {
                addresses.extend_from_slice(list)
            }
            _ => {
                let name = if version == IpVersion::V4 { "IPv4" } else { "IPv6" };
                return Err(Mistake::new(format!("{part:?} is not an {name} address and a port")));
            }
        }
        first.get_or_insert(target);
    }
    let first = first.ok_or_else(|| Mistake::new("the list of addresses is empty"))?;
    let name = if addresses.len() == 1 { first.name } else { rest.to_owned() };
    Ok(Target { name, place: Place::Addresses(addresses), ..first })
}

fn is_of(address: &Address, version: IpVersion) -> bool {
    match address {
        Address::Tcp(address) => address.is_ipv4() == (version == IpVersion::V4),
        _ => false,
    }
}

fn parse_unix(rest: &str) -> Result<Target, Mistake> {
    let path = match rest.strip_prefix("//") {
        Some(path) if path.starts_with('/') => path,
        Some(_) => return Err(Mistake::new("behind `unix://` the path has to be absolute: unix:///run/greeter.sock")),
        None => rest,
    };
    if path.is_empty() {
        return Err(Mistake::new("the path of the socket is missing"));
    }
    Ok(Target::socket(Address::Unix(PathBuf::from(path))))
}

fn parse_abstract(rest: &str) -> Result<Target, Mistake> {
    if rest.is_empty() {
        return Err(Mistake::new("the name of the socket is missing"));
    }
    Ok(Target::socket(Address::UnixAbstract(rest.as_bytes().to_vec())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name | authority | where`, or the error as a person reads it.
    fn check(text: &str, expected: &str) {
        check_with(Security::Plaintext, text, expected);
    }

    fn check_with(security: Security, text: &str, expected: &str) {
        let shown = match Target::parse(text, security) {
            Ok(Target { name, authority, place: Place::Host { host, port }, .. }) => {
                format!("{name} | {authority} | look up {host} port {port}")
            }
            Ok(Target { name, authority, place: Place::Addresses(list), .. }) => {
                let list: Vec<_> = list.iter().map(ToString::to_string).collect();
                format!("{name} | {authority} | {}", list.join(" "))
            }
            Err(status) => status.to_string(),
        };
        assert_eq!(shown, expected, "{text}");
    }

    #[test]
    fn names_are_looked_up() {
        check("http://localhost:50051", "localhost:50051 | localhost:50051 | look up localhost port 50051");
        check("http://example.com/", "example.com:80 | example.com | look up example.com port 80");
        check("localhost:50051", "localhost:50051 | localhost:50051 | look up localhost port 50051");
        check("dns:///greeter.prod:443", "greeter.prod:443 | greeter.prod:443 | look up greeter.prod port 443");
        check("dns:greeter.prod", "greeter.prod:80 | greeter.prod | look up greeter.prod port 80");
        check("HTTP://Example.com:1", "Example.com:1 | Example.com:1 | look up Example.com port 1");
        check("dns:53", "dns:53 | dns:53 | look up dns port 53");
    }

    #[test]
    fn literal_addresses_need_no_look_up() {
        check("http://127.0.0.1:50051", "127.0.0.1:50051 | 127.0.0.1:50051 | 127.0.0.1:50051");
        check("http://[::1]:50051", "[::1]:50051 | [::1]:50051 | [::1]:50051");
        check("http://[::1]", "[::1]:80 | [::1] | [::1]:80");
        check("ipv4:10.0.0.1:1,10.0.0.2:2", "10.0.0.1:1,10.0.0.2:2 | 10.0.0.1:1 | 10.0.0.1:1 10.0.0.2:2");
        check("ipv6:[::1]:50051", "[::1]:50051 | [::1]:50051 | [::1]:50051");
        check("ipv6:::1", "[::1]:80 | [::1] | [::1]:80");
    }

    #[test]
    fn sockets_have_paths_or_names() {
        check("unix:run/greeter.sock", "unix:run/greeter.sock | localhost | unix:run/greeter.sock");
        check("unix:/run/greeter.sock", "unix:/run/greeter.sock | localhost | unix:/run/greeter.sock");
        check("unix:///run/greeter.sock", "unix:/run/greeter.sock | localhost | unix:/run/greeter.sock");
        check("unix-abstract:greeter", "unix-abstract:greeter | localhost | unix-abstract:greeter");
        check(
            "unix://run/x",
            "\"unix://run/x\" is not a target: behind `unix://` the path has to be absolute: \
             unix:///run/greeter.sock (INVALID_ARGUMENT)",
        );
    }

    #[test]
    fn mistakes_are_named() {
        for (text, why) in [
            ("", "the host is missing"),
            (":50051", "the host is missing"),
            ("localhost:port", "the port \"port\" is not a number from 1 to 65535"),
            ("localhost:70000", "the port \"70000\" is not a number from 1 to 65535"),
            ("localhost:0", "the port \"0\" is not a number from 1 to 65535"),
            ("::1:50051", "an IPv6 address needs brackets: [::1]:50051"),
            ("[::1:50051", "the bracket `[` is not closed"),
            ("http:localhost", "`//` has to follow the scheme"),
            (
                "http://localhost:1/greeter.Greeter",
                "it has a path (/greeter.Greeter), but a service's name is its path",
            ),
            ("http://me@localhost:1", "it has a user name, which gRPC does not send"),
            ("grpc://localhost:1", "the scheme `grpc:` is not known"),
            ("dns://8.8.8.8/x:1", "it names a DNS server (8.8.8.8); only the system's is asked"),
            ("dns://x:1", "the name belongs behind a third slash: dns:///host:port"),
            ("ipv4:localhost:1", "\"localhost:1\" is not an IPv4 address and a port"),
            ("ipv6:1.2.3.4:1", "\"1.2.3.4:1\" is not an IPv6 address and a port"),
            ("unix:", "the path of the socket is missing"),
            ("unix-abstract:", "the name of the socket is missing"),
            ("local host:1", "a host has no ' '"),
        ] {
            check(text, &format!("{text:?} is not a target: {why} (INVALID_ARGUMENT)"));
        }
    }

    #[test]
    fn a_mistake_shows_what_is_expected() {
        let status = Target::parse("grpc://localhost:1", Security::Plaintext).unwrap_err();
        assert_eq!(
            format!("{status:?}"),
            "\"grpc://localhost:1\" is not a target: the scheme `grpc:` is not known (INVALID_ARGUMENT)\n  \
             expected http://host:port, https://host:port, host:port, dns:///host:port, ipv4:1.2.3.4:port, \
             ipv6:[::1]:port, unix:path or unix-abstract:name"
        );
    }

    #[cfg(not(feature = "_tls"))]
    #[test]
    fn https_is_refused_and_never_sent_in_the_clear() {
        let status = Target::parse("https://localhost:50051", Security::Plaintext).unwrap_err();
        assert_eq!(
            format!("{status:?}"),
            "https needs the \"tls\" feature of halloo, which this build does not have (FAILED_PRECONDITION)\n  \
             hint     cargo add halloo --features tls; use http:// only on a network that you trust"
        );
    }

    #[cfg(feature = "_tls")]
    #[test]
    fn tls_has_a_port_of_its_own() {
        check("https://example.com", "example.com:443 | example.com | look up example.com port 443");
        check("https://[::1]:50051/", "[::1]:50051 | [::1]:50051 | [::1]:50051");
        let with_tls = |text, expected| check_with(Security::Tls, text, expected);
        with_tls("dns:///greeter.prod", "greeter.prod:443 | greeter.prod | look up greeter.prod port 443");
        with_tls("greeter.prod:1", "greeter.prod:1 | greeter.prod:1 | look up greeter.prod port 1");
        with_tls("ipv6:::1", "[::1]:443 | [::1] | [::1]:443");
        with_tls("http://example.com", "example.com:80 | example.com | look up example.com port 80");
    }
}
