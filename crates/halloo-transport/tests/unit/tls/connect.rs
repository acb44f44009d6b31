//! Tests of `src/tls/connect.rs`.

use super::*;

#[test]
fn the_host_of_an_authority_is_what_its_certificate_is_for() {
    for (authority, host) in [
        ("greeter.example", "greeter.example"),
        ("greeter.example:50051", "greeter.example"),
        ("127.0.0.1:1", "127.0.0.1"),
        ("[::1]:50051", "::1"),
        ("[::1]", "::1"),
        ("::1", "::1"),
        ("[fe80::1%eth0]:50051", "fe80::1%eth0"),
    ] {
        assert_eq!(host_of(authority), host);
        assert!(server_name(host).is_some(), "{host}");
    }
    for (written, meant) in [
        ("greeter.example.", Some("greeter.example")),
        ("fe80::1%eth0", Some("fe80::1")),
        ("fe80::1%25eth0", Some("fe80::1")),
        ("::ffff:10.0.0.1", Some("::ffff:10.0.0.1")),
        ("greeter%eth0", None),
        ("greeter..example", None),
        ("", None),
    ] {
        let meant = meant.map(|meant| ServerName::try_from(meant.to_owned()).unwrap());
        assert_eq!(server_name(written), meant, "{written}");
    }
}

#[test]
fn what_is_no_tls_is_named() {
    for (first, expected) in [
        (&[0, 0, 18, 4, 0, 0, 0, 0, 0][..], Some("HTTP/2")),
        (&[0, 0, 8, 7, 0, 0, 0, 0, 0], Some("HTTP/2")),
        (b"HTTP/1.1 ", Some("HTTP/1.x")),
        (b"SSH-2.0-O", Some("of some kind")),
        (&[0x16, 3, 3, 0, 90, 2, 0, 0, 86], None),
        (&[0x15, 3, 1, 0, 2, 2, 70], None),
        (&[], None),
    ] {
        assert_eq!(plaintext(first), expected, "{first:?}");
    }
}
