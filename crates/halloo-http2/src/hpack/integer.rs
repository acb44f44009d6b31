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
mod tests {
    use super::*;

    #[test]
    fn rfc7541_c_1_examples() {
        for (value, prefix_bits, wire) in [(10, 5, &[0b01010][..]), (1337, 5, &[0x1f, 0x9a, 0x0a]), (42, 8, &[0x2a])] {
            let mut out = Vec::new();
            put_integer(value, prefix_bits, 0, &mut out);
            assert_eq!(out, wire);
            let mut input = Input(wire);
            assert_eq!(input.integer(prefix_bits), Ok(value));
            assert!(input.0.is_empty());
        }
    }

    #[test]
    fn every_prefix_round_trips() {
        for prefix_bits in 1..=8 {
            for value in (0..1000).chain([16_383, 16_384, 1 << 20, (1 << 28) - 1]) {
                let mut out = Vec::new();
                put_integer(value, prefix_bits, 0, &mut out);
                assert_eq!(Input(&out).integer(prefix_bits), Ok(value));
            }
        }
    }

    #[test]
    fn rfc7541_5_1_long_and_cut_integers_are_refused() {
        assert_eq!(Input(&[]).integer(7), Err(DecodeError::Truncated));
        assert_eq!(Input(&[0x7f, 0x80]).integer(7), Err(DecodeError::Truncated));
        assert_eq!(Input(&[0x7f, 0x80, 0x80, 0x80, 0]).integer(7), Ok(127));
        let long = [0x7f, 0x80, 0x80, 0x80, 0x80, 0];
        assert_eq!(Input(&long).integer(7), Err(DecodeError::IntegerTooLong));
    }
}
