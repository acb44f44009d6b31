//! Tests of `src/details_text.rs`.

use super::*;

/// A field of bytes, shorter than 128.
fn bytes(number: u8, value: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
}

fn detail(name: &str, value: &[u8]) -> Vec<u8> {
    bytes(3, &[bytes(1, format!("t/{name}").as_bytes()), bytes(2, value)].concat())
}

fn shown(details: &[u8]) -> String {
    lines(details).iter().map(|(label, text)| format!("{label}={text}\n")).collect()
}

#[test]
fn details_are_shown_in_words_or_by_name() {
    let pair = |one: &str, two: &str| [bytes(1, one.as_bytes()), bytes(2, two.as_bytes())].concat();
    let list = [bytes(1, &pair("name", "empty")), bytes(1, &pair("age", "negative"))].concat();
    for (details, expected) in [
        (vec![], ""),
        // Code and message alone.
        (vec![8, 3, 18, 2, b'n', b'o'], ""),
        (detail("google.rpc.BadRequest", &list), "field=name: empty\nfield=age: negative\n"),
        (detail("google.rpc.ErrorInfo", &pair("BUSY", "example.com")), "reason=BUSY: example.com\n"),
        (detail("google.rpc.Help", &bytes(1, &pair("one\ntwo", "\n"))), "help=one\\ntwo: \\n\n"),
        (detail("google.rpc.ResourceInfo", &pair("shelf", "7")), "resource=shelf: 7\n"),
        (detail("google.rpc.RetryInfo", &bytes(1, &[8, 1, 16, 0x80, 0xca, 0xb5, 0xee, 1])), "retry=after 1.5s\n"),
        (detail("google.rpc.RetryInfo", b""), "retry=after 0ns\n"),
        (detail("google.rpc.BadRequest", b""), "detail=google.rpc.BadRequest (0 bytes)\n"),
        (detail("google.rpc.BadRequest", b"\xff\xff"), "detail=google.rpc.BadRequest (2 bytes)\n"),
        (detail("own.Detail", b"1234"), "detail=own.Detail (4 bytes)\n"),
        ([detail("a.A", b""), detail("b.B", b"x")].concat(), "detail=a.A (0 bytes)\ndetail=b.B (1 bytes)\n"),
        (vec![0xff; 12], "details=12 bytes that are no google.rpc.Status\n"),
        (b"why".to_vec(), "details=3 bytes that are no google.rpc.Status\n"),
    ] {
        assert_eq!(shown(&details), expected, "{}", details.escape_ascii());
    }
}

#[test]
fn few_are_shown_of_many() {
    let many = vec![detail("a.A", b""); 100].concat();
    assert_eq!(lines(&many).len(), SHOWN + 1);
    assert!(shown(&many).ends_with("details=and more\n"));
}

#[test]
fn what_is_cut_short_harms_nothing() {
    let whole = [detail("google.rpc.RetryInfo", &bytes(1, &[8, 1, 16, 5])), detail("a.A", b"12")].concat();
    for length in 0..whole.len() {
        shown(&whole[..length]);
        for bit in 0..8 {
            let mut flipped = whole.clone();
            flipped[length] ^= 1 << bit;
            shown(&flipped);
        }
    }
}
