//! The rules of PROTOCOL-HTTP2 for custom metadata, from the application's side and from the wire's.

use std::borrow::Cow;

use bytes::Bytes;
use halloo_core::{Metadata, MetadataError, Value};

#[test]
fn keeps_order_and_repeated_keys() {
    let mut metadata = Metadata::new();
    metadata.append("b", "1").unwrap();
    metadata.append_bin("a-bin", vec![0, 1]).unwrap();
    metadata.append("B", "2").unwrap();
    metadata.append("c", "").unwrap();
    let entries: Vec<_> = metadata.iter().collect();
    assert_eq!(
        entries,
        [
            ("b", Value::Ascii("1")),
            ("a-bin", Value::Binary(&[0, 1])),
            ("b", Value::Ascii("2")),
            ("c", Value::Ascii("")),
        ]
    );
    assert_eq!(metadata.len(), 4);
    assert_eq!(metadata.get("b"), Some("1"));
    assert_eq!(metadata.get_all("b").collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(format!("{metadata:?}"), r#"{"b": "1", "a-bin": [0, 1], "b": "2", "c": ""}"#);
}

#[test]
fn look_ups_ignore_case_and_do_not_mix_text_with_bytes() {
    let mut metadata = Metadata::new();
    metadata.append("X-Request-Id", "42").unwrap();
    metadata.append_bin("X-Trace-Bin", vec![7]).unwrap();
    metadata.append_bin("x-trace-bin", Bytes::from_static(b"8")).unwrap();
    assert_eq!(metadata.get("x-request-ID"), Some("42"));
    assert_eq!(metadata.get("x-trace-bin"), None);
    assert_eq!(metadata.get_bin("x-request-id"), None);
    assert_eq!(metadata.get_bin("X-TRACE-BIN").as_deref(), Some([7].as_slice()));
    let all: Vec<_> = metadata.get_all_bin("x-trace-bin").collect();
    assert_eq!(all, [Bytes::from_static(b"\x07"), Bytes::from_static(b"8")]);
    assert!(metadata.contains("x-request-id") && metadata.contains("x-trace-bin"));
    assert!(!metadata.contains("x-request"));
    assert_eq!(metadata.get("absent"), None);
}

#[test]
fn insert_replaces_all_and_remove_removes_all() {
    let mut metadata = Metadata::new();
    metadata.append("a", "1").unwrap();
    metadata.append("a", "2").unwrap();
    metadata.append_bin("b-bin", vec![1]).unwrap();
    metadata.insert("A", "3").unwrap();
    metadata.insert_bin("b-bin", vec![2]).unwrap();
    assert_eq!(metadata.len(), 2);
    assert_eq!(metadata.get("a"), Some("3"));
    assert_eq!(metadata.get_bin("b-bin").as_deref(), Some([2].as_slice()));
    assert!(metadata.insert("a", "\n").is_err());
    assert_eq!(metadata.get("a"), Some("3"), "a refused insert changes nothing");
    assert!(metadata.remove("A"));
    assert!(!metadata.remove("a"));
    assert_eq!(metadata.len(), 1);
}

#[test]
fn extend_appends() {
    let mut metadata = Metadata::new();
    let mut other = Metadata::new();
    other.append("a", "1").unwrap();
    metadata.extend(other.clone());
    assert_eq!(metadata, other);
    metadata.extend(other);
    assert_eq!(metadata.get_all("a").count(), 2);
    metadata.extend(Metadata::new());
    assert_eq!(metadata.len(), 2);
}

#[test]
fn keys_are_lowered_and_checked() {
    for (key, stored) in [
        ("a", "a"),
        ("0", "0"),
        ("X-Under_Score.dot-9", "x-under_score.dot-9"),
        ("user-agent", "user-agent"),
        ("authorization", "authorization"),
        ("bin", "bin"),
        ("grpc", "grpc"),
    ] {
        let mut metadata = Metadata::new();
        metadata.append(key, "v").unwrap();
        assert_eq!(metadata.iter().next(), Some((stored, Value::Ascii("v"))));
    }
    for key in ["", " ", "a b", "X Bad", "Grpc Ä", "a:b", "a\n", "ä", "a/b", "a\0", "a!", "a+b"] {
        let error = Metadata::new().append(key, "v").unwrap_err();
        assert_eq!(error, MetadataError::InvalidKey { key: key.into() });
    }
}

#[test]
fn the_protocols_own_headers_are_reserved() {
    for key in [
        ":path",
        ":status",
        ":",
        "te",
        "TE",
        "content-type",
        "Content-Length",
        "host",
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "grpc-timeout",
        "grpc-encoding",
        "grpc-accept-encoding",
        "Grpc-Status",
        "grpc-message",
        "grpc-message-type",
        "grpc-status-details-bin",
    ] {
        let lowered = key.to_ascii_lowercase();
        let reserved = MetadataError::Reserved { key: lowered.clone().into() };
        assert_eq!(Metadata::new().append(key, "v"), Err(reserved.clone()));
        assert_eq!(Metadata::new().append_bin(key, vec![1]), Err(reserved));
        assert!(Metadata::is_reserved(lowered.as_bytes()));
    }
    assert!(!Metadata::is_reserved(b"te-x"));
}

/// gRFC A6 gives the first two to applications; the others belong to tracing, load balancing and proxies.
#[test]
fn other_grpc_keys_are_the_applications() {
    for key in [
        "grpc-retry-pushback-ms",
        "Grpc-Previous-Rpc-Attempts",
        "grpc-",
        "grpc-status-x",
        "grpc-internal-encoding-request",
        "grpc-trace-bin",
        "grpc-tags-bin",
        "grpc-server-stats-bin",
    ] {
        let lowered = key.to_ascii_lowercase();
        let mut metadata = Metadata::new();
        match key.ends_with("-bin") {
            true => metadata.append_bin(key, vec![1]).unwrap(),
            false => metadata.append(key, "1").unwrap(),
        }
        assert_eq!(metadata.iter().next().map(|(key, _)| key), Some(&*lowered));
        assert!(!Metadata::is_reserved(lowered.as_bytes()), "{key}");
    }
}

#[test]
fn text_and_bytes_need_their_kind_of_key() {
    assert_eq!(Metadata::new().append("k-bin", "v"), Err(MetadataError::Binary { key: "k-bin".into() }));
    assert_eq!(Metadata::new().append_bin("k", vec![1]), Err(MetadataError::NotBinary { key: "k".into() }));
}

#[test]
fn values_are_printable_ascii_without_spaces_around_them() {
    for (value, stored) in [("", ""), ("  ", ""), (" a b ", "a b"), (" !~", "!~"), ("a,b", "a,b")] {
        let mut metadata = Metadata::new();
        metadata.append("k", value).unwrap();
        assert_eq!(metadata.get("k"), Some(stored));
    }
    for (value, index) in [("\n", 0), ("ab\t", 2), ("ab\r\nx: y", 2), ("é", 0), ("a\u{7f}", 1), ("\0", 0)] {
        let error = Metadata::new().append("k", value).unwrap_err();
        assert_eq!(error, MetadataError::InvalidValue { key: "k".into(), index }, "{value:?}");
    }
}

#[test]
fn errors_explain_themselves_without_showing_values() {
    for (result, text) in [
        (
            Metadata::new().append("X y", "secret"),
            "metadata key \"X y\" is not valid; allowed are ASCII letters, digits, `_`, `-` and `.`",
        ),
        (
            Metadata::new().append("token", "secret\n"),
            "the value of metadata key \"token\" is not printable ASCII at byte 6; \
             other bytes need a key that ends in `-bin`",
        ),
        (
            Metadata::new().append("token-bin", "secret"),
            "metadata key \"token-bin\" ends in `-bin`, so its values are binary, not text",
        ),
        (
            Metadata::new().append_bin("token", "secret"),
            "metadata key \"token\" has to end in `-bin` to have binary values",
        ),
        (
            Metadata::new().push_wire(b"token-bin", Bytes::from_static(b"secret!")),
            "the value of metadata key \"token-bin\" is not base64",
        ),
    ] {
        assert_eq!(result.unwrap_err().to_string(), text);
    }
}

#[test]
fn received_binary_values_are_decoded() {
    for (value, decoded) in [
        ("", vec![b"".as_slice()]),
        ("AAE", vec![b"\0\x01".as_slice()]),
        ("AAE=", vec![b"\0\x01".as_slice()]),
        ("AA==", vec![b"\0".as_slice()]),
        ("AA", vec![b"\0".as_slice()]),
        ("+/+/", vec![b"\xfb\xff\xbf".as_slice()]),
        ("AB", vec![b"\0".as_slice()]),
        ("YQ==,Yg", vec![b"a".as_slice(), b"b"]),
        ("YQ, Yg ,Yw==", vec![b"a".as_slice(), b"b", b"c"]),
        ("YQ,", vec![b"a".as_slice(), b""]),
    ] {
        let mut metadata = Metadata::new();
        metadata.push_wire(b"k-bin", Bytes::from_static(value.as_bytes())).unwrap();
        let values: Vec<_> = metadata.get_all_bin("k-bin").collect();
        assert_eq!(values, decoded, "{value:?}");
    }
}

#[test]
fn received_values_that_are_not_base64_are_refused_whole() {
    for value in ["A", "A===", "YQ=a", "Y Q", "-_-_", "YQ,!", "\u{e9}"] {
        let mut metadata = Metadata::new();
        let error = metadata.push_wire(b"k-bin", Bytes::from_static(value.as_bytes())).unwrap_err();
        assert_eq!(error, MetadataError::InvalidBase64 { key: "k-bin".into() }, "{value:?}");
        assert!(metadata.is_empty(), "{value:?}");
    }
}

#[test]
fn received_text_that_grpc_does_not_allow_is_left_out() {
    let mut metadata = Metadata::new();
    for value in [b"caf\xe9".as_slice(), b"a\tb", "é".as_bytes(), b"\x7f"] {
        metadata.push_wire(b"k", Bytes::from_static(value)).unwrap();
    }
    assert!(metadata.is_empty());
    metadata.push_wire(b"k", Bytes::from_static(b" a, b\t")).unwrap();
    assert_eq!(metadata.get("k"), Some("a, b"), "text is not split at commas");
    let error = metadata.push_wire(b"\xff", Bytes::new()).unwrap_err();
    assert_eq!(error, MetadataError::InvalidKey { key: "\u{fffd}".into() });
}

#[test]
fn received_text_is_not_copied() {
    let value = Bytes::from(b"some value".to_vec());
    let mut metadata = Metadata::new();
    metadata.push_wire(b"k", value.clone()).unwrap();
    assert_eq!(metadata.get("k").map(str::as_ptr), Some(value.as_ptr()));
}

#[test]
fn binary_values_are_sent_as_base64_without_padding() {
    let mut metadata = Metadata::new();
    metadata.append("k", "v").unwrap();
    metadata.append_bin("a-bin", vec![0]).unwrap();
    metadata.append_bin("b-bin", vec![0xfb, 0xff, 0xbf]).unwrap();
    metadata.append_bin("c-bin", Bytes::new()).unwrap();
    let sent: Vec<_> = metadata.wire_iter().collect();
    assert!(matches!(sent[0], ("k", Cow::Borrowed(b"v"))));
    let texts: Vec<_> = sent.iter().map(|(key, value)| (*key, value.as_ref())).collect();
    assert_eq!(texts, [("k", b"v".as_slice()), ("a-bin", b"AA"), ("b-bin", b"+/+/"), ("c-bin", b""),]);
}

#[test]
fn what_is_sent_is_what_is_received() {
    let mut metadata = Metadata::new();
    metadata.append("text", "a, b").unwrap();
    for len in 0..=260_usize {
        let value: Vec<u8> = (0..len).map(|index| (index * 7 + len) as u8).collect();
        metadata.append_bin("value-bin", value).unwrap();
    }
    let mut received = Metadata::new();
    for (name, value) in metadata.wire_iter() {
        received.push_wire(name.as_bytes(), Bytes::copy_from_slice(&value)).unwrap();
    }
    assert_eq!(received, metadata);
}
