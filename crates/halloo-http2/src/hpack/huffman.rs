//! The string code of HPACK (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical, so its lengths give all tables, built at compile time. A lookup decodes up to two symbols;
//! symbols with codes longer than a lookup, which header text seldom has, take the slow path.
use bytes::BufMut;

use super::{decode::DecodeError, integer::put_integer};
use crate::rule::is_control;

const EOS: usize = 256;
const MAX_CODE_BITS: usize = 30;

/// Code lengths in bits by symbol (RFC 7541 appendix B); the last one is EOS.
#[rustfmt::skip]
const CODE_BITS: [u8; 257] = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
    28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
    6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
    5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
    13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
    15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
    6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
    20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
    22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
    21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
    19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
    20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
    30,
];

#[derive(Clone, Copy)]
struct Code {
    bits: u32,
    len: u32,
}

static CODES: [Code; 257] = codes();

const fn codes() -> [Code; 257] {
    let mut codes = [Code { bits: 0, len: 0 }; 257];
    let mut bits = 0;
    let mut len = 1;
    while len <= MAX_CODE_BITS {
        let mut symbol = 0;
        while symbol < codes.len() {
            if CODE_BITS[symbol] as usize == len {
                codes[symbol] = Code { bits, len: len as u32 };
                bits += 1;
            }
            symbol += 1;
        }
        bits <<= 1;
        len += 1;
    }
    codes
}

/// Writes a string literal (RFC 7541 section 5.2): coded where that is shorter, plain otherwise.
pub(super) fn put_string(text: &[u8], out: &mut Vec<u8>) {
    // Coded or not, the length of a short string is one octet, so it can be filled in afterwards.
    if text.is_empty() || text.len() >= 0x7f {
        return put_long_string(text, out);
    }
    let at = out.len();
    out.resize(at + 1 + text.len(), 0);
    let place = &mut out[at..];
    if let Some(len) = encode(text, &mut place[1..text.len()]) {
        place[0] = 0x80 | len as u8;
        out.truncate(at + 1 + len);
    } else {
        place[0] = text.len() as u8;
        place[1..].copy_from_slice(text);
    }
}

fn put_long_string(text: &[u8], out: &mut Vec<u8>) {
    let coded_bits: usize = text.iter().map(|&symbol| usize::from(CODE_BITS[usize::from(symbol)])).sum();
    let coded_len = coded_bits.div_ceil(8);
    if coded_len >= text.len() {
        put_integer(text.len(), 7, 0, out);
        out.put_slice(text);
        return;
    }
    put_integer(coded_len, 7, 0x80, out);
    let at = out.len();
    out.resize(at + coded_len, 0);
    let written = encode(text, &mut out[at..]);
    debug_assert_eq!(written, Some(coded_len));
}

/// Codes `text` into `place`; nothing if it does not fit.
fn encode(text: &[u8], place: &mut [u8]) -> Option<usize> {
    let mut writer = CodeWriter { place, written: 0, window: 0, held: 0 };
    let (fours, rest) = text.as_chunks::<4>();
    for four in fours {
        let [one, two, three, four] = four.map(|symbol| CODES[usize::from(symbol)]);
        let len = one.len + two.len + three.len + four.len;
        if len <= 32 {
            let both = u64::from(one.bits) << two.len | u64::from(two.bits);
            let all = (both << three.len | u64::from(three.bits)) << four.len | u64::from(four.bits);
            writer.put(all, len)?;
        } else {
            for code in [one, two, three, four] {
                writer.put(u64::from(code.bits), code.len)?;
            }
        }
    }
    for &symbol in rest {
        let code = CODES[usize::from(symbol)];
        writer.put(u64::from(code.bits), code.len)?;
    }
    writer.finish()
}

/// Writes bits into octets, four at a time.
struct CodeWriter<'a> {
    place: &'a mut [u8],
    written: usize,
    /// Bits that are not written yet: the lowest `held`, under 32.
    window: u64,
    held: u32,
}

impl CodeWriter<'_> {
    #[inline]
    fn put(&mut self, bits: u64, len: u32) -> Option<()> {
        self.window = self.window << len | bits;
        self.held += len;
        if self.held >= 32 {
            self.held -= 32;
            let word = (self.window >> self.held) as u32;
            let place = self.place.get_mut(self.written..)?.first_chunk_mut()?;
            *place = word.to_be_bytes();
            self.written += 4;
        }
        Some(())
    }

    /// Writes the last bits; ones, the start of EOS, fill the last octet.
    fn finish(self) -> Option<usize> {
        let last = (self.window << (32 - self.held)) as u32 | u32::MAX >> self.held;
        let len = self.held.div_ceil(8) as usize;
        let place = self.place.get_mut(self.written..self.written + len)?;
        for (place, octet) in place.iter_mut().zip(last.to_be_bytes()) {
            *place = octet;
        }
        Some(self.written + len)
    }
}

/// Two symbols of header text have 14 bits together, or fewer.
const LOOKUP_BITS: u32 = 14;

/// What the next [`LOOKUP_BITS`] bits begin with, or 0 if that is a longer code or NUL, which is as rare:
///
/// ```text
/// bit 0..8: symbol | 8..16: second symbol | 16..24: code bits together | 24..32: symbols
/// ```
static LOOKUP: [u32; 1 << LOOKUP_BITS] = lookup();

const fn code_bits(entry: u32) -> u32 {
    entry >> 16 & 0xff
}

const fn lookup() -> [u32; 1 << LOOKUP_BITS] {
    let single = single_lookup();
    let mut table = single;
    let mut index = 0;
    while index < table.len() {
        let first = single[index];
        let second = single[(index << code_bits(first)) & (table.len() - 1)];
        let both_bits = code_bits(first) + code_bits(second);
        if first != 0 && second != 0 && both_bits <= LOOKUP_BITS {
            table[index] = 2 << 24 | both_bits << 16 | (second & 0xff) << 8 | first & 0xff;
        }
        index += 1;
    }
    table
}

const fn single_lookup() -> [u32; 1 << LOOKUP_BITS] {
    let mut table = [0; 1 << LOOKUP_BITS];
    let codes = codes();
    let mut symbol = 1;
    while symbol < EOS {
        let Code { bits, len } = codes[symbol];
        if len <= LOOKUP_BITS {
            let spare = LOOKUP_BITS - len;
            let mut index = bits << spare;
            while index < (bits + 1) << spare {
                table[index as usize] = 1 << 24 | len << 16 | symbol as u32;
                index += 1;
            }
        }
        symbol += 1;
    }
    table
}

/// Lookups from one window, of which at least 57 bits are the string's.
const ROUND: u32 = 4;
const _: () = assert!(ROUND * LOOKUP_BITS <= 57);

/// Room for the symbols of a round, of which a byte says how many there are, so that no index needs a check.
const ROUND_BYTES: usize = 257;

/// Returns how much room [`decode`] wants for a string of so many octets.
pub(super) fn decode_room(coded_len: usize) -> usize {
    // The shortest code has 5 bits, so two symbols an octet are more than enough.
    coded_len * 2 + ROUND_BYTES
}

/// Is a decoded string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) len: usize,
    /// NUL, CR or LF is in it.
    pub(super) has_control: bool,
}

/// Decodes a string to the start of `out`.
#[inline]
pub(super) fn decode(coded: &[u8], out: &mut [u8]) -> Result<Text, DecodeError> {
    decode_into(coded, out).ok_or(DecodeError::Huffman)
}

#[inline]
fn decode_into(coded: &[u8], out: &mut [u8]) -> Option<Text> {
    let (mut bit, mut text) = (0, Text { len: 0, has_control: false });
    while let Some(chunk) = coded.get(bit / 8..).and_then(|rest| rest.first_chunk()) {
        bit += decode_round(u64::from_be_bytes(*chunk) << (bit % 8), out, &mut text)?;
    }
    let left = (coded.len() * 8 - bit) as u32;
    (decode_tail(last_bits(coded), left, out, &mut text)? < 8).then_some(text)
}

/// Decodes the last `left` bits of a string, at most 56, lookup by lookup: most tails are shorter than a round. Returns
/// how many bits fill the last octet; of more than seven, EOS is made.
#[inline(always)]
fn decode_tail(last: u64, left: u32, out: &mut [u8], text: &mut Text) -> Option<u32> {
    let place = out.get_mut(text.len..)?.first_chunk_mut::<ROUND_BYTES>()?;
    // What fills the last octet are ones, and so is what is put behind it: zeros if all bits are turned.
    let mut turned = !last << 1 << (63 - left);
    // As in a round.
    let mut sums = 0_u32;
    while turned != 0 {
        let mut entry = LOOKUP[(!turned >> (64 - LOOKUP_BITS)) as usize];
        if entry == 0 {
            let (symbol, bits) = long_symbol(!turned)?;
            text.has_control |= is_control(symbol);
            entry = 1 << 24 | (bits as u32) << 16 | u32::from(symbol);
        }
        let at = (sums >> 8 & 0xff) as usize;
        place[at..at + 2].copy_from_slice(&(entry as u16).to_le_bytes());
        let counts = entry >> 16;
        turned = turned.wrapping_shl(counts);
        sums += counts;
    }
    text.len += (sums >> 8 & 0xff) as usize;
    // None if the last symbol took bits from beyond the end.
    left.checked_sub(sums & 0xff)
}

/// Decodes as many symbols as a round of lookups finds, and returns how many bits their codes have together.
#[inline(always)]
fn decode_round(window: u64, out: &mut [u8], text: &mut Text) -> Option<usize> {
    let place = out.get_mut(text.len..)?.first_chunk_mut::<ROUND_BYTES>()?;
    let mut rest = window;
    // Bit 0 and up: code bits of the round; bit 8 and up: its symbols.
    let mut sums = 0_u32;
    for _ in 0..ROUND {
        // A longer code has an entry of 0, at which the round stands still.
        let entry = LOOKUP[(rest >> (64 - LOOKUP_BITS)) as usize];
        let at = (sums >> 8 & 0xff) as usize;
        place[at..at + 2].copy_from_slice(&(entry as u16).to_le_bytes());
        let counts = entry >> 16;
        rest = rest.wrapping_shl(counts);
        sums += counts;
    }
    let bits = (sums & 0xff) as usize;
    if bits == 0 {
        let (symbol, bits) = long_symbol(window)?;
        place[0] = symbol;
        text.has_control |= is_control(symbol);
        text.len += 1;
        return Some(bits);
    }
    text.len += (sums >> 8 & 0xff) as usize;
    Some(bits)
}

/// The last 64 bits of a string, or all of a shorter one.
#[inline]
fn last_bits(coded: &[u8]) -> u64 {
    if let Some(last) = coded.last_chunk::<8>() {
        u64::from_be_bytes(*last)
    } else if let (Some(first), Some(last)) = (coded.first_chunk::<4>(), coded.last_chunk::<4>()) {
        // The two may overlap, where they are the same.
        let first = u64::from(u32::from_be_bytes(*first));
        first << (8 * (coded.len() - 4)) | u64::from(u32::from_be_bytes(*last))
    } else {
        coded.iter().fold(0, |word, octet| word << 8 | u64::from(*octet))
    }
}

/// Decodes one symbol that has no lookup; nothing for EOS.
#[cold]
#[inline(never)]
fn long_symbol(window: u64) -> Option<(u8, usize)> {
    let window = (window >> 32) as u32;
    let long = LONG_CODES.iter().find(|long| window <= long.last)?;
    let position = (window - long.first) >> (32 - long.len);
    let symbol = SYMBOLS_BY_CODE[long.symbols_from + position as usize];
    (usize::from(symbol) != EOS).then_some((symbol as u8, long.len as usize))
}

/// All codes of one length: left-aligned in 32 bits they are the range from `first` to `last`.
#[derive(Clone, Copy)]
struct LongCodes {
    len: u32,
    first: u32,
    last: u32,
    symbols_from: usize,
}

/// NUL's code is the shortest one that is looked for here.
const SHORTEST_LONG: u32 = 13;
const LONG_LENS: usize = MAX_CODE_BITS - SHORTEST_LONG as usize + 1;

static LONG_CODES: [LongCodes; LONG_LENS] = long_codes();
static SYMBOLS_BY_CODE: [u16; 257] = symbols_by_code();

const fn long_codes() -> [LongCodes; LONG_LENS] {
    let mut table = [LongCodes { len: 0, first: 0, last: 0, symbols_from: 0 }; LONG_LENS];
    let codes = codes();
    let symbols = symbols_by_code();
    let mut position = 0;
    while position < symbols.len() {
        let code = codes[symbols[position] as usize];
        if code.len >= SHORTEST_LONG {
            let spare = 32 - code.len;
            let long = &mut table[(code.len - SHORTEST_LONG) as usize];
            if long.len == 0 {
                long.len = code.len;
                long.first = code.bits << spare;
                long.symbols_from = position;
            }
            long.last = code.bits << spare | ((1 << spare) - 1);
        }
        position += 1;
    }
    table
}

const fn symbols_by_code() -> [u16; 257] {
    let mut symbols = [0; 257];
    let mut position = 0;
    let mut len = 1;
    while len <= MAX_CODE_BITS {
        let mut symbol = 0;
        while symbol < CODE_BITS.len() {
            if CODE_BITS[symbol] as usize == len {
                symbols[position] = symbol as u16;
                position += 1;
            }
            symbol += 1;
        }
        len += 1;
    }
    symbols
}

#[cfg(test)]
#[path = "../../tests/unit/hpack/huffman.rs"]
mod tests;
