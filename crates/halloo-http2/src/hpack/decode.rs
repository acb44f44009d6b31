//! Header blocks to lists (RFC 7541 section 3), within limits, with the latest blocks remembered.
//!
//! Called by the connection with whole blocks, in wire order. It does not look at what the fields mean.
use std::{fmt, sync::Arc};

use super::{
    INITIAL_TABLE_BYTES, huffman,
    integer::Input,
    table::{DynamicTable, charged_bytes, static_record},
};
use crate::headers::{EntryId, HeaderList, RECORD_HEAD, RecordMark, record_name, write_record_head};

/// A block whose fields count for more than this many times the limit is not decoded to its end.
const BOMB_FACTOR: usize = 4;

/// RFC 7541 section 4.2: the smallest size and the final one.
const MAX_SIZE_UPDATES: usize = 2;

/// Limits what a block may decode to; beyond them fields are dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlockLimits {
    /// Names, values and 32 bytes a field (RFC 9113 section 6.5.2).
    pub(crate) max_list_bytes: usize,
    pub(crate) max_fields: usize,
}

/// What a block says.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) fields: Arc<HeaderList>,
    /// Tells that `fields` lacks the end of the list.
    pub(crate) overflow: Option<Overflow>,
}

/// The limit that a block exceeded first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Overflow {
    /// The size of the whole list, dropped fields included.
    ListBytes(usize),
    Fields,
}

/// Tells why a block, and with it the connection, is broken (RFC 7541 section 2.3.3 and others).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub(crate) enum DecodeError {
    Truncated,
    IntegerTooLong,
    IndexZero,
    UnknownIndex,
    Huffman,
    SizeUpdateTooLarge,
    SizeUpdateMisplaced,
    SizeUpdateMissing,
    /// More than four times the limit: it is not worth decoding on.
    ListTooLarge,
}

/// Decodes the header blocks of one direction of a connection.
///
/// Memory: twice the table's size at most, and four remembered blocks with lists of up to 4 KiB.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: DynamicTable,
    limits: BlockLimits,
    /// What a size update may ask for at most.
    allowed_table_bytes: usize,
    /// Our SETTINGS, which the peer applies when it acknowledges them.
    settings_table_bytes: usize,
    remembered: Remembered,
    /// How large the latest lists were, to allocate once.
    list_hint: usize,
}

impl Decoder {
    /// Makes a decoder for a peer to which `max_table_bytes` goes as `SETTINGS_HEADER_TABLE_SIZE`.
    pub(crate) fn new(max_table_bytes: usize, limits: BlockLimits) -> Self {
        Self {
            table: DynamicTable::new(INITIAL_TABLE_BYTES),
            limits,
            allowed_table_bytes: max_table_bytes.max(INITIAL_TABLE_BYTES),
            settings_table_bytes: max_table_bytes,
            remembered: Remembered::default(),
            list_hint: 0,
        }
    }

    /// Holds the peer to our table size, because it has acknowledged the SETTINGS (RFC 7541 section 4.2).
    pub(crate) fn settings_acknowledged(&mut self) {
        self.allowed_table_bytes = self.settings_table_bytes;
    }

    /// Tags an entry of the dynamic table: fields that refer to it carry the tag from the next block on. An entry that
    /// is gone is ignored.
    pub(crate) fn set_tag(&mut self, entry: EntryId, tag: u32) {
        self.table.set_tag(entry, tag);
    }

    /// Decodes a whole block.
    ///
    /// A list beyond the limits is not an error: the rest of the block is decoded to keep the table right.
    ///
    /// # Errors
    /// The table is out of step with the peer's from there on: COMPRESSION_ERROR (RFC 9113 section 4.3).
    pub(crate) fn decode(&mut self, block: &[u8]) -> Result<Decoded, DecodeError> {
        let size_update_due = self.table.max_bytes() > self.allowed_table_bytes;
        if !size_update_due && let Some(fields) = self.remembered.find(block, self.table.generation()) {
            return Ok(Decoded { fields, overflow: None });
        }
        let before = self.table.generation();
        let mut list = ListUnderWay::new(self.limits, self.list_hint);
        let mut input = Input(block);
        let size_updates = self.decode_size_updates(&mut input)?;
        if self.table.max_bytes() > self.allowed_table_bytes {
            return Err(DecodeError::SizeUpdateMissing);
        }
        while let Some(first) = input.peek() {
            self.decode_field(first, &mut input, &mut list)?;
        }
        let decoded = list.finish();
        self.list_hint = decoded.fields.records().len().max(self.list_hint - self.list_hint / 8);
        let stable = size_updates == 0 && before == self.table.generation();
        if stable && decoded.overflow.is_none() {
            self.remembered.keep(block, before, &decoded.fields);
        }
        Ok(decoded)
    }

    /// Size updates stand before the first field (RFC 7541 section 4.2).
    fn decode_size_updates(&mut self, input: &mut Input<'_>) -> Result<usize, DecodeError> {
        let mut updates = 0;
        while let Some(0x20..0x40) = input.peek() {
            let bytes = input.integer(5)?;
            if bytes > self.allowed_table_bytes {
                return Err(DecodeError::SizeUpdateTooLarge);
            }
            updates += 1;
            if updates > MAX_SIZE_UPDATES {
                return Err(DecodeError::SizeUpdateMisplaced);
            }
            self.table.resize(bytes);
        }
        Ok(updates)
    }

    fn decode_field(&mut self, first: u8, input: &mut Input<'_>, list: &mut ListUnderWay) -> Result<(), DecodeError> {
        match first {
            0x80.. => {
                let index = input.integer(7)?;
                list.push_indexed(indexed_record(&self.table, index)?)
            }
            0x40..0x80 => {
                let literal = self.decode_literal(6, input, list)?;
                let id = self.table.next_id(charged_bytes(literal.record_len()));
                let mark = id.map_or(RecordMark::Plain, RecordMark::Entry);
                self.table.insert(list.record(literal, mark));
                list.push_literal(literal)
            }
            0x20..0x40 => Err(DecodeError::SizeUpdateMisplaced),
            ..0x20 => {
                let literal = self.decode_literal(4, input, list)?;
                let never_indexed = first & 0x10 != 0;
                let mark = if never_indexed { RecordMark::Sensitive } else { RecordMark::Plain };
                list.record(literal, mark);
                list.push_literal(literal)
            }
        }
    }

    /// Decodes name and value to where they stand in the list's next record.
    fn decode_literal(
        &self,
        prefix_bits: u32,
        input: &mut Input<'_>,
        list: &mut ListUnderWay,
    ) -> Result<Literal, DecodeError> {
        let start = list.end + RECORD_HEAD;
        let name_len = match input.integer(prefix_bits)? {
            0 => decode_string(input, list, start)?,
            index => {
                let name = record_name(indexed_record(&self.table, index)?);
                list.room(start, name.len()).copy_from_slice(name);
                name.len()
            }
        };
        let value_len = decode_string(input, list, start + name_len)?;
        Ok(Literal { name_len, value_len })
    }
}

#[cfg(test)]
impl Decoder {
    pub(super) fn table(&self) -> &DynamicTable {
        &self.table
    }

    pub(super) fn forget_blocks(&mut self) {
        self.remembered = Remembered::default();
    }
}

/// Is a literal that stands behind the list's last record.
#[derive(Clone, Copy, Debug)]
struct Literal {
    name_len: usize,
    value_len: usize,
}

impl Literal {
    fn record_len(self) -> usize {
        RECORD_HEAD + self.name_len + self.value_len
    }
}

/// RFC 7541 section 2.3.3: one address space for both tables.
#[inline]
fn indexed_record(table: &DynamicTable, index: usize) -> Result<&[u8], DecodeError> {
    const STATIC: usize = EntryId::STATIC as usize;
    match index {
        0 => Err(DecodeError::IndexZero),
        1..=STATIC => static_record(index).ok_or(DecodeError::UnknownIndex),
        _ => table.record(index - STATIC - 1).ok_or(DecodeError::UnknownIndex),
    }
}

/// Decodes a string to `at` in the list's buffer, and returns its length.
#[inline]
fn decode_string(input: &mut Input<'_>, list: &mut ListUnderWay, at: usize) -> Result<usize, DecodeError> {
    let coded = input.peek().is_some_and(|first| first & 0x80 != 0);
    let len = input.integer(7)?;
    let string = input.take(len)?;
    if coded {
        return huffman::decode(string, list.room(at, huffman::decode_room(len)));
    }
    list.room(at, len).copy_from_slice(string);
    Ok(len)
}

/// Is a list whose block is being decoded.
struct ListUnderWay {
    /// The records, and behind `end` zeros to decode into: filled once a block, not once a string.
    buffer: Vec<u8>,
    end: usize,
    len: usize,
    limits: BlockLimits,
    /// What the fields beyond the limits count for.
    dropped_bytes: usize,
    overflow: Option<Overflow>,
}

/// What a list has room for at least beyond the hint, for the decoder of strings.
const SPARE_BYTES: usize = 128;

impl ListUnderWay {
    fn new(limits: BlockLimits, hint: usize) -> Self {
        #[expect(
            clippy::slow_vector_initialization,
            reason = "for so few bytes the C allocator's zeroing path takes longer than filling"
        )]
        let mut buffer = Vec::with_capacity(hint + SPARE_BYTES);
        buffer.resize(hint + SPARE_BYTES, 0);
        Self { buffer, end: 0, len: 0, limits, dropped_bytes: 0, overflow: None }
    }

    #[inline]
    fn room(&mut self, at: usize, len: usize) -> &mut [u8] {
        if self.buffer.len() < at + len {
            self.grow(at + len);
        }
        &mut self.buffer[at..at + len]
    }

    #[cold]
    fn grow(&mut self, len: usize) {
        self.buffer.resize(len.max(self.buffer.len() * 2), 0);
    }

    #[inline]
    fn push_indexed(&mut self, record: &[u8]) -> Result<(), DecodeError> {
        if !self.fits(record.len()) {
            return self.drop_field(record.len());
        }
        self.room(self.end, record.len()).copy_from_slice(record);
        self.end += record.len();
        self.len += 1;
        Ok(())
    }

    /// Completes the record of a literal.
    fn record(&mut self, literal: Literal, mark: RecordMark) -> &[u8] {
        let record = &mut self.buffer[self.end..self.end + literal.record_len()];
        write_record_head(record, literal.name_len, literal.value_len, mark);
        record
    }

    /// Takes the completed record of a literal into the list; beyond the limits the next one overwrites it.
    fn push_literal(&mut self, literal: Literal) -> Result<(), DecodeError> {
        if !self.fits(literal.record_len()) {
            return self.drop_field(literal.record_len());
        }
        self.end += literal.record_len();
        self.len += 1;
        Ok(())
    }

    #[inline]
    fn fits(&self, record_len: usize) -> bool {
        self.kept_bytes() + charged_bytes(record_len) <= self.limits.max_list_bytes
            && self.len < self.limits.max_fields
            && self.overflow.is_none()
    }

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

    fn finish(mut self) -> Decoded {
        self.buffer.truncate(self.end);
        let fields = Arc::new(HeaderList::from_records(self.buffer, self.len));
        Decoded { fields, overflow: self.overflow }
    }
}

/// Holds the latest blocks that changed nothing, with their lists: a peer that repeats a block gets the same list,
/// and with it what the driver attached to it, for the price of a comparison.
///
/// Blocks with sensitive fields are held too. A match needs the whole block, so it helps nobody to guess a value
/// piece by piece, and the copy ends with the connection that the value came over.
#[derive(Debug, Default)]
struct Remembered {
    blocks: Vec<RememberedBlock>,
    /// Where the search for a block to replace goes on.
    hand: usize,
}

#[derive(Debug)]
struct RememberedBlock {
    block: Vec<u8>,
    generation: u64,
    fields: Arc<HeaderList>,
    met_again: bool,
}

const REMEMBERED_BLOCKS: usize = 4;
const REMEMBERED_BLOCK_BYTES: usize = 512;
const REMEMBERED_LIST_BYTES: usize = 4096;

impl Remembered {
    #[inline]
    fn find(&mut self, block: &[u8], generation: u64) -> Option<Arc<HeaderList>> {
        let found = self.blocks.iter_mut().find(|held| held.generation == generation && held.block == block)?;
        found.met_again = true;
        Some(Arc::clone(&found.fields))
    }

    fn keep(&mut self, block: &[u8], generation: u64, fields: &Arc<HeaderList>) {
        if block.len() > REMEMBERED_BLOCK_BYTES || fields.records().len() > REMEMBERED_LIST_BYTES {
            return;
        }
        let fields = Arc::clone(fields);
        if self.blocks.len() < REMEMBERED_BLOCKS {
            self.blocks.push(RememberedBlock { block: block.to_vec(), generation, fields, met_again: false });
            return;
        }
        let place = self.place(generation);
        place.block.clear();
        place.block.extend_from_slice(block);
        place.generation = generation;
        place.fields = fields;
        place.met_again = false;
    }

    /// Goes round for a block that is stale or has not been met again since the last time round.
    fn place(&mut self, generation: u64) -> &mut RememberedBlock {
        loop {
            self.hand = (self.hand + 1) % REMEMBERED_BLOCKS;
            let held = &mut self.blocks[self.hand];
            if !std::mem::take(&mut held.met_again) || held.generation != generation {
                break;
            }
        }
        &mut self.blocks[self.hand]
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the header block ends within a field",
            Self::IntegerTooLong => "an integer has more than five octets",
            Self::IndexZero => "index 0 is used",
            Self::UnknownIndex => "an index is beyond the table",
            Self::Huffman => "a string is not valid Huffman code",
            Self::SizeUpdateTooLarge => "a table size update is above the size in SETTINGS",
            Self::SizeUpdateMisplaced => "a table size update stands after a field or a second update",
            Self::SizeUpdateMissing => "the table size update that SETTINGS require is missing",
            Self::ListTooLarge => "the header list is more than four times its limit",
        })
    }
}

impl std::error::Error for DecodeError {}
