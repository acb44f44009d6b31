//! `StatusDetails`: the typed details of a `Status`, as every gRPC implementation knows them.
//!
//! They travel as a `google.rpc.Status` in `grpc-status-details-bin`. Core keeps those bytes, and reads only as much of
//! them as `Debug` shows; here they are read and written. Details that cannot be read count as absent: they came from a
//! peer.

use std::time::Duration;

use halloo_core::Status;
use halloo_protobuf::well_known::Any;
use halloo_protobuf::{Message, MessageName};

pub mod rpc;

use rpc::bad_request::FieldViolation;

/// Puts typed details on a [`Status`], and reads them.
///
/// ```
/// # mod halloo { pub use halloo_core::Status; pub use halloo_services::StatusDetails; }
/// use halloo::{Status, StatusDetails as _};
/// use halloo_services::StatusDetails;
///
/// let status = Status::invalid_argument("the request cannot be served")
///     .violation("name", "must not be empty")
///     .violation("age", "must not be negative");
/// assert_eq!(status.violations()[1].field, "age");
/// ```
///
/// Together with code and message they have to fit into a header list: some KiB are safe with all peers.
pub trait StatusDetails: Sized {
    /// Adds a detail of any type. The peer has to know the type to read it; those of [`rpc`] everybody knows.
    #[must_use]
    fn detail<M: Message + MessageName>(self, detail: &M) -> Self;

    /// Returns the details of the type `M`, in order; without those that cannot be decoded.
    fn details_of<M: Message + MessageName>(&self) -> Vec<M>;

    /// Says which field of the request is wrong (`google.rpc.BadRequest`). `field` is its path: `guests[2].name`.
    #[must_use]
    fn violation(self, field: impl Into<String>, description: impl Into<String>) -> Self;

    /// Returns which fields of the request are wrong.
    fn violations(&self) -> Vec<FieldViolation>;

    /// Says how long to wait before it is worth trying again (`google.rpc.RetryInfo`).
    #[must_use]
    fn retry_in(self, delay: Duration) -> Self;

    /// Returns how long to wait before it is worth trying again.
    fn retry_after(&self) -> Option<Duration>;

    /// Tells programs why (`google.rpc.ErrorInfo`): a constant `reason`, unique in the `domain` that defines it.
    #[must_use]
    fn reason(self, reason: impl Into<String>, domain: impl Into<String>) -> Self;

    /// Returns why the call failed, for programs.
    fn error_info(&self) -> Option<rpc::ErrorInfo>;

    /// Says which resource it was about (`google.rpc.ResourceInfo`): its kind and its name.
    #[must_use]
    fn resource(self, kind: impl Into<String>, name: impl Into<String>) -> Self;

    /// Returns which resource the failure was about.
    fn resource_info(&self) -> Option<rpc::ResourceInfo>;

    /// Names a page to read on (`google.rpc.Help`).
    #[must_use]
    fn help(self, description: impl Into<String>, url: impl Into<String>) -> Self;

    /// Adds a text for the user, in the language `locale` as in BCP 47 (`google.rpc.LocalizedMessage`).
    #[must_use]
    fn localized(self, locale: impl Into<String>, message: impl Into<String>) -> Self;
}

impl StatusDetails for Status {
    fn detail<M: Message + MessageName>(self, detail: &M) -> Self {
        change(self, |details| details.push(pack(detail)))
    }

    fn details_of<M: Message + MessageName>(&self) -> Vec<M> {
        read(self).details.iter().filter_map(unpack).collect()
    }

    fn violation(self, field: impl Into<String>, description: impl Into<String>) -> Self {
        let violation = FieldViolation::default().with_field(field).with_description(description);
        extend(self, |request: &mut rpc::BadRequest| request.field_violations.push(violation))
    }

    fn violations(&self) -> Vec<FieldViolation> {
        self.details_of::<rpc::BadRequest>().into_iter().flat_map(|request| request.field_violations).collect()
    }

    fn retry_in(self, delay: Duration) -> Self {
        let delay = halloo_protobuf::well_known::Duration {
            seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(delay.subsec_nanos()).unwrap_or_default(),
            ..Default::default()
        };
        self.detail(&rpc::RetryInfo::default().with_retry_delay(delay))
    }

    fn retry_after(&self) -> Option<Duration> {
        let info = self.details_of::<rpc::RetryInfo>().into_iter().next()?;
        let delay = info.retry_delay.as_option()?;
        // A negative delay is none.
        Some(Duration::new(u64::try_from(delay.seconds).unwrap_or(0), u32::try_from(delay.nanos).unwrap_or(0)))
    }

    fn reason(self, reason: impl Into<String>, domain: impl Into<String>) -> Self {
        self.detail(&rpc::ErrorInfo::default().with_reason(reason).with_domain(domain))
    }

    fn error_info(&self) -> Option<rpc::ErrorInfo> {
        self.details_of().into_iter().next()
    }

    fn resource(self, kind: impl Into<String>, name: impl Into<String>) -> Self {
        self.detail(&rpc::ResourceInfo::default().with_resource_type(kind).with_resource_name(name))
    }

    fn resource_info(&self) -> Option<rpc::ResourceInfo> {
        self.details_of().into_iter().next()
    }

    fn help(self, description: impl Into<String>, url: impl Into<String>) -> Self {
        let link = rpc::help::Link::default().with_description(description).with_url(url);
        extend(self, |help: &mut rpc::Help| help.links.push(link))
    }

    fn localized(self, locale: impl Into<String>, message: impl Into<String>) -> Self {
        self.detail(&rpc::LocalizedMessage::default().with_locale(locale).with_message(message))
    }
}

fn read(status: &Status) -> rpc::Status {
    rpc::Status::decode_from_slice(status.details()).unwrap_or_default()
}

/// Changes the list of details. Code and message go along, since peers read them from there, too.
fn change(status: Status, change: impl FnOnce(&mut Vec<Any>)) -> Status {
    let mut wire = read(&status);
    wire.code = i32::try_from(status.code().as_u32()).unwrap_or_default();
    wire.message = status.message().to_owned();
    change(&mut wire.details);
    status.details_bytes(wire.encode_to_vec())
}

/// Changes the first detail of its type, or a new one.
fn extend<M: Message + MessageName>(status: Status, add: impl FnOnce(&mut M)) -> Status {
    change(status, |details| {
        let known = details.iter_mut().find_map(|any| Some((unpack::<M>(any)?, any)));
        match known {
            Some((mut detail, any)) => {
                add(&mut detail);
                *any = pack(&detail);
            }
            None => {
                let mut detail = M::default();
                add(&mut detail);
                details.push(pack(&detail));
            }
        }
    })
}

fn pack<M: Message + MessageName>(detail: &M) -> Any {
    Any { type_url: M::TYPE_URL.to_owned(), value: detail.encode_to_vec().into(), ..Default::default() }
}

/// The name after the last slash counts, whoever is said to host the type.
fn unpack<M: Message + MessageName>(any: &Any) -> Option<M> {
    let name = any.type_url.rsplit('/').next()?;
    (name == M::FULL_NAME).then(|| M::decode_from_slice(&any.value).ok()).flatten()
}
