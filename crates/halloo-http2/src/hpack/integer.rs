//! Integers with a prefix (RFC 7541 section 5.1), and the cursor over a block that reads them.
use bytes::BufMut;

use super::decode::DecodeError;

/// Integers of more octets are refused, prefix included: 2^28 is far above every size that can be legal here.
const MAX_OCTETS: u32 = 5;

/// Is what is left of a header block.
#[derive(Debug)]
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    /// Reads an integer whose first octet has `prefix_bits` bits for it.
    #[inline]
    pub(super) fn integer(&mut self, prefix_bits: u32) -> Result<usize, DecodeError> {
        let (&first, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        let full = 0xff_u8 >> (8 - prefix_bits);
        let value = first & full;
        if value < full { Ok(usize::from(value)) } else { self.integer_rest(usize::from(full)) }
    }

    fn integer_rest(&mut self, prefix: usize) -> Result<usize, DecodeError> {
        let mut value = prefix;
        for octet in 0..MAX_OCTETS - 1 {
            let (&next, rest) = self.0.split_first().ok_or(DecodeError::Truncated)?;
            self.0 = rest;
            value += usize::from(next & 0x7f) << (7 * octet);
            if next & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::IntegerTooLong)
    }

    #[inline]
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or(DecodeError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// Writes an integer; `first` has the bits of the first octet above the prefix.
#[inline]
pub(super) fn put_integer(value: usize, prefix_bits: u32, first: u8, out: &mut Vec<u8>) {
    let full = (1 << prefix_bits) - 1;
    if value < full {
        out.put_u8(first | value as u8);
        return;
    }
    out.put_u8(first | full as u8);
    let mut rest = value - full;
    while rest >= 0x80 {
        out.put_u8(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
}

#[cfg(test)]
#[path = "../../tests/unit/hpack/integer.rs"]
mod tests;
