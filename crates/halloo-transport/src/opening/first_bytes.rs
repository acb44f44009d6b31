//! What a client speaks, told from the first bytes that it sends. Pure.

/// Bytes that always tell; as long as HTTP/2's preface (RFC 9113 section 3.4).
pub(crate) const FIRST_BYTES: usize = 24;

/// As many bytes of HTTP/2's preface as no method of HTTP/1.x begins with.
const PREFACE_START: &[u8] = b"PRI * HTTP/2";

/// The first bytes of a TLS record with a handshake message (RFC 8446 section 5.1); the minor version varies.
const TLS_HANDSHAKE: [u8; 2] = [0x16, 0x03];

/// The longest method of HTTP/1.x that is recognised.
const MAX_METHOD_BYTES: usize = 18;

/// What a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spoken {
    /// HTTP/2, or nothing that is known; the engine finds out which.
    Http2,
    /// A request line, as HTTP/1.x begins with.
    Http1,
    /// TLS.
    Tls,
}

impl Spoken {
    /// Tells from the `first` bytes; `None` while there are too few.
    pub(crate) fn of(first: &[u8]) -> Option<Self> {
        let common = |start: &[u8]| {
            let length = first.len().min(start.len());
            first[..length] == start[..length]
        };
        if common(&TLS_HANDSHAKE) {
            return (first.len() >= TLS_HANDSHAKE.len()).then_some(Self::Tls);
        }
        if common(PREFACE_START) {
            return (first.len() >= PREFACE_START.len()).then_some(Self::Http2);
        }
        request_line(first)
    }
}

/// `GET /`: a method in capitals, a space, and the first character of a target (RFC 9112 section 3).
fn request_line(first: &[u8]) -> Option<Spoken> {
    let is_method = |byte: &u8| byte.is_ascii_uppercase() || *byte == b'-';
    let method = first.iter().take_while(|byte| is_method(byte)).count();
    if method > MAX_METHOD_BYTES {
        return Some(Spoken::Http2);
    }
    let speaks = match (&first[..method], &first[method..]) {
        (_, []) | ([_, ..], [b' ']) => return None,
        // What follows CONNECT is a host.
        (b"CONNECT", [b' ', ..]) | ([_, ..], [b' ', b'/' | b'*' | b'h', ..]) => Spoken::Http1,
        _ => Spoken::Http2,
    };
    Some(speaks)
}

#[cfg(test)]
#[path = "../../tests/unit/opening/first_bytes.rs"]
mod tests;
