//! One header field as a record: the form in which lists and the HPACK tables hold fields, so that an indexed field is
//! one copy. Knows the layout only; what a field's rule and class mean is in `rule.rs` and with the driver.

use crate::headers::{EntryId, Field};
use crate::rule::FieldRule;

/// Bytes before the name in a record, little-endian:
///
/// ```text
/// 0            4             8     12      18     19      20     20+n
/// | name len n | value len v | tag | entry | rule | class | name | value |
/// ```
///
/// `entry` is 0 for none, or an [`EntryId`].
pub(crate) const RECORD_HEAD: usize = 20;

const TAG: usize = 8;
const MARK: usize = 12;
const CLASS: usize = 19;

/// What each field costs beside its name and value (RFC 9113 section 6.5.2, RFC 7541 section 4.1).
pub(crate) const FIELD_OVERHEAD: usize = 32;

/// Bytes that the field in a record of this length counts for.
#[inline]
pub(crate) const fn charged_bytes(record_len: usize) -> usize {
    record_len + FIELD_OVERHEAD - RECORD_HEAD
}

/// The fixed part of a record.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordHead {
    pub(crate) name_len: usize,
    pub(crate) value_len: usize,
    pub(crate) mark: Mark,
}

/// What a record says beside name, value and tag.
///
/// ```text
/// bit 0..48: entry | 48..56: rule | 56..64: class
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark(u64);

impl Mark {
    /// An entry with an id of more than 48 bits, which no connection lives to see, is left out.
    #[inline]
    pub(crate) const fn new(entry: Option<EntryId>, rule: FieldRule, class: u8) -> Self {
        let entry = match entry {
            Some(id) if id.as_u64() >> 48 == 0 => id.as_u64(),
            _ => 0,
        };
        Self(entry | (rule.bits() as u64) << 48 | (class as u64) << 56)
    }

    #[inline]
    pub(crate) fn entry(self) -> Option<EntryId> {
        EntryId::from_u64(self.0 & 0xffff_ffff_ffff)
    }

    #[inline]
    pub(crate) fn rule(self) -> FieldRule {
        FieldRule::from_bits((self.0 >> 48) as u8)
    }

    #[inline]
    pub(crate) fn class(self) -> u8 {
        (self.0 >> 56) as u8
    }
}

impl RecordHead {
    /// Reads the head of the first record of a row.
    #[inline]
    pub(crate) fn read(row: &[u8]) -> Option<Self> {
        row.first_chunk::<RECORD_HEAD>().map(Self::of_bytes)
    }

    /// Reads the head of a record, with whatever is behind it.
    #[inline]
    pub(crate) fn of_block<const BYTES: usize>(block: &[u8; BYTES]) -> Self {
        const { assert!(BYTES >= RECORD_HEAD) };
        let mut head = [0; RECORD_HEAD];
        head.copy_from_slice(&block[..RECORD_HEAD]);
        Self::of_bytes(&head)
    }

    #[inline]
    fn of_bytes(head: &[u8; RECORD_HEAD]) -> Self {
        let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let mark = Mark(u64::from(word(MARK)) | u64::from(word(MARK + 4)) << 32);
        Self { name_len: word(0) as usize, value_len: word(4) as usize, mark }
    }

    /// The record's bytes without a tag.
    #[inline]
    pub(crate) const fn to_bytes(self) -> [u8; RECORD_HEAD] {
        let mut head = [0; RECORD_HEAD];
        let (lens, rest) = head.split_at_mut(TAG);
        lens.copy_from_slice(&(self.name_len as u64 & 0xffff_ffff | (self.value_len as u64) << 32).to_le_bytes());
        rest.split_at_mut(MARK - TAG).1.copy_from_slice(&self.mark.0.to_le_bytes());
        head
    }

    /// Bytes of the whole record.
    #[inline]
    pub(crate) fn record_len(self) -> usize {
        RECORD_HEAD + self.name_len + self.value_len
    }
}

/// Overwrites the tag of a record.
pub(crate) fn set_tag(record: &mut [u8], tag: u32) {
    record[TAG..MARK].copy_from_slice(&tag.to_le_bytes());
}

/// Overwrites the class of a record.
#[inline]
pub(crate) fn set_class(record: &mut [u8], class: u8) {
    record[CLASS] = class;
}

/// Splits the first field off a row of records.
#[inline]
pub(crate) fn split_field(row: &[u8]) -> Option<(Field<'_>, &[u8])> {
    split_known(RecordHead::read(row)?, row)
}

/// Splits the first field, whose head was read, off a row of records.
#[inline]
pub(crate) fn split_known(head: RecordHead, row: &[u8]) -> Option<(Field<'_>, &[u8])> {
    let (_, rest) = row.split_at_checked(RECORD_HEAD)?;
    let (name, rest) = rest.split_at_checked(head.name_len)?;
    let (value, rest) = rest.split_at_checked(head.value_len)?;
    let tag = u32::from_le_bytes([row[TAG], row[TAG + 1], row[TAG + 2], row[TAG + 3]]);
    let sensitive = head.mark.rule().is_sensitive();
    Some((Field { name, value, sensitive, entry: head.mark.entry(), tag, class: head.mark.class() }, rest))
}

/// Copies the first `len` bytes; few of them go as one block where both sides have so much room.
#[inline]
pub(crate) fn copy_text(from: &[u8], to: &mut [u8], len: usize) {
    const BLOCK: usize = 32;
    if len <= BLOCK
        && let (Some(from), Some(to)) = (from.first_chunk::<BLOCK>(), to.first_chunk_mut::<BLOCK>())
    {
        *to = *from;
    } else {
        copy_exactly(from, to, len);
    }
}

/// A function of its own, or else both copies become one that is called with its length.
#[inline(never)]
fn copy_exactly(from: &[u8], to: &mut [u8], len: usize) {
    to[..len].copy_from_slice(&from[..len]);
}

#[cfg(test)]
#[path = "../tests/unit/record.rs"]
mod tests;
