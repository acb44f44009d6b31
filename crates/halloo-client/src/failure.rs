//! What went wrong on the way to a server, and the texts that say so.
//!
//! A text names the place, the cause and every address that was tried; a hint names only what the reader can do.

use std::fmt::Write as _;
use std::io;

use halloo_core::{Code, MethodRef, Status};
use halloo_plane::{Cause, Unreachable};
use halloo_transport::{ConnectError, ConnectErrorKind};

use crate::connect::target::Scheme;

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

/// Why `error` has kept a connection from being made, on a channel that was told `said`.
pub(crate) fn unreachable(error: &ConnectError, said: &Said) -> Unreachable {
    let reason = error.to_string();
    match error.kind() {
        ConnectErrorKind::Silent => Unreachable { reason, cause: Cause::Silent, hint: None },
        ConnectErrorKind::NotHttp2 => Unreachable { reason, cause: Cause::NotHttp2, hint: None },
        ConnectErrorKind::SpeaksTls { names } => Unreachable {
            reason: format!("it speaks TLS, but {}", said.plaintext()),
            cause: Cause::Mismatch,
            hint: Some(said.use_tls(names).into()),
        },
        ConnectErrorKind::SpeaksPlaintext { protocol } => Unreachable {
            reason: format!("it speaks plaintext {protocol}, but {}", said.tls()),
            cause: Cause::Mismatch,
            hint: Some(said.use_plaintext().into()),
        },
        ConnectErrorKind::Tls { hint } => Unreachable { reason, cause: Cause::Tls, hint: hint.clone() },
        _ => Unreachable { reason, cause: cause_of_io(error), hint: None },
    }
}

fn cause_of_io(error: &ConnectError) -> Cause {
    let kind = std::error::Error::source(error).and_then(|source| source.downcast_ref()).map(io::Error::kind);
    match kind {
        Some(io::ErrorKind::ConnectionRefused) => Cause::Refused,
        Some(io::ErrorKind::NotFound) => Cause::NoSocket,
        Some(io::ErrorKind::TimedOut) => Cause::TimedOut,
        _ => Cause::Other,
    }
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
pub(crate) fn calling(status: &Status, method: &MethodRef) -> Status {
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

pub(crate) fn no_runtime() -> Status {
    Status::internal("calls need a tokio runtime; await them in a task of one")
}

#[cfg(test)]
#[path = "../tests/unit/failure.rs"]
mod tests;
