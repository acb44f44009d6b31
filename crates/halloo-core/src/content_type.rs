//! The `content-type` of gRPC: which codec a message is in. Called once a request or response head.

const GRPC: &[u8] = b"application/grpc";

/// Reads the content-subtype, the name of the codec, from a `content-type` header.
///
/// `None` means that the request or response is not gRPC. gRPC-Web (`application/grpc-web`) is another protocol and
/// gives `None` too. The subtype keeps its case; [`Codecs::find`](crate::Codecs::find) ignores it.
///
/// ```
/// use halloo_core::content_subtype;
///
/// assert_eq!(content_subtype(b"application/grpc"), Some("proto"));
/// assert_eq!(content_subtype(b"application/grpc+json"), Some("json"));
/// assert_eq!(content_subtype(b"text/html"), None);
/// ```
pub fn content_subtype(content_type: &[u8]) -> Option<&str> {
    let (media_type, rest) = content_type.split_at_checked(GRPC.len())?;
    // Nearly all write it in lower case, which is one comparison of 16 bytes.
    if media_type != GRPC && !media_type.eq_ignore_ascii_case(GRPC) {
        return None;
    }
    match rest.first() {
        None => return Some("proto"),
        Some(b'+' | b';' | b' ' | b'\t') => {}
        Some(_) => return None,
    }
    let end = rest.iter().position(|&byte| byte == b';').unwrap_or(rest.len());
    match rest[..end].trim_ascii_end() {
        [] => Some("proto"),
        [b'+', subtype @ ..] if !subtype.is_empty() && subtype.iter().all(is_subtype_byte) => {
            std::str::from_utf8(subtype).ok()
        }
        _ => None,
    }
}

/// The characters of a restricted name (RFC 6838 section 4.2).
fn is_subtype_byte(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(byte)
}
