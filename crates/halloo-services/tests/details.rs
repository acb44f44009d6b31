//! Typed details of a status: what is written, and what a peer may have written.

use std::time::Duration;

use halloo_core::Status;
use halloo_services::StatusDetails;
use halloo_services::details::rpc;

#[test]
fn every_helper_is_read_back() {
    let status = Status::unavailable("no greeter is free")
        .violation("guests[2].name", "must not be empty")
        .retry_in(Duration::from_millis(1500))
        .reason("ALL_BUSY", "greeter.example.com")
        .resource("greeter", "ada")
        .help("the list of greeters", "https://greeter.example.com/list")
        .localized("de", "Gerade ist niemand frei")
        .violation("age", "must not be negative");
    let fields: Vec<_> = status.violations().into_iter().map(|violation| violation.field).collect();
    assert_eq!(fields, ["guests[2].name", "age"]);
    assert_eq!(status.retry_after(), Some(Duration::from_millis(1500)));
    assert_eq!(status.error_info().unwrap().reason, "ALL_BUSY");
    assert_eq!(status.resource_info().unwrap().resource_name, "ada");
    assert_eq!(status.details_of::<rpc::Help>()[0].links[0].url, "https://greeter.example.com/list");
    assert_eq!(status.details_of::<rpc::LocalizedMessage>()[0].locale, "de");
    assert_eq!(status.details_of::<rpc::BadRequest>().len(), 1, "violations are one detail");
    assert_eq!(status.message(), "no greeter is free");
    assert_eq!(
        format!("{status:?}"),
        "no greeter is free (UNAVAILABLE)\n  \
         field    guests[2].name: must not be empty\n  \
         field    age: must not be negative\n  \
         retry    after 1.5s\n  \
         reason   ALL_BUSY: greeter.example.com\n  \
         resource greeter: ada\n  \
         help     the list of greeters: https://greeter.example.com/list\n  \
         text     de: Gerade ist niemand frei"
    );
}

/// Written by hand from the field numbers, so that both sides of this crate cannot be wrong alike.
#[test]
fn the_bytes_are_those_of_the_contract() {
    let status = Status::invalid_argument("no").violation("name", "empty");
    let violation = b"\x0a\x04name\x12\x05empty";
    let request = [b"\x0a\x0d", &violation[..]].concat();
    let any = [b"\x0a\x29type.googleapis.com/google.rpc.BadRequest\x12\x0f", &request[..]].concat();
    let expected = [b"\x08\x03\x12\x02no\x1a\x3c", &any[..]].concat();
    assert_eq!(&status.details()[..], &expected[..]);
}

#[test]
fn details_that_cannot_be_read_count_as_absent() {
    let garbage = Status::internal("no").details_bytes(&b"\xff\xff\xff"[..]);
    assert!(garbage.violations().is_empty() && garbage.retry_after().is_none() && garbage.error_info().is_none());
    assert_eq!(garbage.violation("name", "empty").violations()[0].field, "name");
    // An Any that says BadRequest, with a length that its value does not have.
    let any = b"\x0a\x29type.googleapis.com/google.rpc.BadRequest\x12\x02\x0a\x7f";
    let broken = [b"\x08\x03\x1a\x2f", &any[..]].concat();
    assert!(Status::internal("no").details_bytes(broken).violations().is_empty());
}

#[test]
fn delays_that_make_no_sense_are_short() {
    // retry_delay { seconds: -5 }
    let delay = b"\x0a\x0b\x08\xfb\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    let any = [b"\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x0d", &delay[..]].concat();
    let status = [&[0x1a, u8::try_from(any.len()).unwrap()][..], &any].concat();
    assert_eq!(Status::unavailable("no").details_bytes(status).retry_after(), Some(Duration::ZERO));
    assert_eq!(Status::unavailable("no").retry_in(Duration::MAX).retry_after().unwrap().as_secs(), i64::MAX as u64);
}
