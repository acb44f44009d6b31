//! Finds the table index of a field or of its name, for the encoder, by hash.
use std::collections::VecDeque;

use super::table::{DynamicTable, STATIC};
use crate::headers::Field;

/// Hashes of a field to be sent: of its name, and of name and value.
#[derive(Clone, Copy, Debug)]
pub(super) struct FieldHash {
    pub(super) name: u64,
    pub(super) pair: u64,
}

impl FieldHash {
    pub(super) fn of(field: &Field<'_>) -> Self {
        let name = name_hash(field.name);
        Self { name, pair: hash(name, field.value) }
    }
}

const fn name_hash(name: &[u8]) -> u64 {
    hash(0x9e37_79b9_7f4a_7c15, name)
}

/// Hashes sixteen bytes a step. It need not withstand an attacker: every search below has an end that no choice of
/// fields can move, and compares the bytes.
const fn hash(seed: u64, bytes: &[u8]) -> u64 {
    let mut state = seed;
    let mut rest = bytes;
    while rest.len() > 16
        && let Some((chunk, after)) = rest.split_first_chunk::<16>()
    {
        let word = u128::from_le_bytes(*chunk);
        state = mix(state ^ word as u64, (word >> 64) as u64);
        rest = after;
    }
    // The two halves may overlap: that is as good and needs no loop.
    let (low, high) = if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        (u64::from_le_bytes(*first), u64::from_le_bytes(*last))
    } else if let (Some(first), Some(last)) = (rest.first_chunk(), rest.last_chunk()) {
        (u32::from_le_bytes(*first) as u64, u32::from_le_bytes(*last) as u64)
    } else if let [first, .., last] = rest {
        (*first as u64 | (rest[rest.len() / 2] as u64) << 8, *last as u64)
    } else if let [only] = rest {
        (*only as u64, 0)
    } else {
        (0, 0)
    };
    mix(state ^ low, high ^ (bytes.len() as u64) << 56)
}

const fn mix(left: u64, right: u64) -> u64 {
    let product = left as u128 * (right ^ 0x243f_6a88_85a3_08d3) as u128;
    product as u64 ^ (product >> 64) as u64
}

const STATIC_SLOTS: usize = 256;

/// The first index of each static name, in the slot of the name's hash or the next free one; 0 is free.
static STATIC_NAMES: [u8; STATIC_SLOTS] = static_names();

const fn static_names() -> [u8; STATIC_SLOTS] {
    let mut slots = [0; STATIC_SLOTS];
    let mut index = 1;
    while index <= STATIC.len() {
        if index == 1 || !const_eq(STATIC[index - 1].0, STATIC[index - 2].0) {
            let mut slot = static_slot(name_hash(STATIC[index - 1].0.as_bytes()));
            while slots[slot] != 0 {
                slot = (slot + 1) % STATIC_SLOTS;
            }
            slots[slot] = index as u8;
        }
        index += 1;
    }
    slots
}

const fn static_slot(hash: u64) -> usize {
    (hash >> 7) as usize % STATIC_SLOTS
}

const fn const_eq(left: &str, right: &str) -> bool {
    let (left, right) = (left.as_bytes(), right.as_bytes());
    let mut at = 0;
    while at < left.len() && at < right.len() && left[at] == right[at] {
        at += 1;
    }
    at == left.len() && at == right.len()
}

/// Returns the lowest static index of a name.
pub(super) fn static_name(name: &[u8], hash: FieldHash) -> Option<usize> {
    let mut slot = static_slot(hash.name);
    loop {
        let index = usize::from(STATIC_NAMES[slot]);
        if STATIC.get(index.checked_sub(1)?)?.0.as_bytes() == name {
            return Some(index);
        }
        slot = (slot + 1) % STATIC_SLOTS;
    }
}

/// Returns the static index of a field whose name has the lowest index `name_index`.
pub(super) fn static_pair(field: &Field<'_>, name_index: usize) -> Option<usize> {
    let same_name = STATIC[name_index - 1..].iter().take_while(|(name, _)| name.as_bytes() == field.name);
    // An empty value in this table stands for a name alone, but it is the empty value too.
    (name_index..).zip(same_name).find_map(|(index, (_, value))| (value.as_bytes() == field.value).then_some(index))
}

const BUCKETS: usize = 32;

/// Finds entries of a dynamic table by hash.
///
/// Entries of one bucket are chained from the newest to the oldest. Eviction takes the oldest, so a chain ends where it
/// reaches an evicted ordinal, and evicting costs nothing here.
#[derive(Debug)]
pub(super) struct DynamicLookup {
    newest_by_name: [u64; BUCKETS],
    newest_by_pair: [u64; BUCKETS],
    links: VecDeque<Link>,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    hash: FieldHash,
    older_by_name: u64,
    older_by_pair: u64,
}

impl DynamicLookup {
    pub(super) fn new() -> Self {
        Self { newest_by_name: [0; BUCKETS], newest_by_pair: [0; BUCKETS], links: VecDeque::new() }
    }

    /// Takes up the entry that has just been inserted.
    pub(super) fn inserted(&mut self, table: &DynamicTable, hash: FieldHash) {
        let ordinal = table.inserted();
        self.links.push_back(Link {
            hash,
            older_by_name: std::mem::replace(&mut self.newest_by_name[bucket(hash.name)], ordinal),
            older_by_pair: std::mem::replace(&mut self.newest_by_pair[bucket(hash.pair)], ordinal),
        });
        let evicted = self.links.len() - table.len();
        self.links.drain(..evicted);
    }

    /// Returns the index of the newest entry with this name and value.
    pub(super) fn pair(&self, table: &DynamicTable, field: &Field<'_>, hash: FieldHash) -> Option<usize> {
        let mut ordinal = self.newest_by_pair[bucket(hash.pair)];
        while let Some(link) = self.link(table, ordinal) {
            if link.hash.pair == hash.pair
                && let Some(held) = table.field(ordinal)
                && held.name == field.name
                && held.value == field.value
            {
                return Some(index(table, ordinal));
            }
            ordinal = link.older_by_pair;
        }
        None
    }

    /// Returns the index of the newest entry with this name.
    pub(super) fn name(&self, table: &DynamicTable, name: &[u8], hash: FieldHash) -> Option<usize> {
        let mut ordinal = self.newest_by_name[bucket(hash.name)];
        while let Some(link) = self.link(table, ordinal) {
            if link.hash.name == hash.name && table.field(ordinal).is_some_and(|held| held.name == name) {
                return Some(index(table, ordinal));
            }
            ordinal = link.older_by_name;
        }
        None
    }

    /// Returns the link of an entry, or nothing if it has been evicted.
    fn link(&self, table: &DynamicTable, ordinal: u64) -> Option<&Link> {
        // Links are dropped with the next insertion only, so some of the first may be of evicted entries.
        let oldest_link = table.inserted() + 1 - self.links.len() as u64;
        if ordinal < table.oldest() {
            return None;
        }
        self.links.get((ordinal - oldest_link) as usize)
    }
}

fn bucket(hash: u64) -> usize {
    (hash % BUCKETS as u64) as usize
}

/// The index of an entry: the newest one follows the static table (RFC 7541 section 2.3.3).
fn index(table: &DynamicTable, ordinal: u64) -> usize {
    STATIC.len() + 1 + (table.inserted() - ordinal) as usize
}

#[cfg(test)]
#[path = "../../tests/unit/hpack/lookup.rs"]
mod tests;
