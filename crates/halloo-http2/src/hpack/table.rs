//! The static table and the dynamic table (RFC 7541 section 2.3), the latter used by encoder and decoder alike.
//!
//! Both hold fields as records of a `HeaderList`, so that a decoder copies an indexed field in one go.
use crate::headers::{EntryId, Field};
use crate::record::{Mark, RECORD_HEAD, RecordHead, charged_bytes, set_tag, split_field};
use crate::rule::FieldRule;

/// Holds the latest inserted fields, up to a size.
///
/// Memory: the records, as much again of dead ones before they are dropped, and four bytes an entry.
#[derive(Debug)]
pub(super) struct DynamicTable {
    /// The records, oldest first, with dead ones at the front.
    arena: Vec<u8>,
    /// Where the oldest record starts.
    front: usize,
    /// Where the record of each entry starts, at its ordinal modulo the length, which is a power of two or 0.
    starts: Vec<u32>,
    bytes: usize,
    max_bytes: usize,
    inserted: u64,
    evicted: u64,
}

impl DynamicTable {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { arena: Vec::new(), front: 0, starts: Vec::new(), bytes: 0, max_bytes, inserted: 0, evicted: 0 }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        (self.inserted - self.evicted) as usize
    }

    #[inline]
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns a number that changes with every insertion and eviction.
    #[inline]
    pub(super) fn generation(&self) -> u64 {
        // Neither count ever falls, so their sum stays the same only if both do.
        self.inserted + self.evicted
    }

    /// Returns how many entries have been inserted since the start.
    pub(super) fn inserted(&self) -> u64 {
        self.inserted
    }

    /// Returns the ordinal of the oldest entry, or of the next one if the table is empty.
    pub(super) fn oldest(&self) -> u64 {
        self.evicted + 1
    }

    /// Returns the row of records that begins with the one at a position counted from the newest entry, which is 0.
    #[inline]
    pub(super) fn row(&self, position: usize) -> Option<&[u8]> {
        if position >= self.len() {
            return None;
        }
        self.arena.get(self.start(self.inserted - position as u64)..)
    }

    /// Returns the field that was inserted as number `ordinal`.
    pub(super) fn field(&self, ordinal: u64) -> Option<Field<'_>> {
        let row = self.row(usize::try_from(self.inserted.checked_sub(ordinal)?).ok()?)?;
        split_field(row).map(|(field, _)| field)
    }

    /// Returns the id that the next entry gets, if a field of so many bytes fits at all.
    #[inline]
    pub(super) fn next_id(&self, charged_bytes: usize) -> Option<EntryId> {
        (charged_bytes <= self.max_bytes).then(|| EntryId::inserted(self.inserted + 1))
    }

    /// Inserts a field after evicting what must go; one that is larger than the table only empties it (RFC 7541
    /// section 4.4).
    #[inline(always)]
    pub(super) fn insert(&mut self, record: &[u8]) {
        let charged = charged_bytes(record.len());
        self.evict_to(self.max_bytes.saturating_sub(charged));
        if charged > self.max_bytes {
            return;
        }
        if self.front * 2 >= self.arena.len() && self.front > 0 {
            self.compact();
        }
        if self.len() == self.starts.len() {
            self.grow();
        }
        self.inserted += 1;
        let place = self.place(self.inserted);
        self.starts[place] = self.arena.len() as u32;
        self.arena.extend_from_slice(record);
        self.bytes += charged;
    }

    /// Sets the largest size and evicts what is above it (RFC 7541 section 4.3).
    pub(super) fn resize(&mut self, max_bytes: usize) {
        self.max_bytes = max_bytes;
        self.evict_to(max_bytes);
    }

    /// Tags an entry; does nothing for static and evicted ones.
    pub(super) fn set_tag(&mut self, id: EntryId, tag: u32) {
        if let Some(ordinal) = id.ordinal()
            && (self.oldest()..=self.inserted).contains(&ordinal)
        {
            let start = self.start(ordinal);
            set_tag(&mut self.arena[start..], tag);
        }
    }

    /// Gives back memory that holds no entry.
    pub(super) fn trim(&mut self) {
        self.compact();
        self.arena.shrink_to_fit();
    }

    #[inline]
    fn place(&self, ordinal: u64) -> usize {
        ordinal as usize & (self.starts.len() - 1)
    }

    #[inline]
    fn start(&self, ordinal: u64) -> usize {
        self.starts[self.place(ordinal)] as usize
    }

    #[inline]
    fn evict_to(&mut self, bytes: usize) {
        while self.bytes > bytes
            && let Some(oldest) = self.arena.get(self.front..).and_then(RecordHead::read)
        {
            self.front += oldest.record_len();
            self.bytes -= charged_bytes(oldest.record_len());
            self.evicted += 1;
        }
    }

    /// Drops dead records once they are half of the arena, so that moving the living is paid for by the dead.
    #[cold]
    fn compact(&mut self) {
        self.arena.drain(..self.front);
        for start in &mut self.starts {
            // Places without a living entry hold any number.
            *start = start.wrapping_sub(self.front as u32);
        }
        self.front = 0;
    }

    #[cold]
    fn grow(&mut self) {
        let before = std::mem::take(&mut self.starts);
        self.starts = vec![0; (before.len() * 2).max(8)];
        for ordinal in self.oldest()..=self.inserted {
            let place = self.place(ordinal);
            self.starts[place] = before[ordinal as usize & (before.len() - 1)];
        }
    }
}

/// The static table (RFC 7541 appendix A); the first entry has index 1.
pub(super) const STATIC: [(&str, &str); EntryId::STATIC as usize] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

static STATIC_ARENA: [u8; static_arena_len()] = static_arena();
static STATIC_STARTS: [u16; STATIC.len()] = static_starts();

/// Returns the row of records that begins with the one of a static entry, by index from 1.
#[inline]
pub(super) fn static_row(index: usize) -> Option<&'static [u8]> {
    STATIC_ARENA.get(usize::from(*STATIC_STARTS.get(index.wrapping_sub(1))?)..)
}

const fn static_mark(index: usize) -> Mark {
    Mark::new(Some(EntryId::fixed(index)), FieldRule::fixed(STATIC[index - 1].0.as_bytes()), 0)
}

const fn static_arena_len() -> usize {
    let (name, value) = STATIC[STATIC.len() - 1];
    static_starts()[STATIC.len() - 1] as usize + RECORD_HEAD + name.len() + value.len()
}

const fn static_starts() -> [u16; STATIC.len()] {
    let mut starts = [0; STATIC.len()];
    let mut at = 1;
    while at < starts.len() {
        let (name, value) = STATIC[at - 1];
        starts[at] = starts[at - 1] + (RECORD_HEAD + name.len() + value.len()) as u16;
        at += 1;
    }
    starts
}

const fn static_arena() -> [u8; static_arena_len()] {
    let mut arena = [0; static_arena_len()];
    let mut rest: &mut [u8] = &mut arena;
    let mut index = 1;
    while index <= STATIC.len() {
        let (name, value) = STATIC[index - 1];
        let head = RecordHead { name_len: name.len(), value_len: value.len(), mark: static_mark(index) };
        let (place, after) = rest.split_at_mut(RECORD_HEAD);
        place.copy_from_slice(&head.to_bytes());
        let (place, after) = after.split_at_mut(name.len());
        place.copy_from_slice(name.as_bytes());
        let (place, after) = after.split_at_mut(value.len());
        place.copy_from_slice(value.as_bytes());
        rest = after;
        index += 1;
    }
    arena
}

#[cfg(test)]
#[path = "../../tests/unit/hpack/table.rs"]
mod tests;
