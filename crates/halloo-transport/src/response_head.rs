//! Response heads, trailers and resets, both ways: `Status` and `Metadata` to header blocks and back.
//!
//! The mapping is PROTOCOL-HTTP2's ("Responses", "Errors") and that of gRPC's http-grpc-status-mapping.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use halloo_call::Outcome;
use halloo_core::{Code, Metadata, Status, content_subtype};
use halloo_http2::{ErrorCode, HeaderList, Origin, Template};

use crate::server::request_head::read_metadata;

const PLAIN_CONTENT_TYPE: &str = "application/grpc";

static PROTO_HEAD: LazyLock<Template> =
    LazyLock::new(|| Template::new(fields_of(&[(":status", "200"), ("content-type", PLAIN_CONTENT_TYPE)])));

static OK_TRAILERS: LazyLock<Template> = LazyLock::new(|| Template::new(fields_of(&[("grpc-status", "0")])));

fn fields_of(pairs: &[(&str, &str)]) -> HeaderList {
    let mut fields = HeaderList::new();
    for (name, value) in pairs {
        fields.push(name.as_bytes(), value.as_bytes());
    }
    fields
}

/// The block that opens a response without metadata in protobuf.
pub(crate) fn proto_head() -> &'static Template {
    &PROTO_HEAD
}

/// The block that ends a response without metadata of a call that went well.
pub(crate) fn ok_trailers() -> &'static Template {
    &OK_TRAILERS
}

/// The block that opens an RPC's response: a template and what follows it, the latter in `fields`.
pub(crate) fn write_head(subtype: &str, metadata: &Metadata, fields: &mut HeaderList) -> Option<&'static Template> {
    fields.clear();
    let template = if subtype == "proto" {
        Some(&*PROTO_HEAD)
    } else {
        fields.push(b":status", b"200");
        fields.push(b"content-type", format!("application/grpc+{subtype}").as_bytes());
        None
    };
    push_metadata(metadata, fields);
    template
}

/// The block that ends an RPC's response.
pub(crate) fn write_trailers(outcome: &Outcome, fields: &mut HeaderList) -> Option<&'static Template> {
    match outcome {
        Ok(metadata) => {
            fields.clear();
            push_metadata(metadata, fields);
            Some(&*OK_TRAILERS)
        }
        Err(status) => write_failure(status, fields),
    }
}

/// The block that ends a failed RPC's response.
pub(crate) fn write_failure(status: &Status, fields: &mut HeaderList) -> Option<&'static Template> {
    fields.clear();
    push_status(status, fields);
    None
}

/// The one block of a response that carries no message (Trailers-Only).
pub(crate) fn write_trailers_only(
    subtype: &str,
    status: &Status,
    fields: &mut HeaderList,
) -> Option<&'static Template> {
    let template = write_head(subtype, &Metadata::new(), fields);
    push_status(status, fields);
    template
}

fn push_status(status: &Status, fields: &mut HeaderList) {
    status.write_fields(|name, value| fields.push(name.as_bytes(), value));
    push_metadata(status.metadata(), fields);
}

#[inline]
pub(crate) fn push_metadata(metadata: &Metadata, fields: &mut HeaderList) {
    if !metadata.is_empty() {
        push_entries(metadata, fields);
    }
}

fn push_entries(metadata: &Metadata, fields: &mut HeaderList) {
    for (name, value) in metadata.wire_iter() {
        if Metadata::is_secret(name.as_bytes()) {
            fields.push_sensitive(name.as_bytes(), &value);
        } else {
            fields.push(name.as_bytes(), &value);
        }
    }
}

/// What a response's first block says.
#[derive(Debug)]
pub(crate) enum ResponseStart {
    /// Messages follow.
    Rpc,
    /// The call is over.
    Ended(Outcome),
}

/// Reads the first block of a response; `end` if the stream ended with it. `target` names the peer in texts, and
/// `asked` the codec of the call, if that is still known.
pub(crate) fn read_head(
    fields: &Arc<HeaderList>,
    end: bool,
    target: &str,
    asked: impl FnOnce() -> Option<&'static str>,
) -> ResponseStart {
    let http_status = fields.find(b":status").unwrap_or_default();
    let content_type = fields.find(b"content-type").unwrap_or_default();
    let is_grpc = content_subtype(content_type).is_some();
    if http_status == b"200" && is_grpc {
        if end {
            return ResponseStart::Ended(read_trailers(fields));
        }
        if content_type.len() > PLAIN_CONTENT_TYPE.len()
            && let Some(status) = other_codec(content_type, asked(), target)
        {
            return ResponseStart::Ended(Err(status));
        }
        return match check_binary(fields) {
            Ok(()) => ResponseStart::Rpc,
            Err(status) => ResponseStart::Ended(Err(status)),
        };
    }
    if end && fields.find(b"grpc-status").is_some() && (is_grpc || content_type.is_empty()) {
        return ResponseStart::Ended(read_trailers(fields));
    }
    ResponseStart::Ended(Err(not_grpc(http_status, content_type, target)))
}

/// Headers are read when somebody looks, which is too late to say that a `-bin` value is not base64.
fn check_binary(fields: &Arc<HeaderList>) -> Result<(), Status> {
    if fields.iter().any(|field| field.name.ends_with(b"-bin")) {
        read_metadata(fields)?;
    }
    Ok(())
}

/// The fault of a response in another codec than its call. `application/grpc` alone is taken for the call's: some
/// implementations answer so whatever they were asked in.
#[cold]
fn other_codec(content_type: &[u8], asked: Option<&str>, target: &str) -> Option<Status> {
    let (asked, answered) = (asked?, content_subtype(content_type)?);
    let is_plain = content_type.get(PLAIN_CONTENT_TYPE.len()) != Some(&b'+');
    (!is_plain && !answered.eq_ignore_ascii_case(asked)).then(|| {
        Status::internal(format!("{target} answered in application/grpc+{answered}, but was asked in +{asked}"))
    })
}

fn not_grpc(http_status: &[u8], content_type: &[u8], target: &str) -> Status {
    let number = std::str::from_utf8(http_status).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let code = Code::from_http_status(number);
    let mut text = format!("{target} answered HTTP/2 {number}");
    if !content_type.is_empty() {
        let _ = write!(text, " {}", String::from_utf8_lossy(content_type));
    }
    text.push_str("; it is a web server or a proxy, not gRPC");
    Status::new(code, text)
}

/// Reads the block that ends a response.
pub(crate) fn read_trailers(fields: &Arc<HeaderList>) -> Outcome {
    let Some(code) = fields.find(b"grpc-status") else {
        return Err(Status::unknown("the server ended the call without a grpc-status")
            .from_peer()
            .note("hint", "either it does not speak gRPC, or a proxy on the way does not pass on trailers"));
    };
    let code = Code::from_field(code);
    if code == Code::Ok && fields.len() == 1 {
        return Ok(Metadata::new());
    }
    let metadata = read_metadata(fields)?;
    if code == Code::Ok {
        return Ok(metadata);
    }
    Err(Status::from_fields(code, |name| fields.find(name.as_bytes()), metadata))
}

/// The status of a response that ended with a message.
pub(crate) fn no_trailers() -> Status {
    Status::internal("the server ended the call without trailers")
        .from_peer()
        .note("hint", "either it does not speak gRPC, or a proxy on the way does not pass on trailers")
}

/// The status of a call whose stream was reset (PROTOCOL-HTTP2, "Errors").
pub(crate) fn reset_status(code: ErrorCode, by_peer: bool, why: Option<&str>) -> Status {
    let grpc = match code {
        ErrorCode::RefusedStream => Code::Unavailable,
        ErrorCode::Cancel => Code::Cancelled,
        ErrorCode::EnhanceYourCalm => Code::ResourceExhausted,
        ErrorCode::InadequateSecurity => Code::PermissionDenied,
        ErrorCode::StreamClosed => Code::Unknown,
        _ => Code::Internal,
    };
    let who = if by_peer { "the peer" } else { "this side" };
    let mut text = format!("{who} reset the call's stream: {code}");
    if let Some(why) = why {
        let _ = write!(text, " ({why})");
    }
    let status = Status::new(grpc, text);
    if by_peer { status.from_peer() } else { status }
}

/// Why a server's call is cancelled whose stream is gone, for its handler and the log.
pub(crate) fn lost_stream(by: Origin, code: ErrorCode, why: Option<&str>) -> Status {
    Status::cancelled(match (by, why) {
        (Origin::Peer, _) => format!("the client reset the call: {code}"),
        // The client broke a rule, or ran into a limit: it may have read too slowly.
        (Origin::Local, Some(why)) => format!("this server reset the call: {why}"),
        (Origin::Local, None) => format!("this server reset the call: {code}"),
        _ => "the client's connection was lost".into(),
    })
}

#[cfg(test)]
#[path = "../tests/unit/response_head.rs"]
mod tests;
