//! A header list whose block is being decoded: records in one buffer that is filled with zeros once, not once a string,
//! limits, and the outline for the connection.
use std::sync::Arc;

use super::decode::{BlockLimits, DecodeError, Decoded, Overflow};
use crate::headers::HeaderList;
use crate::record::{RecordHead, charged_bytes, set_class};
use crate::validate::Outline;

/// A block whose fields count for more than this many times the limit is not decoded to its end.
const BOMB_FACTOR: usize = 4;

/// What a list has room for at least beyond the hint, for the decoder of strings.
const SPARE_BYTES: usize = 512;

/// A record of this length or less is copied from a table as one block of it.
const BLOCK: usize = 80;

pub(super) struct ListUnderWay {
    /// What the list is going to be, without its buffer.
    fields: Arc<HeaderList>,
    /// The records, and behind `end` room to decode into.
    buffer: Vec<u8>,
    end: usize,
    /// What the list may still take; no bytes after a field was dropped.
    left_bytes: usize,
    left_fields: usize,
    limits: BlockLimits,
    outline: Outline,
    /// What all fields count for, once one of them was dropped.
    counted_bytes: usize,
    overflow: Option<Overflow>,
}

impl ListUnderWay {
    /// Begins a list in the memory of `fields`, which nobody else refers to.
    pub(super) fn new(limits: BlockLimits, mut fields: Arc<HeaderList>, hint: usize) -> Self {
        let mut buffer = Arc::get_mut(&mut fields).map(HeaderList::take_buffer).unwrap_or_default();
        if buffer.len() < hint + SPARE_BYTES {
            buffer.resize(hint + SPARE_BYTES, 0);
        }
        Self {
            fields,
            buffer,
            end: 0,
            left_bytes: limits.max_list_bytes,
            left_fields: limits.max_fields,
            limits,
            outline: Outline::default(),
            counted_bytes: 0,
            overflow: None,
        }
    }

    /// Where the next record starts.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Lends at least `len` bytes from `at` on, and what room there is behind them.
    #[inline]
    pub(super) fn room(&mut self, at: usize, len: usize) -> &mut [u8] {
        if self.buffer.len() < at + len {
            self.grow(at + len);
        }
        &mut self.buffer[at..]
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, len: usize) {
        self.buffer.resize(len.max(self.buffer.len() * 2), 0);
    }

    /// Lends bytes that were decoded.
    #[inline]
    pub(super) fn text(&self, at: usize, len: usize) -> &[u8] {
        &self.buffer[at..at + len]
    }

    /// Takes the first record of a row of a table, with a class in the place of its own if there is one.
    #[inline(always)]
    pub(super) fn push_indexed(&mut self, row: &[u8], class: Option<u8>) -> Result<(), DecodeError> {
        let place = self.buffer.get_mut(self.end..).and_then(|rest| rest.first_chunk_mut::<BLOCK>());
        let (Some(block), Some(place)) = (row.first_chunk::<BLOCK>(), place) else {
            return self.push_exactly(row, class);
        };
        let head = RecordHead::of_block(block);
        let len = head.record_len();
        if len > BLOCK || charged_bytes(len) > self.left_bytes || self.left_fields == 0 {
            return self.push_exactly(row, class);
        }
        *place = *block;
        if let Some(class) = class {
            set_class(place, class);
        }
        self.take(head, len);
        Ok(())
    }

    /// As `push_indexed`, for any length, room and limit.
    #[inline(never)]
    fn push_exactly(&mut self, row: &[u8], class: Option<u8>) -> Result<(), DecodeError> {
        let Some(head) = RecordHead::read(row) else { return Ok(()) };
        let len = head.record_len();
        if !self.fits(len) {
            return self.drop_field(len);
        }
        let place = self.room(self.end, len);
        place[..len].copy_from_slice(&row[..len]);
        if let Some(class) = class {
            set_class(place, class);
        }
        self.take(head, len);
        Ok(())
    }

    /// Completes the record of a literal whose name and value stand behind the last record.
    #[inline]
    pub(super) fn record(&mut self, head: RecordHead) -> &[u8] {
        let record = &mut self.buffer[self.end..self.end + head.record_len()];
        if let Some(place) = record.first_chunk_mut() {
            *place = head.to_bytes();
        }
        record
    }

    /// Takes the completed record of a literal into the list; beyond the limits the next one overwrites it.
    #[inline]
    pub(super) fn push_literal(&mut self, head: RecordHead) -> Result<(), DecodeError> {
        let len = head.record_len();
        if !self.fits(len) {
            return self.drop_field(len);
        }
        self.take(head, len);
        Ok(())
    }

    #[inline]
    fn fits(&self, record_len: usize) -> bool {
        charged_bytes(record_len) <= self.left_bytes && self.left_fields > 0
    }

    /// The record that stands behind the last one becomes the last one.
    #[inline]
    fn take(&mut self, head: RecordHead, len: usize) {
        self.outline.add(head.mark.rule(), &self.buffer[self.end + len - head.value_len..self.end + len]);
        self.end += len;
        self.left_bytes -= charged_bytes(len);
        self.left_fields -= 1;
    }

    /// Counts a field that is not kept: it costs as much work as one that is.
    #[cold]
    #[inline(never)]
    fn drop_field(&mut self, record_len: usize) -> Result<(), DecodeError> {
        if self.overflow.is_none() {
            self.counted_bytes = self.limits.max_list_bytes - std::mem::take(&mut self.left_bytes);
        }
        self.counted_bytes += charged_bytes(record_len);
        if self.counted_bytes > self.limits.max_list_bytes.saturating_mul(BOMB_FACTOR) {
            return Err(DecodeError::ListTooLarge);
        }
        self.overflow = Some(match self.overflow {
            Some(Overflow::Fields) => Overflow::Fields,
            None if self.counted_bytes <= self.limits.max_list_bytes => Overflow::Fields,
            _ => Overflow::ListBytes(self.counted_bytes),
        });
        Ok(())
    }

    /// Completes the list; `is_stable` if the block has changed no table. `allows_padding` decides about white space
    /// around values.
    #[inline]
    pub(super) fn finish(mut self, is_stable: bool, allows_padding: fn(&HeaderList) -> bool) -> Decoded {
        if let Some(fields) = Arc::get_mut(&mut self.fields) {
            fields.set_records(self.buffer, self.end, self.limits.max_fields - self.left_fields);
            if is_stable {
                fields.set_may_return();
            }
            if self.outline.needs_review() {
                self.outline.review(fields, allows_padding);
            }
        }
        Decoded { fields: self.fields, outline: self.outline, overflow: self.overflow }
    }
}
