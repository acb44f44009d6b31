//! A header list whose block is being decoded: records in one buffer that is filled with zeros once, not once a string,
//! limits, and the outline for the connection.
use std::sync::Arc;

use super::decode::{BlockLimits, DecodeError, Decoded, Overflow};
use crate::headers::HeaderList;
use crate::record::{RecordHead, charged_bytes, copy_row, set_class};
use crate::validate::Outline;

/// A block whose fields count for more than this many times the limit is not decoded to its end.
const BOMB_FACTOR: usize = 4;

/// What a list has room for at least beyond the hint, for the decoder of strings.
const SPARE_BYTES: usize = 128;

pub(super) struct ListUnderWay {
    /// What the list is going to be, without its buffer.
    fields: Arc<HeaderList>,
    /// The records, and behind `end` room to decode into.
    buffer: Vec<u8>,
    end: usize,
    len: usize,
    limits: BlockLimits,
    outline: Outline,
    /// What the fields beyond the limits count for.
    dropped_bytes: usize,
    overflow: Option<Overflow>,
}

impl ListUnderWay {
    /// Begins a list in the memory of `fields`, which nobody else refers to.
    pub(super) fn new(limits: BlockLimits, mut fields: Arc<HeaderList>, hint: usize) -> Self {
        let mut buffer = Arc::get_mut(&mut fields).map(HeaderList::take_buffer).unwrap_or_default();
        if buffer.len() < hint + SPARE_BYTES {
            buffer.resize(hint + SPARE_BYTES, 0);
        }
        Self { fields, buffer, end: 0, len: 0, limits, outline: Outline::default(), dropped_bytes: 0, overflow: None }
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
    fn grow(&mut self, len: usize) {
        self.buffer.resize(len.max(self.buffer.len() * 2), 0);
    }

    /// Lends bytes that were decoded.
    #[inline]
    pub(super) fn text(&self, at: usize, len: usize) -> &[u8] {
        &self.buffer[at..at + len]
    }

    /// Takes the first record of a row of a table, with a class in the place of its own if there is one.
    #[inline]
    pub(super) fn push_indexed(&mut self, row: &[u8], class: Option<u8>) -> Result<(), DecodeError> {
        let Some(head) = RecordHead::read(row) else { return Ok(()) };
        let len = head.record_len();
        if !self.fits(len) {
            return self.drop_field(len);
        }
        let place = self.room(self.end, len);
        copy_row(row, place, len);
        if let Some(class) = class {
            set_class(place, class);
        }
        self.take(head);
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
        if !self.fits(head.record_len()) {
            return self.drop_field(head.record_len());
        }
        self.take(head);
        Ok(())
    }

    /// The record that stands behind the last one becomes the last one.
    #[inline]
    fn take(&mut self, head: RecordHead) {
        let end = self.end + head.record_len();
        let rule = head.mark.rule();
        self.outline.add(rule, &self.buffer[end - head.value_len..end]);
        self.end = end;
        self.len += 1;
    }

    #[inline]
    fn fits(&self, record_len: usize) -> bool {
        self.kept_bytes() + charged_bytes(record_len) <= self.limits.max_list_bytes
            && self.len < self.limits.max_fields
            && self.overflow.is_none()
    }

    #[inline]
    fn kept_bytes(&self) -> usize {
        self.end + self.len * charged_bytes(0)
    }

    /// Counts a field that is not kept: it costs as much work as one that is.
    #[cold]
    fn drop_field(&mut self, record_len: usize) -> Result<(), DecodeError> {
        self.dropped_bytes += charged_bytes(record_len);
        let bytes = self.kept_bytes() + self.dropped_bytes;
        if bytes > self.limits.max_list_bytes.saturating_mul(BOMB_FACTOR) {
            return Err(DecodeError::ListTooLarge);
        }
        self.overflow = Some(match self.overflow {
            Some(Overflow::Fields) => Overflow::Fields,
            None if bytes <= self.limits.max_list_bytes => Overflow::Fields,
            _ => Overflow::ListBytes(bytes),
        });
        Ok(())
    }

    pub(super) fn finish(mut self) -> Decoded {
        if let Some(fields) = Arc::get_mut(&mut self.fields) {
            fields.set_records(self.buffer, self.end, self.len);
        }
        Decoded { fields: self.fields, outline: self.outline, overflow: self.overflow }
    }
}
