//! What a peer speaks that is not HTTP/2, told from its first bytes: for an error that says so.

use crate::connect_error::ConnectErrorKind;

/// First bytes that are kept; enough for a status line and a content type.
const KEPT_BYTES: usize = 1024;

/// What is said of a peer that speaks TLS where it should not.
pub(crate) const SPEAKS_TLS: &str = "it speaks TLS, but this connection is plaintext";

/// How an alert of TLS begins (RFC 8446 section 5.1).
const TLS_ALERT: [u8; 2] = [0x15, 0x03];

#[derive(Debug, Default)]
pub(crate) enum Sniff {
    #[default]
    Nothing,
    Http2,
    Other(Vec<u8>),
}

impl Sniff {
    /// Looks at what arrived. Only the first look counts, and those that continue what is not HTTP/2.
    pub(crate) fn look(&mut self, bytes: &[u8]) {
        match self {
            Self::Nothing if bytes.starts_with(b"HTTP/1.") || bytes.starts_with(&TLS_ALERT) => {
                *self = Self::Other(bytes[..bytes.len().min(KEPT_BYTES)].to_vec());
            }
            Self::Nothing if bytes.len() >= 7 => *self = Self::Http2,
            _ => {}
        }
    }

    /// What the peer is, in words, and for programs.
    pub(crate) fn not_http2(&self) -> Option<(String, ConnectErrorKind)> {
        let Self::Other(bytes) = self else { return None };
        if bytes.starts_with(&TLS_ALERT) {
            return Some((SPEAKS_TLS.into(), ConnectErrorKind::SpeaksTls { names: Vec::new() }));
        }
        let text = String::from_utf8_lossy(bytes);
        let mut lines = text.lines();
        let status_line = printable(lines.next().unwrap_or_default());
        let content_type = lines
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"))
            .map(|(_, value)| format!(" {}", printable(value.trim())))
            .unwrap_or_default();
        let reason = format!("it answered {status_line}{content_type}; it is a web server, not gRPC");
        Some((reason, ConnectErrorKind::NotHttp2))
    }
}

/// A peer's words, fit for a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_server_is_described() {
        let mut sniff = Sniff::default();
        sniff.look(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>");
        assert_eq!(
            sniff.not_http2(),
            Some((
                "it answered HTTP/1.1 400 Bad Request text/html; it is a web server, not gRPC".into(),
                ConnectErrorKind::NotHttp2
            ))
        );
    }

    #[test]
    fn a_tls_alert_is_recognised() {
        let mut sniff = Sniff::default();
        sniff.look(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x32]);
        let kind = ConnectErrorKind::SpeaksTls { names: Vec::new() };
        assert_eq!(sniff.not_http2(), Some((SPEAKS_TLS.into(), kind)));
    }

    #[test]
    fn http2_is_nothing_special() {
        let mut sniff = Sniff::default();
        sniff.look(&[0, 0, 6, 4, 0, 0, 0, 0, 0]);
        sniff.look(b"HTTP/1.1 400 Bad Request\r\n");
        assert_eq!(sniff.not_http2(), None);
    }
}
