//! `ChannelTarget`: what a channel is made for, out of the [`Target`] that users write. Pure.

use std::fmt;

use halloo_core::{Address, HostPort, Purpose, Status, Target};

pub(crate) use halloo_core::Scheme;

/// The ports of targets that name none: HTTP's, without TLS and with it.
const PLAINTEXT_PORT: u16 = 80;
const TLS_PORT: u16 = 443;

const EXPECTED: &str = "http://host:port, https://host:port, host:port, dns:///host:port, ipv4:1.2.3.4:port, ipv6:[::1]:port, \
                        unix:path or unix-abstract:name";

/// A parsed target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChannelTarget {
    /// What errors call it: host and port, or the socket.
    pub(crate) name: String,
    /// The `:authority` of its calls.
    pub(crate) authority: String,
    pub(crate) destination: Destination,
    pub(crate) scheme: Scheme,
}

/// Whether a channel was given TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Security {
    Plaintext,
    #[cfg_attr(not(feature = "_tls"), expect(dead_code, reason = "no channel can be given it without the feature"))]
    Tls,
}

/// Where the addresses of a target come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Destination {
    /// The system looks it up: a name, or an address with the name of an interface, whose number may change.
    Host {
        host: String,
        port: u16,
    },
    Addresses(Vec<Address>),
}

impl ChannelTarget {
    /// Reads `text`, for a channel that was given `security` beside it.
    pub(crate) fn parse(text: &str, security: Security) -> Result<Self, Status> {
        let text = text.trim();
        let mistake = |why: String| {
            Status::invalid_argument(format!("{text:?} is not a target: {why}")).note("expected", EXPECTED)
        };
        match Target::parse(text, Purpose::Connect).map_err(|error| mistake(error.to_string()))? {
            #[cfg(not(feature = "_tls"))]
            Target::Tcp { scheme: Scheme::Https, .. } => Err(Status::failed_precondition(
                "https needs the \"tls\" feature of halloo, which this build does not have",
            )
            .note("hint", "cargo add halloo --features tls; use http:// only on a network that you trust")),
            Target::Tcp { scheme, hosts } => {
                Self::of_hosts(scheme, &hosts, default_port(scheme, security)).map_err(mistake)
            }
            Target::Unix(path) => Ok(Self::of_socket(Address::Unix(path))),
            Target::UnixAbstract(name) => Ok(Self::of_socket(Address::UnixAbstract(name))),
            _ => Err(mistake("it is of a kind that channels do not know".into())),
        }
    }

    /// The target of a channel whose addresses come from a resolver of the user's: their ports are not the scheme's
    /// default, so no text may name it.
    pub(crate) fn resolved_elsewhere(mut self) -> Self {
        if self.name.strip_prefix(&self.authority).is_some_and(|port| port.starts_with(':')) {
            self.name.clone_from(&self.authority);
        }
        self
    }

    /// Whether it is one host with a port, rather than a list of addresses or a socket.
    pub(crate) fn is_host(&self) -> bool {
        match &self.destination {
            Destination::Host { .. } => true,
            Destination::Addresses(addresses) => matches!(addresses.as_slice(), [Address::Tcp(_)]),
        }
    }

    fn of_hosts(scheme: Scheme, hosts: &[HostPort], default_port: u16) -> Result<Self, String> {
        let with_port = |part: &HostPort| format!("{}:{}", part.host, part.port.unwrap_or(default_port));
        let names: Vec<_> = hosts.iter().map(with_port).collect();
        let authority = hosts.first().map(authority).unwrap_or_default();
        let destination = match hosts {
            [one] if one.host.socket_addr(0).is_none() => {
                Destination::Host { host: one.host.look_up_name(), port: one.port.unwrap_or(default_port) }
            }
            many => {
                Destination::Addresses(many.iter().map(|one| address(one, default_port)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { name: names.join(","), authority, destination, scheme })
    }

    fn of_socket(address: Address) -> Self {
        let name = address.to_string();
        Self {
            name,
            authority: "localhost".into(),
            destination: Destination::Addresses(vec![address]),
            scheme: Scheme::Other,
        }
    }
}

impl fmt::Display for ChannelTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

fn default_port(scheme: Scheme, security: Security) -> u16 {
    match (scheme, security) {
        (Scheme::Https, _) | (Scheme::Other, Security::Tls) => TLS_PORT,
        (Scheme::Http, _) | (Scheme::Other, Security::Plaintext) => PLAINTEXT_PORT,
    }
}

/// The `:authority`: the host without a zone, and the port if the target has one.
fn authority(HostPort { host, port }: &HostPort) -> String {
    let host = host.without_zone();
    match port {
        Some(port) => format!("{host}:{port}"),
        None => host.to_string(),
    }
}

/// The address of a host that needs no look-up.
fn address(HostPort { host, port }: &HostPort, default_port: u16) -> Result<Address, String> {
    let address = host.socket_addr(port.unwrap_or(default_port)).map(Address::Tcp);
    address.ok_or_else(|| format!("in a list, {host} has to have the number of its interface: [fe80::1%2]"))
}

#[cfg(test)]
#[path = "../../tests/unit/connect/target.rs"]
mod tests;
