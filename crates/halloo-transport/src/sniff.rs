//! What a peer speaks that is not HTTP/2, told from its first bytes: for an error that says so.

/// First bytes that are kept; enough for a status line and a content type.
const KEPT_BYTES: usize = 1024;

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
            Self::Nothing if bytes.starts_with(b"HTTP/1.") || bytes.starts_with(&[0x15, 0x03]) => {
                *self = Self::Other(bytes[..bytes.len().min(KEPT_BYTES)].to_vec());
            }
            Self::Nothing if bytes.len() >= 7 => *self = Self::Http2,
            _ => {}
        }
    }

    pub(crate) fn is_not_http2(&self) -> bool {
        matches!(self, Self::Other(_))
    }

    /// What the peer is, in words.
    pub(crate) fn not_http2(&self) -> Option<String> {
        let Self::Other(bytes) = self else { return None };
        if bytes.starts_with(&[0x15, 0x03]) {
            return Some("it speaks TLS, but this connection is plaintext".into());
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
        Some(format!("it answered {status_line}{content_type}; it is a web server, not gRPC"))
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
            sniff.not_http2().as_deref(),
            Some("it answered HTTP/1.1 400 Bad Request text/html; it is a web server, not gRPC")
        );
    }

    #[test]
    fn a_tls_alert_is_recognised() {
        let mut sniff = Sniff::default();
        sniff.look(&[0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x32]);
        assert_eq!(sniff.not_http2().as_deref(), Some("it speaks TLS, but this connection is plaintext"));
    }

    #[test]
    fn http2_is_nothing_special() {
        let mut sniff = Sniff::default();
        sniff.look(&[0, 0, 6, 4, 0, 0, 0, 0, 0]);
        sniff.look(b"HTTP/1.1 400 Bad Request\r\n");
        assert!(!sniff.is_not_http2());
    }
}
