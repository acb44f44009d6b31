//! Whether a header list is a legal request, response or row of trailers (RFC 9113 sections 8.2 and 8.3).
//! One pass over the fields; a list that HPACK remembers is not looked at twice, nor is a field of its table.

use crate::error::Violation;
use crate::headers::{EntryId, Field, HeaderList};
use std::sync::Arc;

/// What a header list is meant to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Request,
    Response,
    Trailers,
}

/// What the engine itself needs to know of a legal list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) content_length: Option<u64>,
    /// The `:status` of a response, else 0.
    pub(crate) status: u16,
}

/// Judges lists, and keeps the verdicts on those that come again.
#[derive(Debug, Default)]
pub(crate) struct Validator {
    known: [Option<Known>; KNOWN],
    next: usize,
    legal: LegalEntries,
}

/// As many as the HPACK decoder remembers blocks.
const KNOWN: usize = 4;

#[derive(Debug)]
struct Known {
    fields: Arc<HeaderList>,
    section: Section,
    verdict: Verdict,
}

impl Validator {
    #[inline]
    pub(crate) fn check(&mut self, section: Section, fields: &Arc<HeaderList>) -> Result<Verdict, Violation> {
        for known in self.known.iter().flatten() {
            if Arc::ptr_eq(&known.fields, fields) && known.section == section {
                return Ok(known.verdict);
            }
        }
        let verdict = self.legal.validate(section, fields)?;
        // Only the decoder can hold a second reference here: it has remembered the list, which is small then.
        if Arc::strong_count(fields) > 1 {
            self.known[self.next] = Some(Known { fields: Arc::clone(fields), section, verdict });
            self.next = (self.next + 1) % KNOWN;
        }
        Ok(verdict)
    }
}

/// Entries of the HPACK tables whose bytes are known to be legal, each until another one takes its place: ids of
/// entries are never used twice.
#[derive(Debug)]
struct LegalEntries([Option<EntryId>; ENTRIES]);

const ENTRIES: usize = 64;

impl LegalEntries {
    /// Judges a list.
    fn validate(&mut self, section: Section, fields: &HeaderList) -> Result<Verdict, Violation> {
        let mut verdict = Verdict::default();
        let mut pseudo = PseudoFields::default();
        let mut ordinary = false;
        for field in fields {
            let is_legal = self.has(field.entry);
            if field.name.first() == Some(&b':') {
                if ordinary {
                    return Err(Violation::PseudoAfterField);
                }
                pseudo.add(section, &field)?;
                if !is_legal {
                    check_value(field.value)?;
                    self.remember(field.entry);
                }
                continue;
            }
            ordinary = true;
            if is_legal {
                continue;
            }
            check_name(field.name)?;
            check_value(field.value)?;
            if check_special(&field, &mut verdict)? == Special::No {
                self.remember(field.entry);
            }
        }
        verdict.status = pseudo.check_complete(section)?;
        Ok(verdict)
    }

    #[inline]
    fn has(&self, entry: Option<EntryId>) -> bool {
        entry.is_some_and(|entry| self.0[place(entry)] == Some(entry))
    }

    #[inline]
    fn remember(&mut self, entry: Option<EntryId>) {
        if let Some(entry) = entry {
            self.0[place(entry)] = Some(entry);
        }
    }
}

impl Default for LegalEntries {
    fn default() -> Self {
        Self([None; ENTRIES])
    }
}

#[inline]
fn place(entry: EntryId) -> usize {
    let number = entry.ordinal().unwrap_or_default() as usize + entry.static_index().unwrap_or_default();
    number % ENTRIES
}

/// The pseudo-headers seen so far.
#[derive(Debug, Default)]
struct PseudoFields {
    seen: u8,
    is_connect: bool,
    status: u16,
}

const METHOD: u8 = 1;
const SCHEME: u8 = 2;
const PATH: u8 = 4;
const AUTHORITY: u8 = 8;
const STATUS: u8 = 16;

impl PseudoFields {
    fn add(&mut self, section: Section, field: &Field<'_>) -> Result<(), Violation> {
        let bit = match (section, field.name) {
            (Section::Trailers, _) => return Err(Violation::PseudoInTrailers),
            (Section::Request, b":method") => METHOD,
            (Section::Request, b":scheme") => SCHEME,
            (Section::Request, b":path") => PATH,
            (Section::Request, b":authority") => AUTHORITY,
            (Section::Response, b":status") => STATUS,
            _ => return Err(Violation::PseudoUnknown),
        };
        if self.seen & bit != 0 {
            return Err(Violation::PseudoRepeated);
        }
        self.seen |= bit;
        match bit {
            METHOD => self.is_connect = field.value == b"CONNECT",
            PATH if field.value.is_empty() => return Err(Violation::PathEmpty),
            STATUS => self.status = parse_status(field.value).ok_or(Violation::StatusInvalid)?,
            _ => {}
        }
        Ok(())
    }

    /// Returns the status.
    fn check_complete(&self, section: Section) -> Result<u16, Violation> {
        const NEEDED: u8 = METHOD | SCHEME | PATH;
        match section {
            Section::Request if self.is_connect => match self.seen {
                seen if seen == METHOD | AUTHORITY => Ok(0),
                _ => Err(Violation::ConnectInvalid),
            },
            Section::Request if self.seen & NEEDED != NEEDED => Err(Violation::PseudoMissing),
            Section::Response if self.seen != STATUS => Err(Violation::PseudoMissing),
            _ => Ok(self.status),
        }
    }
}

fn parse_status(value: &[u8]) -> Option<u16> {
    let &[hundreds @ b'1'..=b'9', tens @ b'0'..=b'9', ones @ b'0'..=b'9'] = value else { return None };
    Some(u16::from(hundreds - b'0') * 100 + u16::from(tens - b'0') * 10 + u16::from(ones - b'0'))
}

/// Whether a field means something to the engine, and has to be looked at each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Special {
    Yes,
    No,
}

fn check_special(field: &Field<'_>, verdict: &mut Verdict) -> Result<Special, Violation> {
    match field.name {
        b"connection" | b"proxy-connection" | b"keep-alive" | b"transfer-encoding" | b"upgrade" => {
            Err(Violation::ConnectionField)
        }
        b"te" if !field.value.eq_ignore_ascii_case(b"trailers") => Err(Violation::TeInvalid),
        b"content-length" => {
            let length = parse_length(field.value).ok_or(Violation::ContentLengthInvalid)?;
            match verdict.content_length.replace(length) {
                None => Ok(Special::Yes),
                Some(_) => Err(Violation::ContentLengthInvalid),
            }
        }
        _ => Ok(Special::No),
    }
}

/// Digits only; a number past 64 bits is no length that DATA could add up to.
fn parse_length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |length, &digit| {
        let digit = digit.checked_sub(b'0').filter(|digit| *digit <= 9)?;
        length.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

const UPPERCASE: u8 = 1;
const ILLEGAL: u8 = 2;

/// What RFC 9113 section 8.2.1 forbids in names: controls, space, upper case, a colon, DEL and all that is not ASCII.
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

/// Spaces are legal inside of values only.
const SPACE: u8 = 4;

static VALUE_FAULTS: [u8; 256] = value_faults();

const fn value_faults() -> [u8; 256] {
    let mut faults = [0; 256];
    faults[0] = ILLEGAL;
    faults[b'\r' as usize] = ILLEGAL;
    faults[b'\n' as usize] = ILLEGAL;
    faults[b' ' as usize] = SPACE;
    faults[b'\t' as usize] = SPACE;
    faults
}

#[inline]
fn check_name(name: &[u8]) -> Result<(), Violation> {
    let faults = name.iter().fold(0, |faults, &byte| faults | NAME_FAULTS[byte as usize]);
    if faults == 0 && !name.is_empty() {
        return Ok(());
    }
    Err(match faults {
        0 => Violation::NameEmpty,
        faults if faults & ILLEGAL != 0 => Violation::NameInvalid,
        _ => Violation::NameUppercase,
    })
}

/// No NUL, CR or LF, and no white space at either end (RFC 9113 section 8.2.1).
#[inline]
fn check_value(value: &[u8]) -> Result<(), Violation> {
    let faults = value.iter().fold(0, |faults, &byte| faults | VALUE_FAULTS[byte as usize]);
    let is_space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
    if faults & ILLEGAL != 0 || (faults == SPACE && (is_space(value.first()) || is_space(value.last()))) {
        return Err(Violation::ValueInvalid);
    }
    Ok(())
}
