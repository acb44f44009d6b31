//! Tests of `src/opening/first_bytes.rs`.

use super::*;

#[test]
fn each_is_known_from_its_first_bytes() {
    for (first, expected) in [
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], Spoken::Http2),
        (b"GET / HTTP/1.1\r\n", Spoken::Http1),
        (b"POST /greeter.Greeter/Say", Spoken::Http1),
        (b"OPTIONS * HTTP/1.1\r\n", Spoken::Http1),
        (b"CONNECT example.com:443 H", Spoken::Http1),
        (b"GET http://example.com/ H", Spoken::Http1),
        (b"PROPFIND /x HTTP/1.1\r\n", Spoken::Http1),
        (&[0x16, 0x03, 0x01, 0x02, 0x00, 0x01], Spoken::Tls),
        (b"INVALID CONNECTION PREFAC", Spoken::Http2),
        (b"PRI * HTTP/1.1\r\n", Spoken::Http1),
        (b"SSH-2.0-OpenSSH_9.2\r\n", Spoken::Http2),
        (b"AAAAAAAAAAAAAAAAAAAAAAAA", Spoken::Http2),
        (&[0x16, 0x04], Spoken::Http2),
        (&[0x80, 0x2e, 0x01], Spoken::Http2),
    ] {
        assert_eq!(Spoken::of(first), Some(expected), "{}", first.escape_ascii());
    }
}

#[test]
fn too_few_bytes_tell_nothing_and_no_more_than_the_limit_are_needed() {
    for first in [&b""[..], b"P", b"PR", b"PRI * HTT", b"G", b"GET", b"GET ", &[0x16]] {
        assert_eq!(Spoken::of(first), None, "{}", first.escape_ascii());
    }
    for byte in 0..=u8::MAX {
        assert!(Spoken::of(&[byte; FIRST_BYTES]).is_some());
    }
    let longest = b"ABCDEFGHIJKLMNOPQR /abcde";
    assert_eq!(Spoken::of(&longest[..FIRST_BYTES]), Some(Spoken::Http1));
}

#[test]
fn more_bytes_never_change_the_answer() {
    for whole in [&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], b"GET / HTTP/1.1\r\nHost: x", b"PUT /x HTTP/1.1\r\nHost: x"]
    {
        let told: Vec<_> = (0..=whole.len()).filter_map(|length| Spoken::of(&whole[..length])).collect();
        assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{}", whole.escape_ascii());
    }
}
