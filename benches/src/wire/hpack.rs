//! Header blocks of fields that are known beforehand: only what the dynamic table holds is kept, not its texts.
//!
//! With everything indexed it behaves as Go's gRPC and, but for `:path`, hyper's client do: each new value enters the
//! table and pushes the oldest ones out.

use std::collections::VecDeque;

use super::huffman::put_string;

const STATIC_ENTRIES: u64 = 61;
const FIELD_OVERHEAD: usize = 32;

/// The size that every peer allows without saying so.
const TABLE_BYTES: usize = 4096;

/// A field that is sent again and again.
#[derive(Debug)]
pub(crate) struct KnownField {
    name: &'static str,
    /// The name's index in the static table; 0 for none.
    static_name: u64,
    /// When it entered the table the last time, counted from 1; 0 for never.
    entered: u64,
}

impl KnownField {
    pub(crate) fn new(name: &'static str, static_name: u64) -> Self {
        Self { name, static_name, entered: 0 }
    }
}

/// The sender's side of the dynamic table: sizes, newest first.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    sizes: VecDeque<usize>,
    bytes: usize,
    entered: u64,
}

impl Encoder {
    /// Appends a field whose value is always the same.
    pub(crate) fn put_constant(&mut self, field: &mut KnownField, value: &[u8], out: &mut Vec<u8>) {
        match self.index(field.entered) {
            Some(index) => put_integer(index, 7, 0x80, out),
            None => self.put_entering(field, value, out),
        }
    }

    /// Appends a field with a value that comes only once, and adds it to the table.
    pub(crate) fn put_entering(&mut self, field: &mut KnownField, value: &[u8], out: &mut Vec<u8>) {
        self.put_name(field, 6, 0x40, out);
        put_string(value, out);
        let size = field.name.len() + value.len() + FIELD_OVERHEAD;
        self.bytes += size;
        while self.bytes > TABLE_BYTES {
            self.bytes -= self.sizes.pop_back().unwrap_or(0);
        }
        self.sizes.push_front(size);
        self.entered += 1;
        field.entered = self.entered;
    }

    /// Appends a field with a value that comes only once; only its name enters the table, and only once.
    pub(crate) fn put_passing(&mut self, field: &mut KnownField, value: &[u8], out: &mut Vec<u8>) {
        if field.static_name == 0 && self.index(field.entered).is_none() {
            return self.put_entering(field, value, out);
        }
        self.put_name(field, 4, 0, out);
        put_string(value, out);
    }

    /// The beginning of a literal.
    fn put_name(&self, field: &KnownField, prefix_bits: u32, first: u8, out: &mut Vec<u8>) {
        let name = match field.static_name {
            0 => self.index(field.entered).unwrap_or(0),
            index => index,
        };
        put_integer(name, prefix_bits, first, out);
        if name == 0 {
            put_string(field.name.as_bytes(), out);
        }
    }

    /// The index of the entry that came in as number `entered`, unless it has left.
    fn index(&self, entered: u64) -> Option<u64> {
        let age = self.entered - entered;
        (entered > 0 && age < self.sizes.len() as u64).then_some(STATIC_ENTRIES + 1 + age)
    }
}

/// RFC 7541 section 5.1.
fn put_integer(value: u64, prefix_bits: u32, first: u8, out: &mut Vec<u8>) {
    let most = (1 << prefix_bits) - 1;
    if value < most {
        out.push(first | value as u8);
        return;
    }
    out.push(first | most as u8);
    let mut rest = value - most;
    while rest >= 128 {
        out.push(rest as u8 | 128);
        rest >>= 7;
    }
    out.push(rest as u8);
}
