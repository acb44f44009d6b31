//! `-bin` values: any text is decoded as base64 or refused whole, and what we write comes back as it was.

use bytes::Bytes;
use halloo_core::Metadata;

/// Runs one input: the whole of it as a received value, and as a value to be sent.
pub fn run(data: &[u8]) {
    let mut received = Metadata::new();
    received.push_wire(b"a-bin", Bytes::from_static(b"AA==")).expect("base64");
    let pushed = received.push_wire(b"x-bin", Bytes::copy_from_slice(data));
    let values: Vec<Bytes> = received.get_all_bin("x-bin").collect();
    let parts: Option<Vec<Vec<u8>>> = data.split(|byte| *byte == b',').map(|part| decode(part.trim_ascii())).collect();
    assert_eq!(pushed.is_ok(), parts.is_some());
    assert_eq!(values, parts.unwrap_or_default());

    let mut sent = Metadata::new();
    sent.append_bin("x-bin", Bytes::copy_from_slice(data)).expect("a good key");
    for value in values {
        sent.append_bin("x-bin", value).expect("a good key");
    }
    let mut back = Metadata::new();
    for (name, value) in sent.wire_iter() {
        assert!(!value.contains(&b'='), "we write no padding");
        back.push_wire(name.as_bytes(), Bytes::copy_from_slice(&value)).expect("what we write we can read");
    }
    assert_eq!(sent, back);
}

/// The oracle: base64 of the standard alphabet, bit by bit; padding may be there, whole or in part, or not.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let end = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
    let (digits, padding) = text.split_at(end);
    let needed = (4 - digits.len() % 4) % 4;
    if needed == 3 || padding.len() > needed || padding.iter().any(|byte| *byte != b'=') {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Some(bytes)
}
