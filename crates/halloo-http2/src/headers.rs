//! Ordered header fields in one buffer, as they are sent and received, and the templates of fields sent often.
//!
//! A list is a row of records (`record.rs`), as the HPACK tables hold them, too.
//! Names and values are bytes here: whether they make a valid request is for the connection to say.
use crate::record::{Mark, RECORD_HEAD, RecordHead, charged_bytes, set_tag, split_field, split_known};
use crate::rule::{FieldRule, NameRule, has_control};
use std::{
    any::Any,
    fmt,
    num::NonZeroU64,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Holds header fields in order, in one byte buffer.
///
/// Memory: 20 bytes a field beside its name and value.
///
/// ```
/// use halloo_http2::HeaderList;
///
/// let mut fields = HeaderList::new();
/// fields.push(b":status", b"200");
/// fields.push(b"content-type", b"application/grpc");
/// assert_eq!(fields.find(b":status"), Some(b"200".as_slice()));
/// assert_eq!(fields.list_bytes(), 7 + 3 + 32 + 12 + 16 + 32);
/// ```
#[derive(Default)]
pub struct HeaderList {
    /// The records up to `end`; a decoder leaves room behind them for the next list in the same buffer.
    records: Vec<u8>,
    end: usize,
    len: usize,
    may_return: bool,
    attachment: OnceLock<Arc<dyn Any + Send + Sync>>,
}

/// Is one header field of a [`HeaderList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name, as it was on the wire.
    pub name: &'a [u8],
    /// The value, as it was on the wire.
    pub value: &'a [u8],
    /// Whether the field is never to enter a compression table (RFC 7541 section 7.1.3).
    pub sensitive: bool,
    /// The table entry that held or took up the whole field, if there was one.
    pub entry: Option<EntryId>,
    /// The tag that the entry had when the block was decoded; 0 without a tag.
    pub tag: u32,
    /// The class that [`Config::name_class`](crate::Config::name_class) gave the name of a received field; 0 in lists
    /// that were not received.
    pub class: u8,
}

/// Names an entry of an HPACK table: one of the 61 static ones, or one that the peer inserted on this connection.
///
/// The id of an inserted entry is never given to another one, also after its eviction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(NonZeroU64);

impl HeaderList {
    /// Makes an empty list without allocating.
    pub const fn new() -> Self {
        Self::from_records(Vec::new(), 0, 0)
    }

    /// Makes an empty list with room for `fields` fields whose names and values have `text_bytes` bytes together.
    pub fn with_capacity(fields: usize, text_bytes: usize) -> Self {
        Self::from_records(Vec::with_capacity(fields * RECORD_HEAD + text_bytes), 0, 0)
    }

    /// Appends a field.
    ///
    /// # Panics
    /// If the name or the value has 4 GiB or more.
    pub fn push(&mut self, name: &[u8], value: &[u8]) {
        self.push_record(name, value, FieldRule::ORDINARY);
    }

    /// Appends a field that never enters a compression table, here or at a proxy (RFC 7541 section 7.1.3): for
    /// credentials and other values that an attacker could guess piece by piece.
    ///
    /// # Panics
    /// If the name or the value has 4 GiB or more.
    pub fn push_sensitive(&mut self, name: &[u8], value: &[u8]) {
        self.push_record(name, value, FieldRule::ORDINARY.sensitive());
    }

    /// Appends a field that somebody else wrote, without white space around its value, unless it may not be in a
    /// message after its pseudo-headers (RFC 9113 sections 8.2.1 and 8.2.2). Returns whether it is in.
    ///
    /// ```
    /// let mut fields = halloo_http2::HeaderList::new();
    /// assert!(fields.push_legal(b"location", b"/next "));
    /// assert!(!fields.push_legal(b"location", b"/\r\nset-cookie: a=1"));
    /// assert!(!fields.push_legal(b"connection", b"close"));
    /// assert_eq!(fields.find(b"location"), Some(b"/next".as_slice()));
    /// ```
    ///
    /// # Panics
    /// If the name or the value has 4 GiB or more.
    pub fn push_legal(&mut self, name: &[u8], value: &[u8]) -> bool {
        let value = value.trim_ascii();
        let is_legal = FieldRule::judge(NameRule::of(name), value, has_control(value)).is_legal_field();
        if is_legal {
            self.push(name, value);
        }
        is_legal
    }

    /// Returns how many fields the list has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether the list has no field.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the size that `SETTINGS_MAX_HEADER_LIST_SIZE` limits: names, values and 32 bytes a field (RFC 9113
    /// section 6.5.2).
    pub fn list_bytes(&self) -> usize {
        self.end + self.len * charged_bytes(0)
    }

    /// Walks over the fields in order.
    pub fn iter(&self) -> Fields<'_> {
        Fields { records: self.records(), len: self.len }
    }

    /// Walks over the fields whose names have a class other than 0, in order. Costs less than to look at all.
    pub fn classified(&self) -> impl Iterator<Item = Field<'_>> {
        let mut rest = self.records();
        std::iter::from_fn(move || {
            while let Some(head) = RecordHead::read(rest) {
                if head.mark.class() != 0 {
                    let (field, after) = split_known(head, rest)?;
                    rest = after;
                    return Some(field);
                }
                rest = rest.get(head.record_len()..)?;
            }
            None
        })
    }

    /// Returns whether a block with the same bytes would be the same list: a received one that changed no table.
    pub fn may_return(&self) -> bool {
        self.may_return
    }

    /// Returns the value of the first field of this name, compared byte by byte.
    pub fn find(&self, name: &[u8]) -> Option<&[u8]> {
        self.iter().find(|field| field.name == name).map(|field| field.value)
    }

    /// Removes all fields and the attachment and keeps the buffer.
    pub fn clear(&mut self) {
        self.end = 0;
        self.len = 0;
        self.may_return = false;
        self.attachment.take();
    }

    /// Returns what was attached to the list with [`set_attachment`](Self::set_attachment).
    pub fn attachment(&self) -> Option<&Arc<dyn Any + Send + Sync>> {
        self.attachment.get()
    }

    /// Attaches a value that was made from the fields, to be found when the same list is met again: a block that a
    /// peer repeats is decoded once. The first attachment stays; a later one is dropped.
    pub fn set_attachment(&self, attachment: Arc<dyn Any + Send + Sync>) {
        let _ = self.attachment.set(attachment);
    }

    fn push_record(&mut self, name: &[u8], value: &[u8], rule: FieldRule) {
        assert!(name.len() <= u32::MAX as usize && value.len() <= u32::MAX as usize, "a header field is under 4 GiB");
        let head = RecordHead { name_len: name.len(), value_len: value.len(), mark: Mark::new(None, rule, 0) };
        self.records.truncate(self.end);
        self.records.reserve(head.record_len());
        self.records.extend_from_slice(&head.to_bytes());
        self.records.extend_from_slice(name);
        self.records.extend_from_slice(value);
        self.end = self.records.len();
        self.len += 1;
    }
}

/// What HPACK needs of a list: its records.
impl HeaderList {
    /// Makes a list of `len` records, which end at `end`; what is behind is room.
    pub(crate) const fn from_records(records: Vec<u8>, end: usize, len: usize) -> Self {
        Self { records, end, len, may_return: false, attachment: OnceLock::new() }
    }

    /// Empties the list, and gives its buffer to write other records to.
    pub(crate) fn take_buffer(&mut self) -> Vec<u8> {
        self.clear();
        std::mem::take(&mut self.records)
    }

    /// Puts `len` records, which end at `end`, in the place of what the list held.
    pub(crate) fn set_records(&mut self, records: Vec<u8>, end: usize, len: usize) {
        (self.records, self.end, self.len) = (records, end, len);
    }

    /// Removes spaces and tabs around all values. What fields are marked with stays.
    #[cold]
    pub(crate) fn trim_values(&mut self) {
        let mut trimmed = Vec::with_capacity(self.end);
        let mut rest = self.records();
        while let Some((field, after)) = split_field(rest)
            && let Some(head) = RecordHead::read(rest)
        {
            let value = trim(field.value);
            let start = trimmed.len();
            trimmed.extend_from_slice(&RecordHead { value_len: value.len(), ..head }.to_bytes());
            set_tag(&mut trimmed[start..], field.tag);
            trimmed.extend_from_slice(field.name);
            trimmed.extend_from_slice(value);
            rest = after;
        }
        self.end = trimmed.len();
        self.records = trimmed;
    }

    /// Says that the list's block changed no table.
    #[inline]
    pub(crate) fn set_may_return(&mut self) {
        self.may_return = true;
    }

    /// Bytes that the list's buffer takes.
    #[inline]
    pub(crate) fn buffer_bytes(&self) -> usize {
        self.records.capacity()
    }

    #[inline]
    pub(crate) fn records(&self) -> &[u8] {
        &self.records[..self.end]
    }
}

/// A value without spaces and tabs around it.
fn trim(value: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b' ' | b'\t');
    let start = value.iter().position(is_text).unwrap_or(value.len());
    let end = value.iter().rposition(is_text).map_or(start, |last| last + 1);
    &value[start..end]
}

impl Clone for HeaderList {
    /// Copies the fields; the attachment stays with the original.
    fn clone(&self) -> Self {
        Self::from_records(self.records().to_vec(), self.end, self.len)
    }
}

impl fmt::Debug for HeaderList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for field in self {
            let name = String::from_utf8_lossy(field.name);
            if field.sensitive {
                list.entry(&format_args!("{name}: <sensitive>"));
            } else {
                list.entry(&format_args!("{name}: {}", field.value.escape_ascii()));
            }
        }
        list.finish()
    }
}

impl<'a> IntoIterator for &'a HeaderList {
    type Item = Field<'a>;
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

/// Walks over the fields of a [`HeaderList`].
#[derive(Clone, Debug)]
pub struct Fields<'a> {
    records: &'a [u8],
    len: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let (field, rest) = split_field(self.records)?;
        self.records = rest;
        self.len -= 1;
        Some(field)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl ExactSizeIterator for Fields<'_> {}

impl EntryId {
    /// How many entries the static table has (RFC 7541 appendix A).
    pub(crate) const STATIC: u64 = 61;

    /// Names the static entry of this index, from 1 to 61.
    pub(crate) const fn fixed(index: usize) -> Self {
        Self(NonZeroU64::new(index as u64).expect("static indexes start at 1"))
    }

    /// Names the entry that was inserted as number `ordinal`, from 1.
    pub(crate) const fn inserted(ordinal: u64) -> Self {
        Self(NonZeroU64::new(Self::STATIC + ordinal).expect("a sum above 61 is not 0"))
    }

    /// Returns how many entries had been inserted with this one, or nothing for a static entry.
    pub(crate) fn ordinal(self) -> Option<u64> {
        self.0.get().checked_sub(Self::STATIC).filter(|&ordinal| ordinal > 0)
    }

    #[inline]
    pub(crate) const fn as_u64(self) -> u64 {
        self.0.get()
    }

    #[inline]
    pub(crate) fn from_u64(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// Returns the index of a static entry, from 1 to 61 (RFC 7541 appendix A), or nothing for an inserted one.
    pub fn static_index(self) -> Option<usize> {
        (self.0.get() <= Self::STATIC).then_some(self.0.get() as usize)
    }
}

/// Holds fields that are sent again and again, to be encoded in one go.
///
/// An encoder keeps the encoding of a template for as long as its table does not change, and then only copies it. Make
/// one template a purpose and keep it: each has an id that no other in the process has (clones share it).
#[derive(Clone, Debug)]
pub struct Template {
    id: u64,
    fields: HeaderList,
    is_informational: bool,
}

impl Template {
    /// Makes a template of the fields of `fields`.
    pub fn new(fields: HeaderList) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let is_informational = has_informational_status(&fields);
        Self { id: NEXT.fetch_add(1, Ordering::Relaxed), fields, is_informational }
    }

    /// Returns the fields.
    pub fn fields(&self) -> &HeaderList {
        &self.fields
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }
}

/// Names the fields of one header block to be sent: those of the template first, then the others.
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// What is the same in many blocks.
    pub template: Option<&'a Template>,
    /// What is this block's own.
    pub fields: &'a HeaderList,
}

impl<'a> Block<'a> {
    /// Whether this is a response head that leaves the final one still to come.
    #[inline]
    pub(crate) fn is_informational(self) -> bool {
        self.template.is_some_and(|template| template.is_informational)
            || (!self.fields.is_empty() && has_informational_status(self.fields))
    }

    /// The size that SETTINGS_MAX_HEADER_LIST_SIZE limits.
    pub(crate) fn list_bytes(self) -> usize {
        self.fields.list_bytes() + self.template.map_or(0, |template| template.fields.list_bytes())
    }

    /// The value of the first field of this name.
    pub(crate) fn find(self, name: &[u8]) -> Option<&'a [u8]> {
        self.template.and_then(|template| template.fields().find(name)).or_else(|| self.fields.find(name))
    }
}

/// Whether the first `:status` is 1xx (RFC 9110 section 15.2).
fn has_informational_status(fields: &HeaderList) -> bool {
    fields.find(b":status").is_some_and(|status| status.first() == Some(&b'1'))
}

#[cfg(test)]
#[path = "../tests/unit/headers.rs"]
mod tests;
