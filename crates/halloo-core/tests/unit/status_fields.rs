//! Tests of `src/status_fields.rs`.

use super::*;

#[test]
fn a_small_number_is_written_in_decimal() {
    for number in [0, 7, 10, 16, 99, 100, 503, 999] {
        assert_eq!(decimal(number).text(), number.to_string().as_bytes());
    }
}

#[test]
fn a_status_comes_back_as_it_was_written() {
    let status = Status::not_found("no such ☃").details_bytes(Bytes::from_static(b"\x08\x05"));
    let mut fields = Vec::new();
    status.write_fields(|name, value| fields.push((name, value.to_vec())));
    let find = |name: &str| fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_slice());
    let read = Status::from_fields(Code::from_field(find("grpc-status").unwrap()), find, Metadata::new());
    assert_eq!((read.code(), read.message()), (Code::NotFound, "no such ☃"));
    assert_eq!(read.details().as_ref(), b"\x08\x05");
}

#[test]
fn a_status_number_that_nobody_knows_is_unknown() {
    for text in ["", "-1", "17", "99999999999", "0x5", " 5"] {
        assert_eq!(Code::from_field(text.as_bytes()), Code::Unknown, "{text:?}");
    }
}
