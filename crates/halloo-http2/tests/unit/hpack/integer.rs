//! Tests of `src/hpack/integer.rs`.

use super::*;

#[test]
fn rfc7541_c_1_examples() {
    for (value, prefix_bits, wire) in [(10, 5, &[0b01010][..]), (1337, 5, &[0x1f, 0x9a, 0x0a]), (42, 8, &[0x2a])] {
        let mut out = Vec::new();
        put_integer(value, prefix_bits, 0, &mut out);
        assert_eq!(out, wire);
        let mut input = Input(wire);
        assert_eq!(input.integer(prefix_bits), Ok(value));
        assert!(input.0.is_empty());
    }
}

#[test]
fn every_prefix_round_trips() {
    for prefix_bits in 1..=8 {
        for value in (0..1000).chain([16_383, 16_384, 1 << 20, (1 << 28) - 1]) {
            let mut out = Vec::new();
            put_integer(value, prefix_bits, 0, &mut out);
            assert_eq!(Input(&out).integer(prefix_bits), Ok(value));
        }
    }
}

#[test]
fn rfc7541_5_1_long_and_cut_integers_are_refused() {
    assert_eq!(Input(&[]).integer(7), Err(DecodeError::Truncated));
    assert_eq!(Input(&[0x7f, 0x80]).integer(7), Err(DecodeError::Truncated));
    assert_eq!(Input(&[0x7f, 0x80, 0x80, 0x80, 0]).integer(7), Ok(127));
    let long = [0x7f, 0x80, 0x80, 0x80, 0x80, 0];
    assert_eq!(Input(&long).integer(7), Err(DecodeError::IntegerTooLong));
}
