//! Tests of `src/opening/sniff.rs`.

use super::*;

#[test]
fn what_is_not_http_2_is_described() {
    let page = "it answered with a bare web page, as servers of HTTP/1.1 do; it is a web server, not gRPC";
    for (bytes, expected) in [
        (
            &b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n<html>"[..],
            "it answered HTTP/1.1 400 Bad Request text/html; it is a web server, not gRPC",
        ),
        (b"HTTP/1.0 505 \x1bNo\r\n\r\n", "it answered HTTP/1.0 505 No; it is a web server, not gRPC"),
        // waitress and uvicorn hand the preface to the application.
        (b"HTTP/1.1 200 OK\r\nserver: uvicorn\r\n\r\n", "it answered HTTP/1.1 200 OK; it is a web server, not gRPC"),
        // Python's http.server answers HTTP/2's preface so.
        (b"<!DOCTYPE HTML>\n<html lang=\"en\">\n", page),
        (b"\n<html>", page),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "it answered \"SSH-2.0-OpenSSH_9.2\", which is not HTTP/2"),
        (b"-ERR unknown command 'PRI'\r\n", "it answered \"-ERR unknown command 'PRI'\", which is not HTTP/2"),
        (b"220", "it answered \"220\", which is not HTTP/2"),
        (b"E\n", "it answered \"E\", which is not HTTP/2"),
        (b"J\0\0\0\n8.0.36\0", "it answered with bytes that are not HTTP/2"),
        (b"\xff\xff\xff\xff", "it answered with bytes that are not HTTP/2"),
        (b"\x15\x03\x03\x00\x02\x02\x32", SPEAKS_TLS),
    ] {
        // However the bytes arrive.
        for first in 0..=bytes.len() {
            let mut sniff = Sniff::default();
            sniff.read(&bytes[..first]);
            sniff.read(bytes);
            let (reason, kind) = sniff.not_http2().unwrap();
            assert_eq!(reason, expected, "{first} of {}", bytes.escape_ascii());
            assert_eq!(kind == ConnectErrorKind::NotHttp2, expected != SPEAKS_TLS);
        }
    }
}

#[test]
fn http2_is_nothing_special() {
    for first in [&[0, 0, 6, 4, 0, 0, 0, 0, 0][..], &[0, 0, 0], &[0, 0x40, 0, 4]] {
        let mut sniff = Sniff::default();
        sniff.read(first);
        sniff.read(b"HTTP/1.1 400 Bad Request\r\n");
        assert_eq!(sniff.not_http2(), None);
    }
    for cut_short in [&[][..], &[0], &[0, 0]] {
        let mut sniff = Sniff::default();
        sniff.read(cut_short);
        assert_eq!(sniff.not_http2(), None);
    }
}
