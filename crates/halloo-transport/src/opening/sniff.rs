//! What a peer speaks that is not HTTP/2, told from its first bytes: for an error that says so.

use halloo_http2::{Error, Violation};

use crate::client::connect_error::ConnectErrorKind;

/// First bytes that are kept; enough for a status line and a content type.
const KEPT_BYTES: usize = 1024;

/// What is said of a peer that speaks TLS where it should not.
pub(crate) const SPEAKS_TLS: &str = "it speaks TLS, but this connection is plaintext";

/// How an alert of TLS begins (RFC 8446 section 5.1).
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

/// The largest frame that may come before this side's SETTINGS are known (RFC 9113 section 6.5.2). Read as the length
/// of a frame, the first three letters of any text say far more.
const MAX_FRAME_BYTES: u32 = 16_384;

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) enum Sniff {
    #[default]
    Nothing,
    /// Too few bytes to tell.
    Start(Vec<u8>),
    Http2,
    Other(Vec<u8>),
}

impl Sniff {
    /// Looks at what arrived: all of it, since the engine consumes nothing before it has the head of a frame.
    pub(crate) fn read(&mut self, bytes: &[u8]) {
        if *self == Self::Http2 {
            return;
        }
        let kept = || bytes[..bytes.len().min(KEPT_BYTES)].to_vec();
        *self = match bytes {
            [] => return,
            _ if bytes.starts_with(&TLS_ALERT) => Self::Other(kept()),
            [a, b, c, ..] if u32::from_be_bytes([0, *a, *b, *c]) <= MAX_FRAME_BYTES => Self::Http2,
            [_, _, _, ..] => Self::Other(kept()),
            _ => Self::Start(kept()),
        };
    }

    /// What the peer is, in words, and for programs.
    pub(crate) fn not_http2(&self) -> Option<(String, ConnectErrorKind)> {
        let bytes = match self {
            Self::Other(bytes) => bytes,
            // A length of HTTP/2 that was cut short begins so.
            Self::Start(bytes) if !bytes.starts_with(&[0]) => bytes,
            _ => return None,
        };
        if bytes.starts_with(&TLS_ALERT) {
            return Some((SPEAKS_TLS.into(), ConnectErrorKind::SpeaksTls { names: Vec::new() }));
        }
        let text = String::from_utf8_lossy(bytes);
        let reason = if text.starts_with("HTTP/1.") {
            format!("it answered {}; it is a web server, not gRPC", status_line(&text))
        } else if text.trim_start().starts_with('<') {
            // As servers of HTTP/1.x do that take a version they do not know for HTTP/0.9, which has no status line.
            "it answered with a bare web page, as servers of HTTP/1.1 do; it is a web server, not gRPC".into()
        } else if let Some(line) = first_line(&text) {
            format!("it answered {line:?}, which is not HTTP/2")
        } else {
            "it answered with bytes that are not HTTP/2".into()
        };
        Some((reason, ConnectErrorKind::NotHttp2))
    }

    /// The peer said nothing until the time for its first SETTINGS was over, and the connection ended with `error`.
    pub(crate) fn silence(&self, error: Option<&Error>) -> Option<(String, ConnectErrorKind)> {
        let is_late = matches!(error, Some(Error::Connection(Violation::HandshakeTimeout)));
        let is_silence = is_late && *self == Self::Nothing;
        is_silence.then(|| ("it accepted the connection, but did not answer".into(), ConnectErrorKind::Silent))
    }
}

/// The status line of a response of HTTP/1.x, and its content type.
fn status_line(text: &str) -> String {
    let mut lines = text.lines();
    let status_line = printable(lines.next().unwrap_or_default());
    let content_type = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| format!(" {}", printable(value.trim())))
        .unwrap_or_default();
    format!("{status_line}{content_type}")
}

/// The first line, if it is one to read.
fn first_line(text: &str) -> Option<String> {
    let line = text.lines().next()?.trim();
    let is_text =
        !line.is_empty() && line.chars().all(|char| !char.is_control() && char != char::REPLACEMENT_CHARACTER);
    is_text.then(|| printable(line))
}

/// A peer's words, fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(120).collect()
}

#[cfg(test)]
#[path = "../../tests/unit/opening/sniff.rs"]
mod tests;
