//! `grpc-message`: any bytes are read without a failure, and what we write comes back as it was.

use halloo_core::{percent_decode_message, percent_encode_message};

/// Runs one input: the whole of it as a trailer's value, and as a message.
pub fn run(data: &[u8]) {
    let decoded = percent_decode_message(data);
    assert_eq!(decoded, read_by_hand(data));
    check(&decoded);
    check(&String::from_utf8_lossy(data));
}

fn check(message: &str) {
    let encoded = percent_encode_message(message);
    assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')), "{encoded:?} is no header value");
    assert!(encoded.len() <= 3 * message.len());
    assert_eq!(percent_decode_message(encoded.as_bytes()), message);
}

/// The oracle: escapes become bytes, all else stays.
fn read_by_hand(data: &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut at = 0;
    while at < data.len() {
        let escape = data.get(at + 1..at + 3).and_then(|digits| std::str::from_utf8(digits).ok());
        let is_hex = |digits: &&str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match escape.filter(is_hex).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if data[at] == b'%' => {
                bytes.push(byte);
                at += 3;
            }
            _ => {
                bytes.push(data[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
