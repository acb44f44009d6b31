//! `Limited`: a deserializer around another one, which counts what a message costs and knows where reading failed.
//!
//! Serde hands nothing down to a message that is read, and a message within an `Any` is read by a plain function. So
//! what is left of the limits lies in the thread, for as long as one message is read.

use std::cell::{Cell, RefCell};
use std::fmt;

use halloo_core::DecodeLimits;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Unexpected, Visitor,
};

use crate::codec::element_bytes;

/// What a map of any size takes at least, where its own size does not say it.
const MAP_BYTES: usize = 256;

/// What is smaller and has entries is a map or a value of any kind, and no message.
const MIN_MESSAGE_BYTES: usize = 64;

/// The most of a failure's place and of a name in it that is told.
const MAX_PLACE_BYTES: usize = 200;
const MAX_NAME_BYTES: usize = 60;

/// What the message that is being read may still cost.
#[derive(Clone, Copy)]
struct Left {
    depth: u32,
    bytes: usize,
    /// Whether memory is what the message had too little of.
    is_exceeded: bool,
    /// Whether there is a message that is being read.
    is_reading: bool,
}

thread_local! {
    static LEFT: Cell<Left> = const { Cell::new(Left { depth: 0, bytes: 0, is_exceeded: false, is_reading: false }) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Where and why reading failed.
#[derive(Debug)]
pub(super) struct Fault<E> {
    pub(super) error: E,
    /// `children[2].number`; empty for the message itself.
    pub(super) place: String,
    /// Whether the message would have taken more memory than it may.
    pub(super) is_too_large: bool,
}

/// Reads a message, which is all that `read` finds.
pub(super) fn within<T, E>(limits: &DecodeLimits, read: impl FnOnce() -> Result<T, E>) -> Result<T, Fault<E>> {
    let left = Left { depth: limits.max_depth, bytes: element_bytes(limits), is_exceeded: false, is_reading: true };
    let _restored = Restored(LEFT.replace(left));
    PLACE.with_borrow_mut(String::clear);
    read().map_err(|error| Fault {
        error,
        place: PLACE.with_borrow(|place| place.strip_prefix('.').unwrap_or(place).to_owned()),
        is_too_large: LEFT.get().is_exceeded,
    })
}

/// Reads one message under the limits of the one that it is a part of.
pub(super) fn read<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(Limited { inner: deserializer, counted: 0 })
}

/// Reads one message under the limits of the one that it is a part of, or under the default ones where that is read
/// without any.
pub(super) fn read_part<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    if LEFT.get().is_reading {
        return read(deserializer);
    }
    within(&DecodeLimits::default(), || read(deserializer)).map_err(|fault| fault.error)
}

/// Puts back what was left before, also where a visitor panics.
struct Restored(Left);

impl Drop for Restored {
    fn drop(&mut self) {
        LEFT.set(self.0);
    }
}

/// Counts `bytes` of memory.
fn count<E: Error>(bytes: usize) -> Result<(), E> {
    let mut left = LEFT.get();
    let Some(rest) = left.bytes.checked_sub(bytes) else {
        left.is_exceeded = true;
        LEFT.set(left);
        return Err(E::custom("its elements take more memory than the limit on message bytes allows"));
    };
    left.bytes = rest;
    LEFT.set(left);
    Ok(())
}

/// One message deeper, until it is dropped.
struct Deeper(());

impl Deeper {
    fn enter<E: Error>() -> Result<Self, E> {
        let mut left = LEFT.get();
        left.depth = left.depth.checked_sub(1).ok_or_else(|| E::custom("messages are nested too deeply"))?;
        LEFT.set(left);
        Ok(Self(()))
    }
}

impl Drop for Deeper {
    fn drop(&mut self) {
        let mut left = LEFT.get();
        left.depth += 1;
        LEFT.set(left);
    }
}

/// Says that what failed is within `step`.
#[cold]
fn failed_within(step: fmt::Arguments<'_>) {
    PLACE.with_borrow_mut(|place| {
        if place.len() < MAX_PLACE_BYTES {
            place.insert_str(0, &step.to_string());
        }
    });
}

/// A deserializer whose messages count.
struct Limited<D> {
    inner: D,
    /// How much of the value's own memory is counted already.
    counted: usize,
}

macro_rules! forward {
    ($($function:ident($($argument:ident: $kind:ty),*);)*) => {$(
        fn $function<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$function($($argument,)* Counting { inner: visitor, counted: self.counted })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Limited<D> {
    type Error = D::Error;

    forward! {
        deserialize_any(); deserialize_bool(); deserialize_char(); deserialize_str(); deserialize_string();
        deserialize_i8(); deserialize_i16(); deserialize_i32(); deserialize_i64(); deserialize_i128();
        deserialize_u8(); deserialize_u16(); deserialize_u32(); deserialize_u64(); deserialize_u128();
        deserialize_f32(); deserialize_f64(); deserialize_bytes(); deserialize_byte_buf();
        deserialize_option(); deserialize_unit(); deserialize_seq(); deserialize_map(); deserialize_identifier();
        deserialize_unit_struct(name: &'static str);
        deserialize_newtype_struct(name: &'static str);
        deserialize_tuple(length: usize);
        deserialize_tuple_struct(name: &'static str, length: usize);
        deserialize_enum(name: &'static str, variants: &'static [&'static str]);
    }

    /// A message is an object: the list of its fields, which serde would take as well, is not its JSON form.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.deserialize_map(visitor)
    }

    /// What nobody wants is skipped without being built, so it costs nothing.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.inner.deserialize_ignored_any(visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// A visitor whose parts count.
struct Counting<V> {
    inner: V,
    counted: usize,
}

macro_rules! visit {
    ($($function:ident($kind:ty);)*) => {$(
        fn $function<E: Error>(self, value: $kind) -> Result<V::Value, E> {
            self.inner.$function(value)
        }
    )*};
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Counting<V> {
    type Value = V::Value;

    visit! {
        visit_bool(bool); visit_i64(i64); visit_i128(i128); visit_u64(u64); visit_u128(u128); visit_f64(f64);
        visit_str(&str); visit_borrowed_str(&'de str); visit_string(String);
        visit_bytes(&[u8]); visit_borrowed_bytes(&'de [u8]); visit_byte_buf(Vec<u8>);
    }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_none()
    }

    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.inner.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_some(Limited { inner: deserializer, counted: self.counted })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.inner.visit_newtype_struct(Limited { inner: deserializer, counted: self.counted })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<V::Value, A::Error> {
        self.inner.visit_seq(Elements { inner: sequence, next: 0 })
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<V::Value, A::Error> {
        let _deeper = Deeper::enter()?;
        let size = size_of::<V::Value>();
        let of_map = if size < MIN_MESSAGE_BYTES { MAP_BYTES } else { 0 };
        count(of_map + size.saturating_sub(self.counted))?;
        self.inner.visit_map(Entries { inner: map, name: Name::None })
    }

    /// Neither messages nor enums of protobuf are enums of serde's.
    fn visit_enum<A: EnumAccess<'de>>(self, _: A) -> Result<V::Value, A::Error> {
        Err(Error::invalid_type(Unexpected::Enum, &self))
    }
}

struct Elements<A> {
    inner: A,
    next: usize,
}

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for Elements<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        let index = self.next;
        self.next += 1;
        self.inner.next_element_seed(Counted(seed)).inspect_err(|_| failed_within(format_args!("[{index}]")))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

struct Entries<'de, A> {
    inner: A,
    name: Name<'de>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Entries<'de, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.name = Name::None;
        count(size_of::<K::Value>())?;
        self.inner.next_key_seed(Named { inner: seed, name: &mut self.name })
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.inner.next_value_seed(Counted(seed)).inspect_err(|_| failed_within(format_args!(".{}", self.name)))
    }

    fn size_hint(&self) -> Option<usize> {
        self.inner.size_hint()
    }
}

/// A seed whose value counts.
struct Counted<T>(T);

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Counted<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        let counted = size_of::<T::Value>();
        count(counted)?;
        self.0.deserialize(Limited { inner: deserializer, counted })
    }
}

/// The name before a value.
enum Name<'de> {
    None,
    Borrowed(&'de str),
    /// Where the text has escapes, or was read before.
    Owned(String),
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::None => "?",
            Self::Borrowed(name) => name,
            Self::Owned(name) => name,
        };
        match name.char_indices().find(|(at, _)| *at >= MAX_NAME_BYTES) {
            Some((end, _)) => write!(f, "{}…", &name[..end]),
            None => f.write_str(name),
        }
    }
}

/// A seed that keeps the text that it is made of.
struct Named<'a, 'de, T> {
    inner: T,
    name: &'a mut Name<'de>,
}

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Named<'_, 'de, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        self.inner.deserialize(Named { inner: deserializer, name: self.name })
    }
}

macro_rules! forward_named {
    ($($function:ident)*) => {$(
        fn $function<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.inner.$function(Named { inner: visitor, name: self.name })
        }
    )*};
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Named<'_, 'de, D> {
    type Error = D::Error;

    forward_named! {
        deserialize_any deserialize_bool deserialize_char deserialize_str deserialize_string deserialize_bytes
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_byte_buf
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_option deserialize_unit deserialize_seq deserialize_map deserialize_identifier
        deserialize_ignored_any
    }
    serde::forward_to_deserialize_any! { unit_struct newtype_struct tuple tuple_struct struct enum }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Named<'_, 'de, V> {
    type Value = V::Value;

    visit! { visit_bool(bool); visit_i64(i64); visit_i128(i128); visit_u64(u64); visit_u128(u128); visit_f64(f64); }

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<V::Value, E> {
        *self.name = Name::Owned(text.to_owned());
        self.inner.visit_str(text)
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<V::Value, E> {
        *self.name = Name::Borrowed(text);
        self.inner.visit_borrowed_str(text)
    }

    fn visit_string<E: Error>(self, text: String) -> Result<V::Value, E> {
        *self.name = Name::Owned(text.clone());
        self.inner.visit_string(text)
    }
}
