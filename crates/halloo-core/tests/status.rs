//! What a `Status` keeps, and the exact texts that people read.

use std::error::Error;
use std::fmt;
use std::io;
use std::mem::size_of;

use bytes::Bytes;
use halloo_core::{Code, Metadata, MetadataError, Origin, Status};

#[test]
fn one_word_wide_everywhere() {
    let word = size_of::<usize>();
    assert_eq!(size_of::<Status>(), word);
    assert_eq!(size_of::<Option<Status>>(), word);
    assert_eq!(size_of::<Result<(), Status>>(), word);
}

#[test]
fn can_cross_threads() {
    fn check<T: Clone + Send + Sync + Error + 'static>() {}
    check::<Status>();
}

#[test]
fn each_constructor_has_its_code() {
    type Constructor = fn(&'static str) -> Status;
    let constructors: [(Code, Constructor); 16] = [
        (Code::Cancelled, |text| Status::cancelled(text)),
        (Code::Unknown, |text| Status::unknown(text)),
        (Code::InvalidArgument, |text| Status::invalid_argument(text)),
        (Code::DeadlineExceeded, |text| Status::deadline_exceeded(text)),
        (Code::NotFound, |text| Status::not_found(text)),
        (Code::AlreadyExists, |text| Status::already_exists(text)),
        (Code::PermissionDenied, |text| Status::permission_denied(text)),
        (Code::ResourceExhausted, |text| Status::resource_exhausted(text)),
        (Code::FailedPrecondition, |text| Status::failed_precondition(text)),
        (Code::Aborted, |text| Status::aborted(text)),
        (Code::OutOfRange, |text| Status::out_of_range(text)),
        (Code::Unimplemented, |text| Status::unimplemented(text)),
        (Code::Internal, |text| Status::internal(text)),
        (Code::Unavailable, |text| Status::unavailable(text)),
        (Code::DataLoss, |text| Status::data_loss(text)),
        (Code::Unauthenticated, |text| Status::unauthenticated(text)),
    ];
    for (index, (code, constructor)) in constructors.into_iter().enumerate() {
        assert_eq!(code, Code::ALL[index + 1]);
        let status = constructor("why");
        assert_eq!(status.code(), code);
        assert_eq!(status.message(), "why");
        assert_eq!(status.to_string(), format!("why ({})", code.name()));
    }
}

#[test]
fn starts_local_and_bare() {
    let status = Status::new(Code::Ok, "");
    assert_eq!(status.to_string(), "OK");
    assert_eq!(status.origin(), Origin::Local);
    assert!(status.details().is_empty());
    assert!(status.metadata().is_empty());
    assert!(status.notes().is_empty());
    assert!(status.source().is_none());
    assert_eq!(status.from_peer().origin(), Origin::Peer);
}

#[test]
fn carries_details_and_trailers() {
    let mut status = Status::aborted("try again")
        .details_bytes(Bytes::from_static(b"\x08\x0a"))
        .trailer("Retry-After", "3")
        .trailer_bin("trace-bin", vec![0, 255]);
    status.metadata_mut().append("x", "y").unwrap();
    assert_eq!(status.details(), &Bytes::from_static(b"\x08\x0a"));
    assert_eq!(status.metadata().get("retry-after"), Some("3"));
    assert_eq!(status.metadata().get_bin("trace-bin").as_deref(), Some([0, 255].as_slice()));
    assert_eq!(status.metadata().len(), 3);
}

#[test]
fn a_refused_trailer_is_left_out_and_noted() {
    let status =
        Status::aborted("no").trailer("grpc-status", "0").trailer("x-name", "grüß").trailer_bin("x-name", vec![1]);
    assert!(status.metadata().is_empty());
    assert_eq!(
        format!("{status:?}"),
        "no (ABORTED)\n\
        \x20 trailer  left out: metadata key \"grpc-status\" is reserved for the protocol\n\
        \x20 trailer  left out: the value of metadata key \"x-name\" is not printable ASCII at byte 2; \
        other bytes need a key that ends in `-bin`\n\
        \x20 trailer  left out: metadata key \"x-name\" has to end in `-bin` to have binary values"
    );
}

#[test]
fn debug_without_notes_is_display() {
    assert_eq!(format!("{:?}", Status::not_found("no shelf 7")), "no shelf 7 (NOT_FOUND)");
    assert_eq!(format!("{:?}", Status::not_found("")), "NOT_FOUND");
}

#[test]
fn debug_is_prose_with_notes_and_cause() {
    let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
    let status = Status::unavailable("cannot reach 127.0.0.1:50051: connection refused")
        .note("calling", "greeter.Greeter/SayHello")
        .note("tried", "127.0.0.1:50051 refused (0.3 ms)")
        .note("hint", "nothing listens there\nstart the server")
        .caused_by(Layered { text: "connect failed", source: Some(Box::new(refused)) });
    assert_eq!(
        format!("{status:?}"),
        "cannot reach 127.0.0.1:50051: connection refused (UNAVAILABLE)\n\
        \x20 calling  greeter.Greeter/SayHello\n\
        \x20 tried    127.0.0.1:50051 refused (0.3 ms)\n\
        \x20 hint     nothing listens there\n\
        \x20          start the server\n\
        \x20 cause    connect failed: connection refused"
    );
    assert_eq!(status.to_string(), "cannot reach 127.0.0.1:50051: connection refused (UNAVAILABLE)");
    assert_eq!(status.notes()[2].label(), "hint");
    assert_eq!(status.notes()[2].text(), "nothing listens there\nstart the server");
}

#[test]
fn what_main_prints_is_prose() {
    let error = Status::internal("broken").note("calling", "a.B/C").from_peer();
    let result: Result<(), Status> = Err(error);
    assert_eq!(format!("{result:?}"), "Err(broken (INTERNAL)\n  calling  a.B/C)");
}

#[test]
fn control_characters_stay_out_of_the_terminal() {
    let status = Status::unknown("two\nlines \u{1b}[31mred\u{7f}\u{85} grüß")
        .note("tried", "bell \u{7}")
        .caused_by("cause\nhint     forged");
    assert_eq!(
        format!("{status:?}"),
        "two\\nlines \\u{1b}[31mred\\u{7f}\\u{85} grüß (UNKNOWN)\n\
        \x20 tried    bell \\u{7}\n\
        \x20 cause    cause\n\
        \x20          hint     forged"
    );
}

#[test]
fn alternate_debug_shows_the_fields() {
    let status = Status::data_loss("gone")
        .trailer("x", "y")
        .details_bytes(Bytes::from_static(b"\x01"))
        .note("hint", "restore")
        .caused_by("disk");
    assert_eq!(
        format!("{status:#?}"),
        r#"Status {
    code: DataLoss,
    message: "gone",
    origin: Local,
    details: b"\x01",
    metadata: {
        "x": "y",
    },
    headers: {},
    notes: [
        Note {
            label: "hint",
            text: "restore",
        },
    ],
    source: Some(
        "disk",
    ),
}"#
    );
}

#[test]
fn the_cause_is_kept_through_clones_and_can_be_downcast() {
    let status = Status::internal("broken").caused_by(io::Error::from_raw_os_error(5));
    let copy = status.clone();
    drop(status);
    let source = copy.source().and_then(|source| source.downcast_ref::<io::Error>());
    assert_eq!(source.and_then(io::Error::raw_os_error), Some(5));
}

#[test]
fn a_metadata_error_becomes_internal() {
    fn handler() -> Result<(), Status> {
        Metadata::new().append("te", "trailers")?;
        Ok(())
    }
    let status = handler().unwrap_err();
    assert_eq!(status.to_string(), "metadata key \"te\" is reserved for the protocol (INTERNAL)");
    assert!(status.source().is_some_and(|source| source.is::<MetadataError>()));
    // The cause says the same, and is not shown again.
    assert_eq!(format!("{status:?}"), status.to_string());
}

#[derive(Debug)]
struct Layered {
    text: &'static str,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl fmt::Display for Layered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text)
    }
}

impl Error for Layered {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

#[test]
fn notes_stand_in_the_order_in_which_they_are_read() {
    let status =
        Status::unavailable("gone").note("hint", "h").note("extra", "e").note("calling", "c").note("spent", "s");
    let labels: Vec<_> = status.notes().iter().map(|note| note.label()).collect();
    assert_eq!(labels, ["calling", "spent", "hint", "extra"]);
}
