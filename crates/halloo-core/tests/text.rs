//! The texts of the protocol: codes, `grpc-timeout`, `grpc-message`, `content-type`; and deadlines.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use halloo_core::{
    Code, Deadline, Timeout, TimeoutError, content_subtype, percent_decode_message, percent_encode_message,
};

#[test]
fn codes_have_the_numbers_and_names_of_the_specification() {
    let names = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    assert_eq!(Code::ALL.len(), names.len());
    for (number, name) in (0..).zip(names) {
        let code = Code::from_u32(number);
        assert_eq!(code.as_u32(), number);
        assert_eq!(code.name(), name);
        assert_eq!(code.to_string(), name);
    }
    for number in [17, 18, 100, u32::MAX] {
        assert_eq!(Code::from_u32(number), Code::Unknown, "{number}");
    }
}

#[test]
fn http_statuses_map_as_in_the_specification() {
    for (status, code) in [
        (400, Code::Internal),
        (401, Code::Unauthenticated),
        (403, Code::PermissionDenied),
        (404, Code::Unimplemented),
        (429, Code::Unavailable),
        (502, Code::Unavailable),
        (503, Code::Unavailable),
        (504, Code::Unavailable),
        (200, Code::Unknown),
        (302, Code::Unknown),
        (415, Code::Unknown),
        (500, Code::Unknown),
    ] {
        assert_eq!(Code::from_http_status(status), code, "{status}");
    }
}

#[test]
fn timeouts_are_read_in_every_unit() {
    for (text, duration) in [
        ("1H", Duration::from_secs(3600)),
        ("2M", Duration::from_secs(120)),
        ("3S", Duration::from_secs(3)),
        ("4m", Duration::from_millis(4)),
        ("5u", Duration::from_micros(5)),
        ("6n", Duration::from_nanos(6)),
        ("0n", Duration::ZERO),
        ("00000007S", Duration::from_secs(7)),
        ("99999999n", Duration::from_nanos(99_999_999)),
        ("99999999H", Duration::from_secs(99_999_999 * 3600)),
    ] {
        let timeout = Timeout::parse(text.as_bytes()).map(Timeout::duration);
        assert_eq!(timeout, Ok(duration), "{text}");
    }
}

#[test]
fn malformed_timeouts_are_refused() {
    for (text, error) in [
        ("", TimeoutError::Empty),
        ("S", TimeoutError::NoDigits),
        ("5", TimeoutError::NoDigits),
        ("-1S", TimeoutError::NoDigits),
        ("+1S", TimeoutError::NoDigits),
        (" 1S", TimeoutError::NoDigits),
        ("1.5S", TimeoutError::NoDigits),
        ("1SS", TimeoutError::NoDigits),
        ("\u{0661}S", TimeoutError::NoDigits),
        ("12", TimeoutError::UnknownUnit),
        ("1s", TimeoutError::UnknownUnit),
        ("1h", TimeoutError::UnknownUnit),
        ("1S ", TimeoutError::NoDigits),
        ("123456789S", TimeoutError::TooLong),
        ("000000001S", TimeoutError::TooLong),
        ("99999999999999999999999999999999S", TimeoutError::TooLong),
    ] {
        assert_eq!(Timeout::parse(text.as_bytes()), Err(error), "{text:?}");
    }
}

#[test]
fn every_octet_in_every_digits_place_is_read_or_refused() {
    for len in 1..=8 {
        for at in 0..len {
            for octet in 0..=255 {
                let mut text = b"19283746"[..len].to_vec();
                text[at] = octet;
                let number = str::from_utf8(&text).ok().filter(|_| octet != b'+').and_then(|text| text.parse().ok());
                let expected = number.map(Duration::from_secs).ok_or(TimeoutError::NoDigits);
                text.push(b'S');
                assert_eq!(Timeout::parse(&text).map(Timeout::duration), expected, "{text:?}");
            }
        }
    }
}

#[test]
fn timeouts_are_written_in_the_finest_unit_that_fits() {
    for (duration, text) in [
        (Duration::ZERO, "0n"),
        (Duration::from_nanos(1), "1n"),
        (Duration::from_nanos(99_999_999), "99999999n"),
        (Duration::from_nanos(100_000_000), "100000u"),
        (Duration::from_nanos(100_000_001), "100001u"),
        (Duration::from_secs(2), "2000000u"),
        (Duration::from_micros(99_999_999), "99999999u"),
        (Duration::from_secs(100), "100000m"),
        (Duration::new(100, 1), "100001m"),
        (Duration::from_secs(100_000), "100000S"),
        (Duration::from_secs(100_000_000), "1666667M"),
        (Duration::from_secs(100_000_000 * 60), "1666667H"),
        (Duration::from_nanos(u64::MAX), "5124096H"),
        (Duration::from_nanos(u64::MAX) + Duration::from_nanos(1), "5124096H"),
        (Duration::new(5_124_096 * 3600, 1), "5124097H"),
        (Duration::from_secs(99_999_999 * 3600), "99999999H"),
        (Duration::from_secs(99_999_999 * 3600 + 1), "99999999H"),
        (Duration::MAX, "99999999H"),
    ] {
        let written = Timeout::encode(duration);
        assert_eq!(written.as_str(), text, "{duration:?}");
        assert_eq!(written.as_bytes(), text.as_bytes());
        assert_eq!(Timeout::new(duration).to_string(), text);
    }
}

#[test]
fn a_written_timeout_is_never_shorter_and_hardly_longer() {
    let mut nanos: u64 = 1;
    while nanos < u64::MAX / 3 {
        nanos = nanos * 3 + 1;
        let duration = Duration::from_nanos(nanos);
        let read = Timeout::parse(Timeout::encode(duration).as_bytes()).unwrap().duration();
        assert!(read >= duration, "{duration:?} became {read:?}");
        assert!(read - duration <= duration / 1000, "{duration:?} became {read:?}");
    }
}

#[test]
fn messages_are_percent_encoded_only_where_needed() {
    for (message, encoded) in [
        ("", ""),
        ("plain ASCII ~!\"#$&'()", "plain ASCII ~!\"#$&'()"),
        ("100%", "100%25"),
        ("a\nb\r\tc\0", "a%0Ab%0D%09c%00"),
        ("\u{7f}", "%7F"),
        ("grüß", "gr%C3%BC%C3%9F"),
        ("🟢", "%F0%9F%9F%A2"),
        // RFC 9113 section 8.2.1: no field value begins or ends with a space or a tab.
        ("cannot open: ", "cannot open:%20"),
        (" a b ", "%20a b%20"),
        ("  a", "%20%20a"),
        ("a% \t ", "a%25 %09%20"),
        (" ", "%20"),
        ("   ", "%20%20%20"),
        ("\ta\t", "%09a%09"),
        (" ü ", "%20%C3%BC%20"),
    ] {
        let text = percent_encode_message(message);
        assert_eq!(text, encoded);
        assert_eq!(matches!(text, Cow::Borrowed(_)), message == encoded, "{message:?}");
        assert_eq!(percent_decode_message(encoded.as_bytes()), message);
    }
}

#[test]
fn every_message_survives_the_wire() {
    let message: String = (0..0x2000).filter_map(char::from_u32).collect();
    let encoded = percent_encode_message(&message);
    assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    assert_eq!(percent_decode_message(encoded.as_bytes()), message);
}

#[test]
fn broken_escapes_are_kept_and_broken_utf8_is_replaced() {
    for (encoded, message) in [
        (b"%".as_slice(), "%"),
        (b"%4", "%4"),
        (b"%zz", "%zz"),
        (b"%+1", "%+1"),
        (b"%%41", "%A"),
        (b"%4%41", "%4A"),
        (b"%c3%bc", "\u{fc}"),
        (b"%C3", "\u{fffd}"),
        (b"%C3x%25", "\u{fffd}x%"),
        (b"raw \xff", "raw \u{fffd}"),
        ("raw ü".as_bytes(), "raw ü"),
    ] {
        assert_eq!(percent_decode_message(encoded), message, "{encoded:?}");
    }
}

#[test]
fn content_subtypes() {
    for (content_type, subtype) in [
        ("application/grpc", Some("proto")),
        ("application/grpc+proto", Some("proto")),
        ("application/grpc+json", Some("json")),
        ("Application/GRPC+JSON", Some("JSON")),
        ("application/grpc;charset", Some("proto")),
        ("application/grpc; charset=utf-8", Some("proto")),
        ("application/grpc ; charset=utf-8", Some("proto")),
        ("application/grpc+json; charset=utf-8", Some("json")),
        ("application/grpc+json ;x", Some("json")),
        ("application/grpc ", Some("proto")),
        ("application/grpc+vnd.my-own_1", Some("vnd.my-own_1")),
        ("application/grpc+", None),
        ("application/grpc+;x", None),
        ("application/grpc+js on", None),
        ("application/grpc json", None),
        ("application/grpc+ü", None),
        ("application/grpc-web", None),
        ("application/grpc-web+proto", None),
        ("application/grpcx", None),
        ("application/grp", None),
        ("application/json", None),
        (" application/grpc", None),
        ("", None),
    ] {
        assert_eq!(content_subtype(content_type.as_bytes()), subtype, "{content_type:?}");
    }
}

#[test]
fn deadlines_saturate() {
    let now = Instant::now();
    let second = Duration::from_secs(1);
    let deadline = Deadline::after(now, second);
    assert_eq!(deadline, Deadline::at(now + second));
    assert_eq!(deadline.instant(), now + second);
    assert_eq!(deadline.time_left(now), second);
    assert_eq!(deadline.time_left(now + 2 * second), Duration::ZERO);
    assert!(!deadline.is_past(now));
    assert!(deadline.is_past(now + second));
    assert!(Deadline::after(now, Duration::ZERO).is_past(now));
    assert!(Deadline::after(now, Duration::MAX).time_left(now) > second * 3600 * 24 * 365);
    assert!(deadline < Deadline::after(now, Duration::MAX));
}
