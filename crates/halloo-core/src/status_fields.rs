//! A status as the header fields at a response's end, and back (PROTOCOL-HTTP2, "Responses").
//!
//! Called by whatever writes or reads trailers, in whichever type it keeps its fields. Metadata travels beside these
//! fields and is the caller's.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use crate::{Code, Metadata, Status, percent_decode_message, percent_encode_message};

/// Writes and reads `grpc-status-details-bin`, like any `-bin` header without padding on the way out.
const DETAILS_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_encode_padding(false).with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl Code {
    /// Reads the value of a `grpc-status` field. One that is no number, or no code's, is [`Code::Unknown`].
    ///
    /// ```
    /// use halloo_core::Code;
    ///
    /// assert_eq!(Code::from_field(b"5"), Code::NotFound);
    /// assert_eq!(Code::from_field(b"five"), Code::Unknown);
    /// ```
    pub fn from_field(text: &[u8]) -> Self {
        std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).map_or(Self::Unknown, Self::from_u32)
    }
}

impl Status {
    /// Hands `push` the fields that say how a call failed: `grpc-status`, `grpc-message` and
    /// `grpc-status-details-bin`, those that are empty left out. The metadata is not among them.
    ///
    /// ```
    /// use halloo_core::Status;
    ///
    /// let mut fields = Vec::new();
    /// Status::not_found("no ☃").write_fields(|name, value| fields.push((name, value.to_vec())));
    /// assert_eq!(fields, [("grpc-status", b"5".to_vec()), ("grpc-message", b"no %E2%98%83".to_vec())]);
    /// ```
    pub fn write_fields(&self, mut push: impl FnMut(&'static str, &[u8])) {
        push("grpc-status", decimal(self.code().as_u32()).text());
        if !self.message().is_empty() {
            push("grpc-message", percent_encode_message(self.message()).as_bytes());
        }
        if !self.details().is_empty() {
            push("grpc-status-details-bin", DETAILS_BASE64.encode(self.details()).as_bytes());
        }
    }

    /// Makes the status that a peer's fields describe; `find` returns the value of a field, `metadata` is what came
    /// beside them. Details that are not base64 are left out.
    pub fn from_fields<'a>(code: Code, find: impl Fn(&str) -> Option<&'a [u8]>, metadata: Metadata) -> Self {
        let message = find("grpc-message").map(percent_decode_message).unwrap_or_default();
        let mut status = Self::new(code, message).from_peer();
        if let Some(details) = find("grpc-status-details-bin").and_then(|text| DETAILS_BASE64.decode(text).ok()) {
            status = status.details_bytes(Bytes::from(details));
        }
        *status.metadata_mut() = metadata;
        status
    }
}

/// A small number in decimal, without an allocation.
struct Decimal {
    digits: [u8; 3],
    len: usize,
}

fn decimal(number: u32) -> Decimal {
    let mut decimal = Decimal { digits: [0; 3], len: 0 };
    let number = number.min(999);
    for divisor in [100, 10, 1] {
        if number >= divisor || divisor == 1 {
            decimal.digits[decimal.len] = b'0' + u8::try_from(number / divisor % 10).unwrap_or(0);
            decimal.len += 1;
        }
    }
    decimal
}

impl Decimal {
    fn text(&self) -> &[u8] {
        &self.digits[..self.len]
    }
}

#[cfg(test)]
#[path = "../tests/unit/status_fields.rs"]
mod tests;
