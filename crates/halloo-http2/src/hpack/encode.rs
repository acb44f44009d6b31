//! Header lists to blocks (RFC 7541 section 6), with the encodings of templates kept.
//!
//! Called by the connection, which must send the blocks in the order of the calls.
use bytes::BufMut;

use super::{
    INITIAL_TABLE_BYTES,
    huffman::put_string,
    integer::put_integer,
    lookup::{DynamicLookup, FieldHash, static_name, static_pair},
    table::{DynamicTable, STATIC},
};
use crate::frame::{Flags, HEAD_BYTES, Head, Kind};
use crate::headers::{Block, Field, HeaderList, Template};
use crate::record::FIELD_OVERHEAD;

/// The most that our side spends on a table, whatever the peer allows.
const MAX_TABLE_BYTES: usize = 4096;

/// Encodes the header blocks of one direction of a connection.
///
/// Fields of templates enter the table at once. Other fields enter it when they were sent recently, so that values that
/// differ every time push nothing out, and those that do not end as one octet.
#[derive(Debug)]
pub(crate) struct Encoder {
    table: DynamicTable,
    lookup: DynamicLookup,
    size_update: Option<SizeUpdate>,
    templates: EncodedTemplates,
    recent: Recent,
    /// Holds the record of a field that is being inserted.
    record: HeaderList,
}

/// The table sizes that the peer has asked for since the last block.
#[derive(Clone, Copy, Debug)]
struct SizeUpdate {
    smallest: usize,
    last: usize,
}

/// Literals by what they do to the table (RFC 7541 sections 6.2.1 and 6.2.2).
#[derive(Clone, Copy, Debug)]
enum Literal {
    Inserted,
    Plain,
}

impl Encoder {
    pub(crate) fn new() -> Self {
        Self {
            table: DynamicTable::new(INITIAL_TABLE_BYTES),
            lookup: DynamicLookup::new(),
            size_update: None,
            templates: EncodedTemplates::default(),
            recent: Recent([0; RECENT_SLOTS]),
            record: HeaderList::new(),
        }
    }

    /// Follows the peer's `SETTINGS_HEADER_TABLE_SIZE`, up to our own limit of 4 KiB.
    pub(crate) fn set_max_table_bytes(&mut self, bytes: usize) {
        let last = bytes.min(MAX_TABLE_BYTES);
        let smallest = self.size_update.map_or(last, |update| update.smallest.min(last));
        self.size_update = Some(SizeUpdate { smallest, last });
    }

    /// Returns the encoding of a block that is a template alone, if it is kept and nothing else must be said.
    #[inline]
    pub(crate) fn encoded(&self, block: Block<'_>) -> Option<&EncodedTemplate> {
        match block.template {
            Some(template) if block.fields.is_empty() && self.size_update.is_none() => {
                self.templates.find(template.id(), self.table.generation())
            }
            _ => None,
        }
    }

    /// Forgets the encodings of templates, so that each passes [`encode`](Self::encode) before it is kept again.
    pub(crate) fn forget_templates(&mut self) {
        self.templates = EncodedTemplates::default();
    }

    /// Gives back the memory that helps a busy connection only; table and templates stay as they are.
    pub(crate) fn trim(&mut self) {
        self.table.trim();
        self.record = HeaderList::new();
    }

    /// Appends one block to `out`.
    pub(crate) fn encode(&mut self, block: Block<'_>, out: &mut Vec<u8>) {
        if let Some(update) = self.size_update.take() {
            self.put_size_update(update, out);
        }
        if let Some(template) = block.template {
            self.put_template(template, out);
        }
        for field in block.fields {
            self.put_field(&field, out);
        }
    }

    /// RFC 7541 section 4.2: the smallest size, which may have evicted entries, and then the final one.
    fn put_size_update(&mut self, update: SizeUpdate, out: &mut Vec<u8>) {
        for bytes in [update.smallest, update.last] {
            if bytes != self.table.max_bytes() {
                self.table.resize(bytes);
                put_integer(bytes, 5, 0x20, out);
            }
        }
    }

    fn put_template(&mut self, template: &Template, out: &mut Vec<u8>) {
        let before = self.table.generation();
        if let Some(encoded) = self.templates.find(template.id(), before) {
            out.put_slice(encoded.block());
            return;
        }
        let start = out.len();
        // What one template inserts must fit beside the rest of it, or it would push itself out every time.
        let mut room = self.table.max_bytes() / 2;
        for field in template.fields() {
            self.put_template_field(&field, &mut room, out);
        }
        if self.table.generation() == before {
            self.templates.keep(template.id(), before, &out[start..]);
        }
    }

    fn put_template_field(&mut self, field: &Field<'_>, room: &mut usize, out: &mut Vec<u8>) {
        let sought = self.seek(field);
        let charged = field_bytes(field);
        let in_static_table = sought.pair.is_some_and(|index| index <= STATIC.len());
        let fits = !in_static_table && !field.sensitive && self.may_insert(charged) && charged <= *room;
        if fits {
            *room -= charged;
        }
        self.put(sought, if fits { Literal::Inserted } else { Literal::Plain }, out);
    }

    fn put_field(&mut self, field: &Field<'_>, out: &mut Vec<u8>) {
        let sought = self.seek(field);
        let mut literal = Literal::Plain;
        if sought.pair.is_none() && !field.sensitive && self.may_insert(field_bytes(field)) {
            // A value that came back goes into the table. So does a name that no table has yet, once, with whatever
            // value it has: from then on it costs one octet.
            let value_again = self.recent.meets(sought.hash.pair);
            if value_again || (sought.name.is_none() && self.recent.meets(sought.hash.name)) {
                literal = Literal::Inserted;
            }
        }
        self.put(sought, literal, out);
    }

    fn seek<'a>(&self, field: &Field<'a>) -> Sought<'a> {
        let hash = FieldHash::of(field);
        let static_name = static_name(field.name, hash);
        let pair = if field.sensitive {
            None
        } else {
            static_name.and_then(|name| static_pair(field, name)).or_else(|| self.lookup.pair(&self.table, field, hash))
        };
        let name = match pair {
            Some(_) => None,
            None => static_name.or_else(|| self.lookup.name(&self.table, field.name, hash)),
        };
        Sought { field: *field, hash, pair, name }
    }

    /// Writes a field by its index, or else as a literal of this kind; a sensitive one is never indexed.
    fn put(&mut self, sought: Sought<'_>, literal: Literal, out: &mut Vec<u8>) {
        if let Some(index) = sought.pair {
            return put_integer(index, 7, 0x80, out);
        }
        let (prefix_bits, first) = match literal {
            _ if sought.field.sensitive => (4, 0x10),
            Literal::Inserted => (6, 0x40),
            Literal::Plain => (4, 0),
        };
        put_integer(sought.name.unwrap_or(0), prefix_bits, first, out);
        if sought.name.is_none() {
            put_string(sought.field.name, out);
        }
        put_string(sought.field.value, out);
        if first == 0x40 {
            self.insert(&sought);
        }
    }

    fn may_insert(&self, charged_bytes: usize) -> bool {
        charged_bytes <= self.table.max_bytes() / 4
    }

    fn insert(&mut self, sought: &Sought<'_>) {
        self.record.clear();
        self.record.push(sought.field.name, sought.field.value);
        self.table.insert(self.record.records());
        self.lookup.inserted(&self.table, sought.hash);
    }
}

#[cfg(test)]
impl Encoder {
    pub(super) fn table(&self) -> &DynamicTable {
        &self.table
    }
}

/// Is a field with what the tables have of it.
#[derive(Clone, Copy, Debug)]
struct Sought<'a> {
    field: Field<'a>,
    hash: FieldHash,
    pair: Option<usize>,
    /// The name's index, looked for only if the pair has none.
    name: Option<usize>,
}

fn field_bytes(field: &Field<'_>) -> usize {
    field.name.len() + field.value.len() + FIELD_OVERHEAD
}

/// Holds the encodings of the latest templates. Each counts only while the table is as it was.
#[derive(Debug, Default)]
struct EncodedTemplates {
    encoded: Vec<EncodedTemplate>,
    /// The next place to overwrite.
    hand: usize,
}

/// A template's encoding while the table is of one generation.
#[derive(Debug)]
pub(crate) struct EncodedTemplate {
    id: u64,
    generation: u64,
    len: usize,
    /// The block as one HEADERS frame of stream 0, and behind a short one zeros.
    frame: Vec<u8>,
}

/// Blocks of this length or less can be copied as if they had it.
const SHORT_BLOCK: usize = 23;
/// Such a block and the frame's head before it: as many bytes as two registers of every processor.
const SHORT_FRAME: usize = HEAD_BYTES + SHORT_BLOCK;

impl EncodedTemplate {
    fn new(id: u64, generation: u64, block: &[u8]) -> Self {
        let head = Head { len: block.len(), kind: Kind::HEADERS, flags: Flags::END_HEADERS, stream: 0 };
        let mut frame = head.to_bytes().to_vec();
        frame.extend_from_slice(block);
        frame.resize(frame.len().max(SHORT_FRAME), 0);
        Self { id, generation, len: block.len(), frame }
    }

    #[inline]
    pub(crate) fn block(&self) -> &[u8] {
        &self.frame()[HEAD_BYTES..]
    }

    /// The block as one HEADERS frame of stream 0.
    #[inline]
    pub(crate) fn frame(&self) -> &[u8] {
        &self.frame[..self.frame_len()]
    }

    #[inline]
    pub(crate) fn frame_len(&self) -> usize {
        HEAD_BYTES + self.len
    }

    /// As [`frame`](Self::frame), with zeros behind it, if the block is short.
    #[inline]
    pub(crate) fn short_frame(&self) -> Option<&[u8; SHORT_FRAME]> {
        if self.len <= SHORT_BLOCK { self.frame.first_chunk() } else { None }
    }
}

const ENCODED_TEMPLATES: usize = 8;
const ENCODED_TEMPLATE_BYTES: usize = 512;

impl EncodedTemplates {
    #[inline]
    fn find(&self, id: u64, generation: u64) -> Option<&EncodedTemplate> {
        let found = self.encoded.iter().find(|held| held.id == id)?;
        (found.generation == generation).then_some(found)
    }

    fn keep(&mut self, id: u64, generation: u64, block: &[u8]) {
        if block.len() > ENCODED_TEMPLATE_BYTES {
            return;
        }
        let place = self.encoded.iter().position(|held| held.id == id).unwrap_or_else(|| {
            self.hand = (self.hand + 1) % ENCODED_TEMPLATES;
            self.hand.min(self.encoded.len())
        });
        if place == self.encoded.len() {
            self.encoded.push(EncodedTemplate::new(id, generation, block));
            return;
        }
        self.encoded[place] = EncodedTemplate::new(id, generation, block);
    }
}

const RECENT_SLOTS: usize = 32;

/// Remembers hashes of fields that were sent as literals, half of each, until another one takes its slot. Two that are
/// taken for the same cost no more than an entry of the table.
#[derive(Debug)]
struct Recent([u32; RECENT_SLOTS]);

impl Recent {
    /// Returns whether this hash was met recently, and remembers it.
    fn meets(&mut self, hash: u64) -> bool {
        let slot = &mut self.0[(hash >> 32) as usize % RECENT_SLOTS];
        std::mem::replace(slot, hash as u32) == hash as u32
    }
}
