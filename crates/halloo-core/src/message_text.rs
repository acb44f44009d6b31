//! The percent-encoding of the `grpc-message` trailer. Called by the side that writes or reads trailers.
//!
//! Space to `~` except `%` travel as they are; every other byte of the UTF-8 text is `%` and two hexadecimal digits. So
//! are spaces at either end, where no field value may have any (RFC 9113 section 8.2.1).

use std::borrow::Cow;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Encodes a status message for the `grpc-message` trailer; borrows when nothing needs an escape.
///
/// ```
/// # use halloo_core as halloo;
/// use halloo::percent_encode_message;
///
/// assert_eq!(percent_encode_message("100 % sure"), "100 %25 sure");
/// ```
pub fn percent_encode_message(message: &str) -> Cow<'_, str> {
    // The inner text begins and ends with something else than a space; a text of spaces has no inner text.
    let inner_start = message.len() - message.trim_start_matches(' ').len();
    let inner_end = message.trim_end_matches(' ').len();
    let needs_escape_at = |(at, byte)| needs_escape(byte) || at < inner_start || at >= inner_end;
    let Some(first) = message.bytes().enumerate().position(needs_escape_at) else {
        return Cow::Borrowed(message);
    };
    // A message with one odd character often has more: room for some escapes, not for the worst case.
    let mut encoded = String::with_capacity(message.len() + 32);
    encoded.push_str(&message[..first]);
    for (at, byte) in message.bytes().enumerate().skip(first) {
        if needs_escape_at((at, byte)) {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        } else {
            encoded.push(char::from(byte));
        }
    }
    Cow::Owned(encoded)
}

/// Decodes a `grpc-message` trailer. Never fails, as gRPC asks: a broken escape stays as it is, and bytes that are
/// not UTF-8 become U+FFFD.
///
/// ```
/// # use halloo_core as halloo;
/// use halloo::percent_decode_message;
///
/// assert_eq!(percent_decode_message(b"100 %25 sure, %zz"), "100 % sure, %zz");
/// ```
pub fn percent_decode_message(encoded: &[u8]) -> String {
    let Some(first) = encoded.iter().position(|&byte| byte == b'%') else {
        return String::from_utf8_lossy(encoded).into_owned();
    };
    let mut decoded = Vec::with_capacity(encoded.len());
    decoded.extend_from_slice(&encoded[..first]);
    let mut rest = &encoded[first..];
    while let Some((&byte, after)) = rest.split_first() {
        match escaped_byte(rest) {
            Some(escaped) => {
                decoded.push(escaped);
                rest = &rest[3..];
            }
            None => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    match String::from_utf8(decoded) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    }
}

fn needs_escape(byte: u8) -> bool {
    !matches!(byte, b' '..=b'~') || byte == b'%'
}

/// Reads a whole escape at the start of `text`.
pub(crate) fn escaped_byte(text: &[u8]) -> Option<u8> {
    let &[b'%', high, low, ..] = text else {
        return None;
    };
    let high = char::from(high).to_digit(16)?;
    let low = char::from(low).to_digit(16)?;
    Some((high * 16 + low) as u8)
}
