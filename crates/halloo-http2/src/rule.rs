//! What RFC 9113 sections 8.2 and 8.3 say of one field by itself, as one byte that its record keeps: a name is judged
//! once, however often a table refers to it, and so is a value. What lists make of it is in `validate.rs`.

use crate::error::Violation;

/// A field's name, as far as the engine tells names apart, with what is wrong with its value.
///
/// ```text
/// bit 0..4: NameRule | 5: white space around the value, and nothing else is wrong | 6: the value breaks a rule
/// bit 7: never to be indexed (RFC 7541 section 7.1.3)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FieldRule(u8);

const PADDED: u8 = 1 << 5;
const BROKEN: u8 = 1 << 6;
const SENSITIVE: u8 = 1 << 7;

impl FieldRule {
    /// A legal field that means nothing to the engine.
    pub(crate) const ORDINARY: Self = Self(NameRule::Ordinary as u8);

    /// Judges a value behind its name; `has_control` says whether NUL, CR or LF is in it.
    #[inline(always)]
    pub(crate) fn judge(name: NameRule, value: &[u8], has_control: bool) -> Self {
        // Of what is not above a space, only these are forbidden at the ends.
        let is_space = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ' && matches!(byte, b' ' | b'\t'));
        let is_odd = has_control
            || is_space(value.first())
            || is_space(value.last())
            || (name != NameRule::Ordinary && name.is_broken_by(value));
        Self(name as u8 | if is_odd { Self::fault(name, has_control) } else { 0 })
    }

    /// White space around a value is a fault of its own only where the name means nothing to the engine: elsewhere two
    /// readers could take such a field for different ones.
    #[cold]
    fn fault(name: NameRule, has_control: bool) -> u8 {
        if name == NameRule::Ordinary && !has_control { PADDED } else { BROKEN }
    }

    /// The rule of an entry of the static table, whose values are legal or, standing for no value, empty.
    pub(crate) const fn fixed(name: &[u8]) -> Self {
        Self(NameRule::of(name) as u8)
    }

    #[inline]
    pub(crate) fn sensitive(self) -> Self {
        Self(self.0 | SENSITIVE)
    }

    #[inline]
    pub(crate) fn is_sensitive(self) -> bool {
        self.0 & SENSITIVE != 0
    }

    /// Whether the field is legal and means nothing to the engine.
    #[inline]
    pub(crate) fn is_ordinary(self) -> bool {
        self.0 & !SENSITIVE == NameRule::Ordinary as u8
    }

    /// Whether white space around the value is all that is wrong (RFC 9113 section 8.2.1).
    #[inline]
    pub(crate) fn is_padded(self) -> bool {
        self.0 & PADDED != 0
    }

    #[inline]
    pub(crate) fn is_broken(self) -> bool {
        self.0 & BROKEN != 0
    }

    /// Whether a message may have the field behind its pseudo-headers.
    pub(crate) fn is_legal_field(self) -> bool {
        let is_field =
            matches!(self.name(), NameRule::Ordinary | NameRule::Te | NameRule::ContentLength | NameRule::Host);
        is_field && !self.is_broken() && !self.is_padded()
    }

    #[inline]
    pub(crate) fn name(self) -> NameRule {
        NAME_RULES[usize::from(self.0 & 0xf)]
    }

    #[inline]
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    #[inline]
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits)
    }
}

/// What a name means to the engine, or why it is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum NameRule {
    Ordinary,
    Method,
    Scheme,
    Path,
    Authority,
    Status,
    PseudoUnknown,
    /// A connection-specific field (RFC 9113 section 8.2.2).
    Connection,
    Te,
    ContentLength,
    Host,
    Empty,
    Invalid,
    Uppercase,
}

/// By number; what has no number is never made.
const NAME_RULES: [NameRule; 16] = {
    use NameRule::*;
    [
        Ordinary,
        Method,
        Scheme,
        Path,
        Authority,
        Status,
        PseudoUnknown,
        Connection,
        Te,
        ContentLength,
        Host,
        Empty,
        Invalid,
        Uppercase,
        Invalid,
        Invalid,
    ]
};

impl NameRule {
    pub(crate) const fn of(name: &[u8]) -> Self {
        match name {
            b":method" => Self::Method,
            b":scheme" => Self::Scheme,
            b":path" => Self::Path,
            b":authority" => Self::Authority,
            b":status" => Self::Status,
            [b':', ..] => Self::PseudoUnknown,
            b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => Self::Connection,
            b"te" => Self::Te,
            b"content-length" => Self::ContentLength,
            b"host" => Self::Host,
            [] => Self::Empty,
            _ => Self::of_bytes(name),
        }
    }

    /// Controls, space, upper case, a colon, DEL and all that is not ASCII are forbidden (RFC 9113 section 8.2.1).
    const fn of_bytes(name: &[u8]) -> Self {
        let mut rest = name;
        let mut faults = 0;
        while let [byte, after @ ..] = rest {
            faults |= NAME_FAULTS[*byte as usize];
            rest = after;
        }
        match faults {
            0 => Self::Ordinary,
            UPPERCASE => Self::Uppercase,
            _ => Self::Invalid,
        }
    }

    /// What is wrong with a field of this name and a broken value, or of a broken name.
    pub(crate) fn violation(self, value: &[u8]) -> Violation {
        match self {
            Self::Empty => Violation::NameEmpty,
            Self::Invalid => Violation::NameInvalid,
            Self::Uppercase => Violation::NameUppercase,
            Self::Connection => Violation::ConnectionField,
            Self::Te => Violation::TeInvalid,
            Self::ContentLength => Violation::ContentLengthInvalid,
            Self::Path if value.is_empty() => Violation::PathEmpty,
            Self::Status => Violation::StatusInvalid,
            _ => Violation::ValueInvalid,
        }
    }

    /// Whether a name that means something forbids this value.
    #[inline(never)]
    fn is_broken_by(self, value: &[u8]) -> bool {
        match self {
            Self::Te => !value.eq_ignore_ascii_case(b"trailers"),
            Self::ContentLength => parse_length(value).is_none(),
            Self::Path => value.is_empty(),
            Self::Status => parse_status(value).is_none(),
            _ => false,
        }
    }
}

/// Reads a status of three digits (RFC 9113 section 8.3.2).
pub(crate) fn parse_status(value: &[u8]) -> Option<u16> {
    let &[hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = value else { return None };
    Some(u16::from(hundreds - b'0') * 100 + u16::from(tens - b'0') * 10 + u16::from(ones - b'0'))
}

/// Reads a content-length: digits only; a number past 64 bits is no length that DATA could add up to.
pub(crate) fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, &digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        length.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// Whether NUL, CR or LF is in a value (RFC 9113 section 8.2.1).
#[inline]
pub(crate) fn has_control(value: &[u8]) -> bool {
    let (chunks, rest) = value.as_chunks::<16>();
    let mut faults = [0; 16];
    let mut look = |chunk: &[u8; 16]| {
        for (fault, byte) in faults.iter_mut().zip(chunk) {
            *fault |= u8::from(is_control(*byte));
        }
    };
    chunks.iter().for_each(&mut look);
    // The last sixteen bytes may overlap those before: that is as good and needs no loop.
    match value.last_chunk() {
        Some(last) => {
            look(last);
            u128::from_ne_bytes(faults) != 0
        }
        None => rest.iter().any(|byte| is_control(*byte)),
    }
}

#[inline]
pub(crate) fn is_control(byte: u8) -> bool {
    matches!(byte, 0 | b'\r' | b'\n')
}

const UPPERCASE: u8 = 1;
const ILLEGAL: u8 = 2;

static NAME_FAULTS: [u8; 256] = name_faults();

const fn name_faults() -> [u8; 256] {
    let mut faults = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        faults[byte] = match byte as u8 {
            0..=0x20 | b':' | 0x7f..=0xff => ILLEGAL,
            b'A'..=b'Z' => UPPERCASE,
            _ => 0,
        };
        byte += 1;
    }
    faults
}

#[cfg(test)]
#[path = "../tests/unit/rule.rs"]
mod tests;
