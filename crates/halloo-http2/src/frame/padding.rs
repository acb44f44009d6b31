//! Padding of DATA and HEADERS (RFC 9113 sections 6.1 and 6.2).
//!
//! ```text
//! | pad length 8 | content ... | padding ... |      only with the PADDED flag
//! ```

use super::{Flags, Head};
use crate::error::Violation;
use std::ops::Range;

/// Where the content lies inside a payload; what is outside of the range is padding.
///
/// # Errors
/// `PaddingTooLong` when the padding leaves no room for the pad length itself.
#[inline]
pub(crate) fn unpad(head: Head, payload: &[u8]) -> Result<Range<usize>, Violation> {
    if head.flags.has(Flags::PADDED) { cut_padding(payload) } else { Ok(0..payload.len()) }
}

#[cold]
fn cut_padding(payload: &[u8]) -> Result<Range<usize>, Violation> {
    let padding = *payload.first().ok_or(Violation::PaddedFrameEmpty)? as usize;
    match payload.len().checked_sub(padding) {
        Some(end) if end >= 1 => Ok(1..end),
        _ => Err(Violation::PaddingTooLong),
    }
}
