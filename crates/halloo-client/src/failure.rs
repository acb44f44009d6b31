//! What went wrong on the way to a server, and the texts that say so.
//!
//! A text names the place, the cause and every address that was tried; a hint names only what the reader can do.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use halloo_core::{Address, Code, MethodDescriptor, Status};
use halloo_transport::{ConnectError, ConnectErrorKind};

use crate::connect::target::Scheme;

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
pub(crate) enum Cause {
    Refused,
    NoSocket,
    TimedOut,
    /// The peer accepted the connection and said nothing.
    Silent,
    /// The peer answered in something that is not HTTP/2.
    NotHttp2,
    /// One side speaks TLS, and the other does not.
    Mismatch,
    /// TLS has failed.
    Tls,
    Other,
}

/// Why an attempt failed, before it is known to whom and how long it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreachable {
    pub(crate) reason: String,
    pub(crate) cause: Cause,
    pub(crate) hint: Option<Cow<'static, str>>,
}

/// What a channel was told of TLS, for errors that repeat it.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) target: String,
    pub(crate) scheme: Scheme,
    /// It is one host, so it may have another scheme: no list of addresses, and no socket.
    pub(crate) is_host: bool,
}

impl Said {
    fn plaintext(&self) -> &'static str {
        if self.scheme == Scheme::Http { "the address says http://" } else { "this channel is plaintext" }
    }

    fn tls(&self) -> &'static str {
        if self.scheme == Scheme::Https { "the address says https://" } else { "this channel is TLS" }
    }

    /// What to do about a server that speaks plaintext.
    fn use_plaintext(&self) -> String {
        let how = match self.scheme {
            Scheme::Https => format!("use http://{}", self.target),
            _ => "leave `.tls(..)` out".into(),
        };
        format!("{how} if you trust this network; nothing falls back to it")
    }

    /// What to do about a server that speaks TLS; `names` are those in its certificate, as far as they are known.
    fn use_tls(&self, names: &[String]) -> String {
        const SHOWN: usize = 5;
        let mut hint = match self.is_host {
            true => format!("use https://{}", self.target),
            false => "give the channel `.tls(ClientTls::new())`".into(),
        };
        if cfg!(not(feature = "_tls")) {
            hint.push_str(", with the feature \"tls\": cargo add halloo --features tls");
        }
        if !names.is_empty() {
            let shown: Vec<String> = names.iter().take(SHOWN).map(|name| name.escape_debug().to_string()).collect();
            let more = if names.len() > SHOWN { ", ..." } else { "" };
            let _ = write!(hint, " (its certificate is for {}{more})", shown.join(", "));
        }
        hint
    }
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

    pub(crate) fn new(error: &ConnectError, said: &Said) -> Self {
        let reason = error.to_string();
        match error.kind() {
            ConnectErrorKind::Silent => Self { reason, cause: Cause::Silent, hint: None },
            ConnectErrorKind::NotHttp2 => Self { reason, cause: Cause::NotHttp2, hint: None },
            ConnectErrorKind::SpeaksTls { names } => Self {
                reason: format!("it speaks TLS, but {}", said.plaintext()),
                cause: Cause::Mismatch,
                hint: Some(said.use_tls(names).into()),
            },
            ConnectErrorKind::SpeaksPlaintext { protocol } => Self {
                reason: format!("it speaks plaintext {protocol}, but {}", said.tls()),
                cause: Cause::Mismatch,
                hint: Some(said.use_plaintext().into()),
            },
            ConnectErrorKind::Tls { hint } => Self { reason, cause: Cause::Tls, hint: hint.clone() },
            _ => Self { reason, cause: Cause::of_io(error), hint: None },
        }
    }
}

impl Cause {
    fn of_io(error: &ConnectError) -> Self {
        let kind = std::error::Error::source(error).and_then(|source| source.downcast_ref()).map(io::Error::kind);
        match kind {
            Some(io::ErrorKind::ConnectionRefused) => Self::Refused,
            Some(io::ErrorKind::NotFound) => Self::NoSocket,
            Some(io::ErrorKind::TimedOut) => Self::TimedOut,
            _ => Self::Other,
        }
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

/// A status with which `who` of this side may fail a call: codes of applications become INTERNAL, since they are about what
/// was called, and not about the way to it (gRFC A54).
pub(crate) fn of_control_plane(status: Status, who: &str) -> Status {
    match status.code() {
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::DataLoss => {
            let text = format!("{who} failed with {}: {}", status.code(), status.message());
            status.notes().iter().fold(Status::internal(text), |status, note| status.note(note.label(), note.text()))
        }
        _ => status,
    }
}

/// Adds the method to a status of a call, in front of its other notes.
pub(crate) fn calling(status: &Status, method: &MethodDescriptor) -> Status {
    if status.notes().iter().any(|note| note.label() == "calling") {
        return status.clone();
    }
    let mut named = Status::new(status.code(), status.message())
        .details_bytes(status.details().clone())
        .note("calling", method.full_name());
    *named.metadata_mut() = status.metadata().clone();
    for note in status.notes() {
        named = named.note(note.label(), note.text());
    }
    match std::error::Error::source(status) {
        Some(_) => named.caused_by(SourceOf(status.clone())),
        None => named,
    }
}

/// Stands for the source of a status, which cannot be taken out of it.
#[derive(Debug)]
struct SourceOf(Status);

impl std::fmt::Display for SourceOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match std::error::Error::source(&self.0) {
            Some(source) => std::fmt::Display::fmt(source, f),
            None => std::fmt::Display::fmt(&self.0, f),
        }
    }
}

impl std::error::Error for SourceOf {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.0)?.source()
    }
}

/// A duration for people: `0.3 ms`, `200 ms`, `1.5 s`.
pub(crate) fn duration_text(duration: Duration) -> String {
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

pub(crate) fn no_runtime() -> Status {
    Status::internal("calls need a tokio runtime; await them in a task of one")
}

#[cfg(test)]
mod tests {
    use halloo_core::MethodKind;

    use super::*;

    static SAY_HELLO: MethodDescriptor =
        MethodDescriptor::new("greeter.Greeter", "SayHello", "/greeter.Greeter/SayHello", MethodKind::Unary);

    fn failure(address: &str, reason: &str, cause: Cause, micros: u64) -> ConnectFailure {
        let address = Address::Tcp(address.parse().unwrap());
        let why = Unreachable { reason: reason.into(), cause, hint: None };
        ConnectFailure::new(address, why, Duration::from_micros(micros))
    }

    #[test]
    fn e01_names_every_address_its_reason_and_its_time() {
        let failures = [
            failure("[::1]:50051", "connection refused", Cause::Refused, 130),
            failure("127.0.0.1:50051", "connection refused", Cause::Refused, 320),
        ];
        let status = calling(&ConnectFailure::status("localhost:50051", &failures), &SAY_HELLO);
        assert_eq!(
            format!("{status:?}"),
            "cannot reach localhost:50051: connection refused (UNAVAILABLE)\n  \
             calling  greeter.Greeter/SayHello\n  \
             tried    [::1]:50051 connection refused (0.1 ms) · 127.0.0.1:50051 connection refused (0.3 ms)\n  \
             hint     nothing listens there; start the server, or check host and port"
        );
    }

    #[test]
    fn e05_says_what_the_peer_is() {
        let reason = "it answered HTTP/1.1 404 Not Found text/html; it is a web server, not gRPC";
        let failures = [failure("127.0.0.1:8080", reason, Cause::NotHttp2, 1500)];
        let status = ConnectFailure::status("localhost:8080", &failures);
        assert_eq!(
            status.to_string(),
            "127.0.0.1:8080 answered HTTP/1.1 404 Not Found text/html; it is a web server, not gRPC (UNAVAILABLE)"
        );
    }

    #[test]
    fn an_attempt_without_an_answer_says_how_long() {
        let why = Unreachable::timed_out(Duration::from_secs(20), false);
        let address = Address::Tcp("192.0.2.1:1".parse().unwrap());
        let failures = [ConnectFailure::new(address, why, Duration::from_secs(20))];
        assert_eq!(
            format!("{:?}", ConnectFailure::status("192.0.2.1:1", &failures)),
            "cannot reach 192.0.2.1:1: no answer within 20 s (UNAVAILABLE)\n  \
             tried    192.0.2.1:1 no answer within 20 s (20 s)\n  \
             hint     a firewall may drop the packets, or the host is down; check host and port"
        );
    }

    #[test]
    fn a_name_that_does_not_resolve_is_named() {
        const UNKNOWN: &str = "Name or service not known";
        for (host, error, hint) in [
            (
                "nowhere.invalid",
                UNKNOWN,
                "check the spelling of the host, and that this machine's name server knows it",
            ),
            ("fe80::1%eth7", UNKNOWN, "check the name of the interface behind the %, and that this machine has it"),
            (
                "nowhere.invalid",
                "Temporary failure in name resolution",
                "this machine's name server did not answer; check the network, or call again later",
            ),
        ] {
            let reason = error.replacen(char::is_uppercase, &error[..1].to_lowercase(), 1);
            let error = io::Error::other(format!("failed to lookup address information: {error}"));
            assert_eq!(
                format!("{:?}", unresolved(host, &error)),
                format!("cannot resolve {host}: {reason} (UNAVAILABLE)\n  hint     {hint}")
            );
        }
    }

    #[test]
    fn the_cause_survives_a_note() {
        let status = Status::internal("no").caused_by(io::Error::other("disk"));
        let status = calling(&status, &SAY_HELLO);
        assert_eq!(format!("{status:?}"), "no (INTERNAL)\n  calling  greeter.Greeter/SayHello\n  cause    disk");
    }

    #[test]
    fn durations_are_short() {
        for (micros, text) in [
            (0, "0 µs"),
            (42, "42 µs"),
            (320, "0.3 ms"),
            (200_000, "200 ms"),
            (199_340, "199.3 ms"),
            (1_500_000, "1.5 s"),
            (20_000_000, "20 s"),
        ] {
            assert_eq!(duration_text(Duration::from_micros(micros)), text);
        }
    }
}
