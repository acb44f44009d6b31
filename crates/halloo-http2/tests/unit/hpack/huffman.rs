//! Tests of `src/hpack/huffman.rs`.

use proptest::prelude::*;

use super::*;

fn decoded(coded: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut out = vec![0; decode_room(coded.len())];
    let text = decode(coded, &mut out)?;
    out.truncate(text.len);
    assert_eq!(text.has_control, out.iter().any(|symbol| is_control(*symbol)));
    Ok(out)
}

/// The straightforward decoding, bit by bit.
fn plainly_decoded(coded: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    let (mut bits, mut len) = (0_u32, 0_u32);
    for bit in coded.iter().flat_map(|octet| (0..8).rev().map(move |at| octet >> at & 1)) {
        (bits, len) = (bits << 1 | u32::from(bit), len + 1);
        match CODES.iter().position(|code| code.len == len && code.bits == bits) {
            Some(EOS) => return None,
            Some(symbol) => {
                text.push(symbol as u8);
                (bits, len) = (0, 0);
            }
            None => {}
        }
    }
    (len < 8 && bits == (1 << len) - 1).then_some(text)
}

/// The straightforward coding, as a number of ones and zeros.
fn coded(text: &[u8]) -> Vec<u8> {
    let mut bits = String::new();
    for &symbol in text {
        let Code { bits: code, len } = CODES[usize::from(symbol)];
        bits += &format!("{code:0width$b}", width = len as usize);
    }
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    bits.as_bytes().chunks(8).map(|octet| octet.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0'))).collect()
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
fn a_string_ends_well_wherever_its_last_lookups_begin() {
    for long in [&b""[..], b"\0", b"\xff", b"\r"] {
        for len in 0..40 {
            // Symbols of five to eight bits, so that tails of every length come up.
            let text: Vec<u8> = b"a0kZ&".iter().copied().cycle().take(len).chain(long.iter().copied()).collect();
            let coded = coded(&text);
            assert_eq!(decoded(&coded), Ok(text));
            for end in 0..coded.len() {
                assert_eq!(decoded(&coded[..end]).ok(), plainly_decoded(&coded[..end]));
            }
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
    assert_eq!(decoded(&[0xff, 0xff, 0xff, 0xfc, 0, 0, 0, 0, 0]), malformed, "EOS, then text");
    assert_eq!(decoded(&[0xff, 0xc0]), malformed, "a long code cut off");
    let whole = coded(b"abcdefgh");
    for octet in [0xff, 0xfe, 0x7f] {
        let longer = [whole.as_slice(), &[octet]].concat();
        assert_ne!(decoded(&longer), Ok(b"abcdefgh".to_vec()));
    }
}

#[test]
fn strings_are_coded_only_when_shorter() {
    for (text, first) in [(&b""[..], 0), (b"a", 1), (b"aa", 0x82), (b"aaa", 0x82), (b"\x01\x02", 2)] {
        let mut out = Vec::new();
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
        let mut out = Vec::new();
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
    fn every_string_is_decoded_as_bit_by_bit(
        coded in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..40),
            prop::collection::vec(any::<u8>(), 0..60).prop_map(|text| coded(&text)),
            ("[ -~]{0,80}", prop::collection::vec(any::<u8>(), 0..3))
                .prop_map(|(text, more)| [coded(text.as_bytes()), more].concat()),
            (prop::collection::vec(prop::sample::select(b"\0\r\n0aZ~\x7f\xff".to_vec()), 0..30), 0_usize..4)
                .prop_map(|(text, cut)| { let mut coded = coded(&text); coded.truncate(coded.len().saturating_sub(cut)); coded }),
        ],
    ) {
        prop_assert_eq!(decoded(&coded).ok(), plainly_decoded(&coded));
    }

    #[test]
    fn any_bytes_decode_to_their_own_coding_or_not_at_all(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(text) = decoded(&bytes) {
            prop_assert_eq!(coded(&text), bytes);
        }
    }
}
