//! The string code of HPACK (RFC 7541 section 5.2 and appendix B).
//!
//! The code is canonical, so its lengths give all tables, built at compile time. A lookup decodes up to two symbols;
//! symbols with codes longer than a lookup, which header text seldom has, take the slow path.
use bytes::{BufMut, BytesMut};

use super::{decode::DecodeError, integer::put_integer};

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
    len: u8,
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
                codes[symbol] = Code {
                    bits,
                    len: len as u8,
                };
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
pub(super) fn put_string(text: &[u8], out: &mut BytesMut) {
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

fn put_long_string(text: &[u8], out: &mut BytesMut) {
    let coded_bits: usize = text
        .iter()
        .map(|&symbol| usize::from(CODE_BITS[usize::from(symbol)]))
        .sum();
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
    let mut window = 0_u64;
    let mut held = 0;
    let mut written = 0;
    for &symbol in text {
        let code = CODES[usize::from(symbol)];
        window = window << code.len | u64::from(code.bits);
        held += u32::from(code.len);
        if held >= 32 {
            held -= 32;
            let word = (window >> held) as u32;
            *place.get_mut(written..)?.first_chunk_mut()? = word.to_be_bytes();
            written += 4;
        }
    }
    // At most 31 bits are left; ones, the start of EOS, fill the last octet.
    let last = (window << (32 - held)) as u32 | u32::MAX >> held;
    for byte in &last.to_be_bytes()[..held.div_ceil(8) as usize] {
        *place.get_mut(written)? = *byte;
        written += 1;
    }
    Some(written)
}

const LOOKUP_BITS: u32 = 12;

/// What the next [`LOOKUP_BITS`] bits begin with, or 0 if that is a longer code:
///
/// ```text
/// bit 0..8: code bits together | 8..16: symbol | 16..24: second symbol | 30..32: symbols
/// ```
static LOOKUP: [u32; 1 << LOOKUP_BITS] = lookup();

const fn lookup() -> [u32; 1 << LOOKUP_BITS] {
    let single = single_lookup();
    let mut table = single;
    let mut index = 0;
    while index < table.len() {
        let first = single[index];
        let used = first & 0xff;
        let second = single[(index << used) & (table.len() - 1)];
        let both = used + (second & 0xff);
        if first != 0 && second != 0 && both <= LOOKUP_BITS {
            table[index] = 2 << 30 | (second & 0xff00) << 8 | first & 0xff00 | both;
        }
        index += 1;
    }
    table
}

const fn single_lookup() -> [u32; 1 << LOOKUP_BITS] {
    let mut table = [0; 1 << LOOKUP_BITS];
    let codes = codes();
    let mut symbol = 0;
    while symbol < EOS {
        let Code { bits, len } = codes[symbol];
        if len as u32 <= LOOKUP_BITS {
            let spare = LOOKUP_BITS - len as u32;
            let mut index = bits << spare;
            while index < (bits + 1) << spare {
                table[index as usize] = 1 << 30 | (symbol as u32) << 8 | len as u32;
                index += 1;
            }
        }
        symbol += 1;
    }
    table
}

/// Lookups from one filling of the window, which has at least 56 bits.
const ROUND: usize = 4;
const _: () = assert!(ROUND as u32 * LOOKUP_BITS <= 56);

/// Bytes that a round may write beyond its symbols, because each lookup stores two.
const SLACK: usize = 16;

/// Appends the decoded string to `out`.
pub(super) fn decode(coded: &[u8], out: &mut Vec<u8>) -> Result<(), DecodeError> {
    let start = out.len();
    // The shortest code has 5 bits.
    out.resize(start + coded.len() * 8 / 5 + SLACK, 0);
    let written = decode_into(coded, &mut out[start..]).ok_or(DecodeError::Huffman)?;
    out.truncate(start + written);
    Ok(())
}

fn decode_into(coded: &[u8], out: &mut [u8]) -> Option<usize> {
    let mut rest = coded;
    let mut written = 0;
    // Coded bits from the top down, of which `held` are accounted for. Beyond the end of the string come ones.
    let mut window = 0_u64;
    let mut held = 0_u32;
    loop {
        let (word, available) = match rest.first_chunk::<8>() {
            Some(chunk) => (u64::from_be_bytes(*chunk), 8),
            None => (last_word(rest), rest.len()),
        };
        window |= word >> held;
        let taken = ((63 - held) as usize >> 3).min(available);
        rest = &rest[taken..];
        held += 8 * taken as u32;

        let first = LOOKUP[(window >> (64 - LOOKUP_BITS)) as usize];
        if first == 0 {
            if rest.is_empty() && held < 8 && window == u64::MAX {
                return Some(written);
            }
            let (symbol, len) = long_symbol(window)?;
            held = held.checked_sub(len)?;
            window <<= len;
            *out.get_mut(written)? = symbol;
            written += 1;
            continue;
        }
        let place = out.get_mut(written..)?.first_chunk_mut::<SLACK>()?;
        let (mut used, mut symbols, mut entry) = (0, 0, first);
        for lookup in 0..ROUND {
            if lookup > 0 {
                entry = LOOKUP[(window >> (64 - LOOKUP_BITS)) as usize];
            }
            window = window.wrapping_shl(entry);
            place[symbols] = (entry >> 8) as u8;
            place[symbols + 1] = (entry >> 16) as u8;
            symbols += (entry >> 30) as usize;
            // Only the low byte of the sum is wanted: code bits, at most 48.
            used = entry.wrapping_add(used);
        }
        written += symbols;
        held = held.checked_sub(used & 0xff)?;
    }
}

/// Pads the end of a string, under 8 bytes, with ones.
fn last_word(rest: &[u8]) -> u64 {
    let mut word = [0xff; 8];
    word[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(word)
}

/// Decodes one symbol whose code is longer than a lookup; nothing for EOS.
#[cold]
fn long_symbol(window: u64) -> Option<(u8, u32)> {
    let window = (window >> 32) as u32;
    let long = LONG_CODES.iter().find(|long| window <= long.last)?;
    let position = (window - long.first) >> (32 - long.len);
    let symbol = SYMBOLS_BY_CODE[long.symbols_from + position as usize];
    (usize::from(symbol) != EOS).then_some((symbol as u8, long.len))
}

/// All codes of one length: left-aligned in 32 bits they are the range from `first` to `last`.
#[derive(Clone, Copy)]
struct LongCodes {
    len: u32,
    first: u32,
    last: u32,
    symbols_from: usize,
}

const LONG_LENS: usize = MAX_CODE_BITS - LOOKUP_BITS as usize;

static LONG_CODES: [LongCodes; LONG_LENS] = long_codes();
static SYMBOLS_BY_CODE: [u16; 257] = symbols_by_code();

const fn long_codes() -> [LongCodes; LONG_LENS] {
    let mut table = [LongCodes {
        len: 0,
        first: 0,
        last: 0,
        symbols_from: 0,
    }; LONG_LENS];
    let codes = codes();
    let symbols = symbols_by_code();
    let mut position = 0;
    while position < symbols.len() {
        let code = codes[symbols[position] as usize];
        if code.len as u32 > LOOKUP_BITS {
            let spare = 32 - code.len as u32;
            let long = &mut table[(code.len as u32 - LOOKUP_BITS - 1) as usize];
            if long.len == 0 {
                long.len = code.len as u32;
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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decoded(coded: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut out = b"kept".to_vec();
        decode(coded, &mut out)?;
        assert_eq!(&out[..4], b"kept");
        Ok(out.split_off(4))
    }

    /// The straightforward coding, as a number of ones and zeros.
    fn coded(text: &[u8]) -> Vec<u8> {
        let mut bits = String::new();
        for &symbol in text {
            let Code { bits: code, len } = CODES[usize::from(symbol)];
            bits += &format!("{code:0width$b}", width = usize::from(len));
        }
        while bits.len() % 8 > 0 {
            bits.push('1');
        }
        bits.as_bytes()
            .chunks(8)
            .map(|octet| octet.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0')))
            .collect()
    }

    #[test]
    fn rfc7541_appendix_b_codes() {
        for (symbol, bits) in [
            (0, 0x1ff8),
            (b' ', 0x14),
            (b'!', 0x3f8),
            (b'0', 0),
            (b'Z', 0xfd),
            (b'\\', 0x7fff0),
            (b'~', 0x1ffd),
            (127, 0xfff_fffc),
            (255, 0x3ff_ffee),
            (22, 0x3fff_fffe),
        ] {
            assert_eq!(CODES[usize::from(symbol)].bits, bits, "symbol {symbol}");
        }
        assert_eq!(CODES[EOS].bits, 0x3fff_ffff);
    }

    #[test]
    fn every_symbol_and_pair_round_trips() {
        for first in 0..=255 {
            assert_eq!(decoded(&coded(&[first])), Ok(vec![first]));
            for second in 0..=255 {
                let text = [first, second, b'a', first];
                assert_eq!(decoded(&coded(&text)), Ok(text.to_vec()));
            }
        }
    }

    #[test]
    fn rfc7541_5_2_padding() {
        let malformed = Err(DecodeError::Huffman);
        assert_eq!(decoded(&[]), Ok(vec![]));
        assert_eq!(decoded(&[0xff]), malformed, "eight bits of padding");
        assert_eq!(decoded(&[0x07]), Ok(b"0".to_vec()));
        assert_eq!(decoded(&[0x07, 0xff]), malformed, "eleven bits of padding");
        assert_eq!(decoded(&[0x06]), malformed, "padding with a zero");
        assert_eq!(decoded(&[0x00]), malformed, "a padding of zeros");
        assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xff]), malformed, "EOS");
        assert_eq!(
            decoded(&[0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0, 0]),
            malformed,
            "EOS, then text"
        );
        assert_eq!(decoded(&[0xff, 0xc0]), malformed, "a long code cut off");
        let whole = coded(b"abcdefgh");
        for octet in [0xff, 0xfe, 0x7f] {
            let longer = [whole.as_slice(), &[octet]].concat();
            assert_ne!(decoded(&longer), Ok(b"abcdefgh".to_vec()));
        }
    }

    #[test]
    fn strings_are_coded_only_when_shorter() {
        for (text, first) in [
            (&b""[..], 0),
            (b"a", 1),
            (b"aa", 0x82),
            (b"aaa", 0x82),
            (b"\x01\x02", 2),
        ] {
            let mut out = BytesMut::new();
            put_string(text, &mut out);
            // "aa" needs 10 bits, so two octets either way.
            let expected = if text == b"aa" { 2 } else { first };
            assert_eq!(out[0], expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn strings_round_trip(text in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..300),
            "[a-zA-Z0-9+/=_.-]{0,300}".prop_map(String::into_bytes),
        ]) {
            let mut out = BytesMut::new();
            put_string(&text, &mut out);
            let huffman = out[0] & 0x80 != 0;
            let mut input = super::super::integer::Input(&out);
            let len = input.integer(7).unwrap();
            let body = input.take(len).unwrap();
            prop_assert!(input.0.is_empty());
            let plain = coded(&text);
            prop_assert_eq!(huffman, plain.len() < text.len());
            if huffman {
                prop_assert_eq!(body, &plain[..]);
                prop_assert_eq!(decoded(body), Ok(text));
            } else {
                prop_assert_eq!(body, &text[..]);
                prop_assert_eq!(decoded(&plain), Ok(text));
            }
        }

        #[test]
        fn any_bytes_decode_to_their_own_coding_or_not_at_all(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Ok(text) = decoded(&bytes) {
                prop_assert_eq!(coded(&text), bytes);
            }
        }
    }
}
