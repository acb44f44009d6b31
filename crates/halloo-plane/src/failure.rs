//! Why servers cannot be reached, and the texts that say so.
//!
//! A text names the place, the cause and every address that was tried; a hint names only what the reader can do.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use halloo_core::{Address, Status};

/// Says why an attempt to connect to one address failed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConnectFailure {
    /// The address.
    pub address: Address,
    /// Why, in words: `connection refused`.
    pub reason: String,
    /// From the start of the attempt to its end.
    pub took: Duration,
    pub(crate) cause: Cause,
    pub(crate) hint: Option<Cow<'static, str>>,
}

/// What kind of failure it was, as far as a hint depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Nothing listens at the address.
    Refused,
    /// There is no socket at the path.
    NoSocket,
    /// Nobody accepted the connection in time.
    TimedOut,
    /// The peer accepted the connection and said nothing.
    Silent,
    /// The peer answered in something that is not HTTP/2.
    NotHttp2,
    /// One side speaks TLS, and the other does not.
    Mismatch,
    /// TLS has failed.
    Tls,
    /// Anything else.
    Other,
}

/// Why an attempt failed, before it is known to whom and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// Why, in words: `connection refused`.
    pub reason: String,
    /// What the hint depends on, if there is none of its own.
    pub cause: Cause,
    /// What to do about it.
    pub hint: Option<Cow<'static, str>>,
}

impl Unreachable {
    /// An attempt that took longer than `limit`; `accepted`: the peer took the connection.
    pub(crate) fn timed_out(limit: Duration, accepted: bool) -> Self {
        let limit = duration_text(limit);
        let (reason, cause) = match accepted {
            false => (format!("no answer within {limit}"), Cause::TimedOut),
            true => (format!("it accepted the connection, but did not answer within {limit}"), Cause::Silent),
        };
        Self { reason, cause, hint: None }
    }
}

impl ConnectFailure {
    pub(crate) fn new(address: Address, why: Unreachable, took: Duration) -> Self {
        Self { address, reason: why.reason, took, cause: why.cause, hint: why.hint }
    }

    /// The status of calls to `target` while all its addresses have failed; `failures` are the latest of each.
    pub(crate) fn status(target: &str, failures: &[Self]) -> Status {
        let Some(last) = failures.last() else {
            return Status::unavailable(format!("cannot reach {target}: it has no address"));
        };
        let message = match (last.cause, last.reason.strip_prefix("it ")) {
            // `it answered ...` and `it speaks ...` are about the peer, which only one address may have.
            (Cause::Silent | Cause::NotHttp2 | Cause::Mismatch | Cause::Tls, Some(what)) => {
                format!("{} {what}", last.address)
            }
            _ => format!("cannot reach {target}: {}", last.reason),
        };
        let status = Status::unavailable(message).note("tried", tried_text(failures));
        match last.hint.clone().or_else(|| hint(last.cause, &last.address).map(Cow::from)) {
            Some(hint) => status.note("hint", hint),
            None => status,
        }
    }
}

fn tried_text(failures: &[ConnectFailure]) -> String {
    let mut text = String::new();
    for failure in failures {
        let separator = if text.is_empty() { "" } else { " · " };
        let _ = write!(text, "{separator}{} {} ({})", failure.address, failure.reason, duration_text(failure.took));
    }
    text
}

fn hint(cause: Cause, address: &Address) -> Option<&'static str> {
    match (cause, address) {
        (Cause::Refused, Address::Tcp(_)) => Some("nothing listens there; start the server, or check host and port"),
        (Cause::Refused, _) => Some("nothing listens there; the socket is left from a server that has ended"),
        (Cause::NoSocket, _) => Some("the server has not made its socket yet; start it, or check the path"),
        (Cause::TimedOut, _) => Some("a firewall may drop the packets, or the host is down; check host and port"),
        (Cause::Silent, _) => {
            Some("the process there may hang, or be no gRPC server; check the address, and the server's log")
        }
        (Cause::NotHttp2, _) => Some("check the port: a gRPC server speaks HTTP/2 there"),
        (Cause::Other | Cause::Mismatch | Cause::Tls, _) => None,
    }
}

/// The status of calls while `target`'s name has no address.
pub(crate) fn unresolved(host: &str, error: &io::Error) -> Status {
    let text = error.to_string();
    let reason = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    let mut reason = reason.to_owned();
    if let Some(first) = reason.get_mut(..1) {
        first.make_ascii_lowercase();
    }
    // EAI_AGAIN of getaddrinfo(3): not the name is wrong.
    let hint = match reason.contains("temporary failure") {
        true => "this machine's name server did not answer; check the network, or call again later",
        false if host.contains('%') => "check the name of the interface behind the %, and that this machine has it",
        false => "check the spelling of the host, and that this machine's name server knows it",
    };
    Status::unavailable(format!("cannot resolve {host}: {reason}")).note("hint", hint)
}

/// A duration for people: `0.3 ms`, `200 ms`, `1.5 s`.
pub fn duration_text(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (amount, digits, unit) = match seconds {
        s if s >= 1.0 => (s, 3, "s"),
        s if s >= 1e-4 => (s * 1e3, 1, "ms"),
        s => (s * 1e6, 0, "µs"),
    };
    let text = format!("{amount:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    format!("{text} {unit}")
}

#[cfg(test)]
#[path = "../tests/unit/failure.rs"]
mod tests;
