//! Header blocks to lists (RFC 7541 section 3), within limits, with the latest blocks remembered.
//!
//! Called by the connection with whole blocks, in wire order. What a name or value is by itself is noted in passing,
//! once for every literal, because the text is at hand; what the list means is for the connection to say.
use std::{fmt, sync::Arc};

use super::{
    INITIAL_TABLE_BYTES,
    huffman::{self, Text},
    integer::Input,
    list::ListUnderWay,
    remembered::Remembered,
    spares::Spares,
    table::{DynamicTable, STATIC, static_row},
};
use crate::headers::{EntryId, HeaderList};
use crate::record::{Mark, RECORD_HEAD, RecordHead, charged_bytes, copy_text};
use crate::rule::{FieldRule, NameRule, has_control};
use crate::validate::Outline;

const STATIC_LEN: usize = STATIC.len();

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
    /// What makes them a legal request, response or row of trailers, or none.
    pub(crate) outline: Outline,
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

/// What a literal asks for its field (RFC 7541 section 6.2).
#[derive(Clone, Copy, Debug)]
enum FieldUse {
    Plain,
    Sensitive,
    Indexed,
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
/// Memory: twice the table's size at most, four remembered blocks with lists of up to 4 KiB, and, until
/// [`trim`](Self::trim), as many lists as were lately in use at once.
#[derive(Debug)]
pub(crate) struct Decoder {
    table: DynamicTable,
    limits: BlockLimits,
    /// What a size update may ask for at most.
    allowed_table_bytes: usize,
    /// Our SETTINGS, which the peer applies when it acknowledges them.
    settings_table_bytes: usize,
    /// What the driver calls the names, and those of the static table.
    name_class: fn(&[u8]) -> u8,
    static_classes: [u8; STATIC_LEN],
    allows_padding: fn(&HeaderList) -> bool,
    remembered: Remembered,
    spares: Spares,
    /// How large the latest lists were, to allocate once.
    list_hint: usize,
}

impl Decoder {
    /// Makes a decoder for a peer to which `max_table_bytes` goes as `SETTINGS_HEADER_TABLE_SIZE`.
    pub(crate) fn new(max_table_bytes: usize, limits: BlockLimits, name_class: fn(&[u8]) -> u8) -> Self {
        Self {
            table: DynamicTable::new(INITIAL_TABLE_BYTES),
            limits,
            allowed_table_bytes: max_table_bytes.max(INITIAL_TABLE_BYTES),
            settings_table_bytes: max_table_bytes,
            name_class,
            static_classes: STATIC.map(|(name, _)| name_class(name.as_bytes())),
            allows_padding: |_| false,
            remembered: Remembered::default(),
            spares: Spares::default(),
            list_hint: 0,
        }
    }

    /// Lets `allows` decide about lists with white space around values; without it they are malformed.
    pub(crate) fn padding(self, allows: fn(&HeaderList) -> bool) -> Self {
        Self { allows_padding: allows, ..self }
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
        let before = self.table.generation();
        if !size_update_due && let Some(decoded) = self.remembered.find(block, before) {
            return Ok(decoded);
        }
        let mut list = ListUnderWay::new(self.limits, self.spares.take(), self.list_hint);
        let mut input = Input(block);
        let size_updates = self.decode_size_updates(&mut input)?;
        if self.table.max_bytes() > self.allowed_table_bytes {
            return Err(DecodeError::SizeUpdateMissing);
        }
        self.decode_fields(&mut input, &mut list)?;
        let is_stable = size_updates == 0 && before == self.table.generation();
        let decoded = list.finish(is_stable, self.allows_padding);
        self.list_hint = decoded.fields.records().len().max(self.list_hint - self.list_hint / 8);
        let spare = match is_stable && decoded.overflow.is_none() {
            true => self.remembered.keep(block, before, &decoded),
            false => Some(Arc::clone(&decoded.fields)),
        };
        if let Some(spare) = spare {
            self.spares.hold(spare);
        }
        Ok(decoded)
    }

    /// Gives back the memory that helps a busy connection only; the table stays as it is.
    pub(crate) fn trim(&mut self) {
        self.spares.trim();
        self.remembered = Remembered::default();
        self.table.trim();
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
        if updates > 0 {
            // A field that was too large for the table changed nothing, and may fit into this one.
            self.remembered = Remembered::default();
        }
        Ok(updates)
    }

    #[inline(never)]
    fn decode_fields(&mut self, input: &mut Input<'_>, list: &mut ListUnderWay) -> Result<(), DecodeError> {
        while let Some(first) = input.peek() {
            match first {
                0x80.. => {
                    let index = input.integer(7)?;
                    let (row, class) = self.indexed(index)?;
                    list.push_indexed(row, class)?;
                }
                0x40..0x80 => {
                    let name = input.integer(6)?;
                    self.decode_literal(name, FieldUse::Indexed, input, list)?;
                }
                0x20..0x40 => return Err(DecodeError::SizeUpdateMisplaced),
                ..0x20 => {
                    let name = input.integer(4)?;
                    let field_use = if first & 0x10 != 0 { FieldUse::Sensitive } else { FieldUse::Plain };
                    self.decode_literal(name, field_use, input, list)?;
                }
            }
        }
        Ok(())
    }

    /// Decodes a field whose name has index `name`, or is a string for 0, to the list's next record, and judges it.
    #[inline(never)]
    fn decode_literal(
        &mut self,
        name: usize,
        field_use: FieldUse,
        input: &mut Input<'_>,
        list: &mut ListUnderWay,
    ) -> Result<(), DecodeError> {
        let start = list.end() + RECORD_HEAD;
        let name = match name {
            0 => self.decode_name(input, list, start)?,
            index => {
                let (row, class) = self.indexed(index)?;
                let head = RecordHead::read(row).ok_or(DecodeError::UnknownIndex)?;
                copy_text(&row[RECORD_HEAD..], list.room(start, head.name_len), head.name_len);
                Name { len: head.name_len, rule: head.mark.rule().name(), class: class.unwrap_or(head.mark.class()) }
            }
        };
        let value = decode_string(input, list, start + name.len)?;
        let rule = FieldRule::judge(name.rule, list.text(start + name.len, value.len), value.has_control);
        let (entry, rule) = match field_use {
            FieldUse::Plain => (None, rule),
            FieldUse::Sensitive => (None, rule.sensitive()),
            FieldUse::Indexed => (self.table.next_id(charged_bytes(RECORD_HEAD + name.len + value.len)), rule),
        };
        let mark = Mark::new(entry, rule, name.class);
        let head = RecordHead { name_len: name.len, value_len: value.len, mark };
        let record = list.record(head);
        if let FieldUse::Indexed = field_use {
            self.table.insert(record);
        }
        list.push_literal(head)
    }

    /// Decodes a name that no table has.
    #[inline(never)]
    fn decode_name(&self, input: &mut Input<'_>, list: &mut ListUnderWay, at: usize) -> Result<Name, DecodeError> {
        let len = decode_string(input, list, at)?.len;
        let name = list.text(at, len);
        Ok(Name { len, rule: NameRule::of(name), class: (self.name_class)(name) })
    }

    /// Looks an index up in the one address space of both tables (RFC 7541 section 2.3.3): a row that begins with the
    /// record, and the class of a static entry, which its record does not have.
    #[inline]
    fn indexed(&self, index: usize) -> Result<(&[u8], Option<u8>), DecodeError> {
        let row = match index {
            0 => return Err(DecodeError::IndexZero),
            1..=STATIC_LEN => static_row(index),
            _ => self.table.row(index - STATIC_LEN - 1),
        };
        Ok((row.ok_or(DecodeError::UnknownIndex)?, self.static_classes.get(index - 1).copied()))
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

/// A name as a literal gives it.
#[derive(Clone, Copy, Debug)]
struct Name {
    len: usize,
    rule: NameRule,
    class: u8,
}

/// Decodes a string to `at` in the list's buffer.
#[inline(always)]
fn decode_string(input: &mut Input<'_>, list: &mut ListUnderWay, at: usize) -> Result<Text, DecodeError> {
    let coded = input.peek().is_some_and(|first| first & 0x80 != 0);
    let len = input.integer(7)?;
    let string = input.take(len)?;
    if coded {
        return huffman::decode(string, list.room(at, huffman::decode_room(len)));
    }
    list.room(at, len)[..len].copy_from_slice(string);
    Ok(Text { len, has_control: has_control(string) })
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
