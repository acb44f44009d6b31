//! Bodies of zeros, as all cases have them.

use halloo::Status;

use crate::{Payload, PayloadType};

/// A body of that size.
pub(crate) fn zeros(bytes: usize) -> Payload {
    Payload::default().with_body(vec![0; bytes])
}

/// What a response has to carry that was asked for, at most `max_bytes`.
///
/// # Errors
/// INVALID_ARGUMENT for another kind of payload, or a size that cannot be.
pub(crate) fn wanted(kind: Option<PayloadType>, size: i32, max_bytes: usize) -> Result<Payload, Status> {
    if kind.is_none() {
        return Err(Status::invalid_argument("this server has payloads of type COMPRESSABLE only"));
    }
    match usize::try_from(size) {
        Ok(bytes) if bytes <= max_bytes => Ok(zeros(bytes)),
        _ => Err(Status::invalid_argument(format!("a response of {size} bytes is asked for; 0 to {max_bytes} can be"))),
    }
}
