//! Whether a header list is a legal request, response or row of trailers (RFC 9113 sections 8.2 and 8.3).
//! HPACK gathers the [`Outline`] while it decodes, from what `rule.rs` says of each field; `block.rs` asks for a verdict.

use crate::error::Violation;
use crate::headers::HeaderList;
use crate::rule::{FieldRule, NameRule, parse_length, parse_status};

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

/// What of a list matters to its legality, whatever it is meant to be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outline {
    /// Pseudo-headers, a bit each, and what is wrong with the `host` of a request.
    pseudo: u8,
    /// An ordinary field was met: no pseudo-header may follow.
    has_ordinary: bool,
    is_connect: bool,
    /// A value that the engine does not read has white space around it.
    is_padded: bool,
    has_host: bool,
    /// The first thing that is wrong in every section.
    fault: Option<Violation>,
    verdict: Verdict,
}

const METHOD: u8 = 1;
const SCHEME: u8 = 2;
const PATH: u8 = 4;
const AUTHORITY: u8 = 8;
const STATUS: u8 = 16;
const UNKNOWN: u8 = 32;
const HOST_REPEATED: u8 = 64;
const HOST_DIFFERS: u8 = 128;

const CONNECT: &[u8] = b"CONNECT";

/// The bits of the pseudo-headers that a request must have, by the bits of their rule when nothing is wrong with them.
const SIMPLE: [u8; 16] = {
    let mut bits = [0; 16];
    bits[NameRule::Method as usize] = METHOD;
    bits[NameRule::Scheme as usize] = SCHEME;
    bits[NameRule::Path as usize] = PATH;
    bits[NameRule::Authority as usize] = AUTHORITY;
    bits
};

impl Outline {
    /// Takes a pseudo-header of a request whose place alone is to be looked at; false, and nothing is taken, when there
    /// is more to see to.
    #[inline]
    fn add_simple(&mut self, rule: FieldRule, value_len: usize) -> bool {
        let bit = SIMPLE.get(usize::from(rule.bits())).copied().unwrap_or(0);
        if bit == 0 || self.pseudo & bit != 0 || self.has_ordinary || (bit == METHOD && value_len == CONNECT.len()) {
            return false;
        }
        self.pseudo |= bit;
        true
    }

    /// Takes the next field of the list.
    #[inline]
    pub(crate) fn add(&mut self, rule: FieldRule, value: &[u8]) {
        if rule.is_ordinary() {
            self.has_ordinary = true;
        } else if !self.add_simple(rule, value.len()) {
            self.add_special(rule, value);
        }
    }

    #[inline(never)]
    fn add_special(&mut self, rule: FieldRule, value: &[u8]) {
        if let Err(violation) = self.try_add(rule, value) {
            self.fault.get_or_insert(violation);
        }
    }

    #[inline]
    fn try_add(&mut self, rule: FieldRule, value: &[u8]) -> Result<(), Violation> {
        let name = rule.name();
        if rule.is_broken() {
            return Err(name.violation(value));
        }
        self.is_padded |= rule.is_padded();
        match name {
            NameRule::Method => {
                self.is_connect = value == CONNECT;
                self.add_pseudo(METHOD)
            }
            NameRule::Scheme => self.add_pseudo(SCHEME),
            NameRule::Path if value.is_empty() => Err(Violation::PathEmpty),
            NameRule::Path => self.add_pseudo(PATH),
            NameRule::Authority => self.add_pseudo(AUTHORITY),
            NameRule::Status => {
                self.verdict.status = parse_status(value).ok_or(Violation::StatusInvalid)?;
                self.add_pseudo(STATUS)
            }
            NameRule::PseudoUnknown => self.add_pseudo(UNKNOWN),
            NameRule::ContentLength => {
                self.has_ordinary = true;
                let length = parse_length(value).ok_or(Violation::ContentLengthInvalid)?;
                match self.verdict.content_length.replace(length) {
                    None => Ok(()),
                    Some(_) => Err(Violation::ContentLengthInvalid),
                }
            }
            NameRule::Host => {
                self.has_ordinary = true;
                // A list of hosts is what some programs make of several fields (RFC 9110 section 5.3).
                if std::mem::replace(&mut self.has_host, true) || value.contains(&b',') {
                    self.pseudo |= HOST_REPEATED;
                }
                Ok(())
            }
            NameRule::Ordinary | NameRule::Te => {
                self.has_ordinary = true;
                Ok(())
            }
            NameRule::Connection | NameRule::Empty | NameRule::Invalid | NameRule::Uppercase => {
                Err(name.violation(value))
            }
        }
    }

    #[inline]
    fn add_pseudo(&mut self, bit: u8) -> Result<(), Violation> {
        if self.has_ordinary {
            return Err(Violation::PseudoAfterField);
        }
        if self.pseudo & bit & !UNKNOWN != 0 {
            return Err(Violation::PseudoRepeated);
        }
        self.pseudo |= bit;
        Ok(())
    }

    /// Whether the fields have to be looked at together, by [`review`](Self::review).
    #[inline]
    pub(crate) fn needs_review(&self) -> bool {
        self.is_padded | self.has_host
    }

    /// Looks at the whole list once more, which few need: removes white space around values where `allows_padding` agrees,
    /// and holds `host` against `:authority`.
    #[cold]
    pub(crate) fn review(&mut self, fields: &mut HeaderList, allows_padding: fn(&HeaderList) -> bool) {
        if self.is_padded && allows_padding(fields) {
            fields.trim_values();
        } else if self.is_padded {
            self.fault.get_or_insert(Violation::ValueInvalid);
        }
        if let (Some(host), Some(authority)) = (fields.find(b"host"), fields.find(b":authority"))
            && !is_same_host(fields.find(b":scheme").unwrap_or_default(), authority, host)
        {
            self.pseudo |= HOST_DIFFERS;
        }
    }

    /// Judges the list as a whole.
    #[inline]
    pub(crate) fn verdict(&self, section: Section) -> Result<Verdict, Violation> {
        const NEEDED: u8 = METHOD | SCHEME | PATH;
        match self.fault {
            Some(violation) => Err(violation),
            None if section == Section::Request && self.pseudo & !AUTHORITY == NEEDED && !self.is_connect => {
                Ok(self.verdict)
            }
            None => self.check_pseudo(section).map(|()| self.verdict),
        }
    }

    fn check_pseudo(&self, section: Section) -> Result<(), Violation> {
        // Two hosts come first: they have an answer of their own.
        match section {
            Section::Request if self.pseudo & HOST_REPEATED != 0 => return Err(Violation::HostRepeated),
            Section::Request if self.pseudo & HOST_DIFFERS != 0 => return Err(Violation::HostDiffers),
            _ => {}
        }
        let pseudo = self.pseudo & !(HOST_REPEATED | HOST_DIFFERS);
        let known = match section {
            Section::Request => METHOD | SCHEME | PATH | AUTHORITY,
            Section::Response => STATUS,
            Section::Trailers if pseudo != 0 => return Err(Violation::PseudoInTrailers),
            Section::Trailers => return Ok(()),
        };
        match pseudo {
            pseudo if pseudo & !known != 0 => Err(Violation::PseudoUnknown),
            pseudo if section == Section::Request && self.is_connect => match pseudo == METHOD | AUTHORITY {
                true => Ok(()),
                false => Err(Violation::ConnectInvalid),
            },
            pseudo if section == Section::Response && pseudo == STATUS => Ok(()),
            // A request that has all that it needs was told before.
            _ => Err(Violation::PseudoMissing),
        }
    }
}

/// Whether `host` names what `:authority` names (RFC 9113 section 8.3.1), after the normalization by scheme of RFC 3986
/// section 6.2.3: upper and lower case are the same, and so are an empty, the default and no port.
fn is_same_host(scheme: &[u8], authority: &[u8], host: &[u8]) -> bool {
    let default_port: &[u8] = match scheme {
        scheme if scheme.eq_ignore_ascii_case(b"http") => b":80",
        scheme if scheme.eq_ignore_ascii_case(b"https") => b":443",
        _ => b":",
    };
    let [authority, host] = [authority, host]
        .map(|text| text.strip_suffix(default_port).or_else(|| text.strip_suffix(b":")).unwrap_or(text));
    authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
#[path = "../tests/unit/validate.rs"]
mod tests;
