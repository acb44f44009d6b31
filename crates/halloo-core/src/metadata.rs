//! `Metadata`: what travels beside the messages of a call, in header and trailer blocks.
//!
//! Holds the rules of PROTOCOL-HTTP2 for keys and values and the base64 of `-bin` values. Which headers of a block
//! are metadata at all is the transport's to say.

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD_NO_PAD};
use bytes::Bytes;

use crate::rare_list::RareList;

/// Reads base64 with and without padding, as the protocol asks of a receiver.
const LENIENT_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Lists keys and values in order; a key may occur several times. `Debug` shows all but secrets.
///
/// Keys are lower-case ASCII (`0-9 a-z _ - .`); upper-case letters are lowered on the way in, and look-ups ignore
/// case. A key that ends in `-bin` has binary values (any bytes, base64 on the wire), any other has printable ASCII.
///
/// ```
/// # use halloo_core as halloo;
/// use halloo::Metadata;
///
/// let mut metadata = Metadata::new();
/// metadata.append("x-request-id", "42")?;
/// metadata.append_bin("trace-bin", vec![1, 2, 3])?;
/// assert_eq!(metadata.get("x-request-id"), Some("42"));
/// assert_eq!(metadata.get_bin("trace-bin").as_deref(), Some([1, 2, 3].as_slice()));
/// # Ok::<(), halloo_core::MetadataError>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    entries: RareList<Entry>,
}

#[derive(Clone, PartialEq, Eq)]
struct Entry {
    key: Cow<'static, str>,
    value: Stored,
}

#[derive(Clone, PartialEq, Eq)]
enum Stored {
    Ascii(AsciiText),
    Binary(Bytes),
}

/// Holds a value of [`Metadata`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// Printable ASCII.
    Ascii(&'a str),
    /// Any bytes, of a key that ends in `-bin`.
    Binary(&'a [u8]),
}

impl Metadata {
    /// Makes an empty list, which allocates nothing.
    pub const fn new() -> Self {
        Self { entries: RareList::new() }
    }

    /// Returns the number of values; a key that occurs twice counts twice.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says whether the key occurs.
    pub fn contains(&self, key: &str) -> bool {
        self.values(key).next().is_some()
    }

    /// Returns the first value of a key; `None` for a `-bin` key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.get_all(key).next()
    }

    /// Returns the first value of a `-bin` key.
    pub fn get_bin(&self, key: &str) -> Option<Bytes> {
        self.get_all_bin(key).next()
    }

    /// Returns all values of a key in order; none for a `-bin` key.
    pub fn get_all<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a str> {
        self.values(key).filter_map(|value| match value {
            Stored::Ascii(text) => Some(text.as_str()),
            Stored::Binary(_) => None,
        })
    }

    /// Returns all values of a `-bin` key in order.
    pub fn get_all_bin(&self, key: &str) -> impl Iterator<Item = Bytes> {
        self.values(key).filter_map(|value| match value {
            Stored::Ascii(_) => None,
            Stored::Binary(bytes) => Some(bytes.clone()),
        })
    }

    /// Returns keys and values in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.entries.iter().map(|entry| (entry.key.as_ref(), entry.value.lend()))
    }

    /// Adds a value behind those that the key already has.
    ///
    /// Spaces around the value are dropped, as they may get lost on the wire.
    ///
    /// # Errors
    /// When the key is not valid, is reserved for the protocol or ends in `-bin`, or when the value has other
    /// characters than printable ASCII.
    pub fn append(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Result<(), MetadataError> {
        let entry = Entry::ascii(key.into(), value.into())?;
        self.entries.list_mut().push(entry);
        Ok(())
    }

    /// Adds a binary value behind those that the key already has.
    ///
    /// # Errors
    /// When the key is not valid, is reserved for the protocol or does not end in `-bin`.
    pub fn append_bin(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Bytes>,
    ) -> Result<(), MetadataError> {
        let entry = Entry::binary(key.into(), value.into())?;
        self.entries.list_mut().push(entry);
        Ok(())
    }

    /// Puts a value in the place of all that the key has.
    ///
    /// # Errors
    /// As [`append`](Self::append); then nothing is changed.
    pub fn insert(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<String>) -> Result<(), MetadataError> {
        let entry = Entry::ascii(key.into(), value.into())?;
        self.replace(entry);
        Ok(())
    }

    /// Puts a binary value in the place of all that the key has.
    ///
    /// # Errors
    /// As [`append_bin`](Self::append_bin); then nothing is changed.
    pub fn insert_bin(
        &mut self,
        key: impl Into<Cow<'static, str>>,
        value: impl Into<Bytes>,
    ) -> Result<(), MetadataError> {
        let entry = Entry::binary(key.into(), value.into())?;
        self.replace(entry);
        Ok(())
    }

    /// Removes all values of a key and says whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        if !self.contains(key) {
            return false;
        }
        self.entries.list_mut().retain(|entry| !entry.has_key(key));
        true
    }

    /// Adds all of `other` behind what is there.
    pub fn extend(&mut self, other: Metadata) {
        if self.entries.is_empty() {
            *self = other;
        } else {
            self.entries.list_mut().extend(other.entries.into_list());
        }
    }

    /// Says whether a header belongs to the protocol, so that it is never an application's metadata: pseudo-headers,
    /// `te`, `content-type`, `content-length`, `host`, those that speak of a connection (RFC 9113 section 8.2.2), and of
    /// the `grpc-*` names those that PROTOCOL-HTTP2 gives a meaning. `name` is lower-case.
    ///
    /// Other `grpc-*` names are metadata like any: gRFC A6 gives `grpc-retry-pushback-ms` and
    /// `grpc-previous-rpc-attempts` to applications, tracing uses `grpc-trace-bin`, and what comes later passes through.
    pub fn is_reserved(name: &[u8]) -> bool {
        match name {
            [b':', ..] => true,
            b"te" | b"content-type" | b"content-length" | b"host" => true,
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade" => true,
            _ => matches!(
                name,
                b"grpc-timeout"
                    | b"grpc-encoding"
                    | b"grpc-accept-encoding"
                    | b"grpc-message-type"
                    | b"grpc-status"
                    | b"grpc-message"
                    | b"grpc-status-details-bin"
            ),
        }
    }

    /// Says whether the values of a key are secrets as a rule: `authorization`, `proxy-authorization`, `cookie` and
    /// `set-cookie`. `Debug` does not show them, and they travel never-indexed (RFC 7541 section 7.1.3). `name` is
    /// lower-case.
    pub fn is_secret(name: &[u8]) -> bool {
        matches!(name, b"authorization" | b"proxy-authorization" | b"cookie" | b"set-cookie")
    }

    /// Adds a header that was received. The transport has validated it as HTTP and has set the protocol's own
    /// headers aside.
    ///
    /// A `-bin` value is decoded; several joined by commas become several values. An ASCII value with bytes that gRPC
    /// does not allow is left out without an error, as the protocol asks.
    ///
    /// # Errors
    /// When a `-bin` value is not base64, or `name` is not ASCII.
    pub fn push_wire(&mut self, name: &[u8], value: Bytes) -> Result<(), MetadataError> {
        let key = match std::str::from_utf8(name) {
            Ok(key) if key.is_ascii() => Cow::Owned(key.to_owned()),
            _ => {
                return Err(MetadataError::InvalidKey { key: String::from_utf8_lossy(name).into() });
            }
        };
        if !is_binary(&key) {
            if let Some(text) = AsciiText::from_wire(value) {
                self.entries.list_mut().push(Entry { key, value: Stored::Ascii(text) });
            }
            return Ok(());
        }
        let first = self.entries.len();
        for part in value.split(|&byte| byte == b',') {
            let Ok(decoded) = LENIENT_BASE64.decode(part.trim_ascii()) else {
                self.entries.list_mut().truncate(first);
                return Err(MetadataError::InvalidBase64 { key: key.into() });
            };
            self.entries.list_mut().push(Entry { key: key.clone(), value: Stored::Binary(decoded.into()) });
        }
        Ok(())
    }

    /// Returns names and values as they are sent: `-bin` values in base64 without padding.
    pub fn wire_iter(&self) -> impl Iterator<Item = (&str, Cow<'_, [u8]>)> {
        self.entries.iter().map(|entry| {
            let value = match &entry.value {
                Stored::Ascii(text) => Cow::Borrowed(text.as_bytes()),
                Stored::Binary(bytes) => Cow::Owned(STANDARD_NO_PAD.encode(bytes).into_bytes()),
            };
            (entry.key.as_ref(), value)
        })
    }

    fn values<'a>(&'a self, key: &str) -> impl Iterator<Item = &'a Stored> {
        self.entries.iter().filter(move |entry| entry.has_key(key)).map(|entry| &entry.value)
    }

    fn replace(&mut self, entry: Entry) {
        self.remove(&entry.key);
        self.entries.list_mut().push(entry);
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for (key, value) in self.iter() {
            match value {
                Value::Ascii(_) if Self::is_secret(key.as_bytes()) => map.entry(&key, &format_args!("..")),
                Value::Ascii(text) => map.entry(&key, &text),
                Value::Binary(bytes) => map.entry(&key, &bytes),
            };
        }
        map.finish()
    }
}

impl Entry {
    fn ascii(key: Cow<'static, str>, value: String) -> Result<Self, MetadataError> {
        let key = valid_key(key)?;
        if is_binary(&key) {
            return Err(MetadataError::Binary { key: key.into() });
        }
        match AsciiText::new(value) {
            Ok(text) => Ok(Self { key, value: Stored::Ascii(text) }),
            Err(index) => Err(MetadataError::InvalidValue { key: key.into(), index }),
        }
    }

    fn binary(key: Cow<'static, str>, value: Bytes) -> Result<Self, MetadataError> {
        let key = valid_key(key)?;
        if !is_binary(&key) {
            return Err(MetadataError::NotBinary { key: key.into() });
        }
        Ok(Self { key, value: Stored::Binary(value) })
    }

    fn has_key(&self, key: &str) -> bool {
        self.key.eq_ignore_ascii_case(key)
    }
}

impl Stored {
    fn lend(&self) -> Value<'_> {
        match self {
            Self::Ascii(text) => Value::Ascii(text.as_str()),
            Self::Binary(bytes) => Value::Binary(bytes),
        }
    }
}

/// Lowers the key and checks it: `1*( 0-9 / a-z / "_" / "-" / "." )`, and not the protocol's own.
fn valid_key(mut key: Cow<'static, str>) -> Result<Cow<'static, str>, MetadataError> {
    let is_key_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    // Pseudo-headers have a colon, and are told apart below.
    if !key.starts_with(':') && (key.is_empty() || !key.bytes().all(is_key_byte)) {
        return Err(MetadataError::InvalidKey { key: key.into() });
    }
    if key.bytes().any(|byte| byte.is_ascii_uppercase()) {
        key.to_mut().make_ascii_lowercase();
    }
    if Metadata::is_reserved(key.as_bytes()) {
        return Err(MetadataError::Reserved { key: key.into() });
    }
    Ok(key)
}

fn is_binary(key: &str) -> bool {
    key.ends_with("-bin")
}

/// Bytes that are all 0x20 to 0x7E, without spaces around them. Only the two constructors make one.
#[derive(Clone, PartialEq, Eq)]
struct AsciiText(Bytes);

impl AsciiText {
    /// Fails with the index of the first character that is not allowed.
    fn new(text: String) -> Result<Self, usize> {
        if let Some(index) = text.bytes().position(|byte| !is_ascii_value_byte(byte)) {
            return Err(index);
        }
        let trimmed = text.trim_matches(' ');
        Ok(Self(if trimmed.len() == text.len() { text.into() } else { Bytes::copy_from_slice(trimmed.as_bytes()) }))
    }

    fn from_wire(bytes: Bytes) -> Option<Self> {
        let trimmed = bytes.trim_ascii();
        if !trimmed.iter().copied().all(is_ascii_value_byte) {
            return None;
        }
        Some(Self(if trimmed.len() == bytes.len() { bytes } else { bytes.slice_ref(trimmed) }))
    }

    fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only bytes from 0x20 to 0x7E get in")
    }
}

fn is_ascii_value_byte(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// Says why a key or a value cannot be metadata. The text never shows a value, which may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MetadataError {
    /// The key is empty or has characters that are not allowed.
    InvalidKey {
        /// The key, as it was given.
        key: Box<str>,
    },
    /// The key belongs to the protocol.
    Reserved {
        /// The key, lowered.
        key: Box<str>,
    },
    /// The value has a character that is not printable ASCII.
    InvalidValue {
        /// The key.
        key: Box<str>,
        /// Of the character in the value, in bytes.
        index: usize,
    },
    /// A text was given for a `-bin` key.
    Binary {
        /// The key.
        key: Box<str>,
    },
    /// Bytes were given for a key that does not end in `-bin`.
    NotBinary {
        /// The key.
        key: Box<str>,
    },
    /// A received `-bin` value is not base64.
    InvalidBase64 {
        /// The key.
        key: Box<str>,
    },
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKey { key } => {
                write!(f, "metadata key {key:?} is not valid; allowed are ASCII letters, digits, `_`, `-` and `.`")
            }
            Self::Reserved { key } => {
                write!(f, "metadata key {key:?} is reserved for the protocol")
            }
            Self::InvalidValue { key, index } => write!(
                f,
                "the value of metadata key {key:?} is not printable ASCII at byte {index}; \
                 other bytes need a key that ends in `-bin`"
            ),
            Self::Binary { key } => {
                write!(f, "metadata key {key:?} ends in `-bin`, so its values are binary, not text")
            }
            Self::NotBinary { key } => {
                write!(f, "metadata key {key:?} has to end in `-bin` to have binary values")
            }
            Self::InvalidBase64 { key } => {
                write!(f, "the value of metadata key {key:?} is not base64")
            }
        }
    }
}

impl std::error::Error for MetadataError {}
