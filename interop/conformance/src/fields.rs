//! The tool's words for metadata and failures, and Halloo's.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use halloo::metadata::Value;
use halloo::protobuf::Message;
use halloo::protobuf::well_known::Any;
use halloo::{Metadata, Status, rpc};

use crate::{Code, Error, Header};

/// Padding may be there or not.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The values of each key together, in order.
pub(crate) fn headers(metadata: &Metadata) -> Vec<Header> {
    let mut headers: Vec<Header> = Vec::new();
    for (key, value) in metadata.iter() {
        let value = match value {
            Value::Ascii(text) => text.to_owned(),
            Value::Binary(bytes) => STANDARD_NO_PAD.encode(bytes),
        };
        match headers.iter_mut().find(|header| header.name == key) {
            Some(header) => header.value.push(value),
            None => headers.push(Header::default().with_name(key).with_value([value])),
        }
    }
    headers
}

/// The other way round.
pub(crate) fn metadata<'a>(headers: impl IntoIterator<Item = &'a Header>) -> Result<Metadata, Status> {
    let mut metadata = Metadata::new();
    for Header { name, value, .. } in headers {
        for value in value {
            if name.to_ascii_lowercase().ends_with("-bin") {
                let bytes = BASE64.decode(value).map_err(|fault| Status::internal(format!("{name}: {fault}")))?;
                metadata.append_bin(name.clone(), bytes)?;
            } else {
                metadata.append(name.clone(), value.clone())?;
            }
        }
    }
    Ok(metadata)
}

/// The failure that is wanted of a server. `detail` goes behind its own.
pub(crate) fn status(error: &Error, detail: Option<Any>) -> Status {
    let code = halloo::Code::from_u32(error.code.to_i32().try_into().unwrap_or_default());
    let message = error.message.clone().unwrap_or_default();
    let details: Vec<_> = error.details.iter().cloned().chain(detail).collect();
    let status = Status::new(code, message.clone());
    if details.is_empty() {
        return status;
    }
    let details = rpc::Status::default().with_code(error.code.to_i32()).with_message(message).with_details(details);
    status.details_bytes(details.encode_to_vec())
}

/// The failure that a client has met.
pub(crate) fn error(status: &Status) -> Error {
    let details = rpc::Status::decode_from_slice(status.details()).unwrap_or_default().details;
    let code = i32::try_from(status.code().as_u32()).unwrap_or_default();
    Error { code: code.into(), ..Error::default() }.with_message(status.message()).with_details(details)
}

/// The failure of a call that was given up as wanted. Whoever drops a call gets no status of it.
pub(crate) fn given_up() -> Error {
    Error::default().with_code(Code::CODE_CANCELED).with_message("the case has cancelled its call")
}
