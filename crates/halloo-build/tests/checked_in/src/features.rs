//! What features of editions mean for values and bytes.

use crate::editions::features::{Closed, Kinds, Open, kinds::Part};
use crate::editions::newest::Thing;
use halloo::protobuf::buffa::Message as _;

/// The bytes without the required field, which every message has.
fn bytes(message: Kinds) -> Vec<u8> {
    let mut bytes = message.with_needed(true).encode_to_vec();
    let at = bytes.windows(2).position(|pair| pair == [5 << 3, 1]).expect("the required field is there");
    bytes.drain(at..at + 2);
    bytes
}

fn read(bytes: &[u8]) -> Kinds {
    Kinds::decode_from_slice(bytes).expect("the bytes are a message")
}

#[test]
fn presence_is_explicit_unless_it_is_said_otherwise() {
    assert_eq!(bytes(Kinds::default().with_number(0)), [2 << 3, 0]);
    assert_eq!(bytes(Kinds::default().with_name("")), [(1 << 3) | 2, 0]);
    assert_eq!(bytes(Kinds::default().with_plain_number(0).with_plain_name("")), []);
    assert_eq!(bytes(Kinds::default().with_open(Open::OPEN_NONE)), [6 << 3, 0]);
    assert_eq!(bytes(Kinds::default().with_plain_open(Open::OPEN_NONE)), []);
    // Required fields are written even with their default value.
    assert_eq!(Kinds::default().encode_to_vec(), [5 << 3, 0]);
    assert_eq!(Thing::default().with_name("").with_size(0).encode_to_vec(), [2 << 3, 0]);
}

#[test]
fn repeated_numbers_are_packed_unless_it_is_said_otherwise() {
    assert_eq!(bytes(Kinds::default().with_packed([1, 2])), [(9 << 3) | 2, 2, 1, 2]);
    assert_eq!(bytes(Kinds::default().with_expanded([1, 2])), [10 << 3, 1, 10 << 3, 2]);
}

#[test]
fn closed_enums_hold_known_values_and_open_ones_any() {
    assert_eq!(read(&[6 << 3, 9]).open.map(|open| open.to_i32()), Some(9));
    let read = read(&[8 << 3, 9]);
    assert_eq!(read.closed, None);
    // It is kept all the same.
    assert_eq!(bytes(read), [8 << 3, 9]);
    assert_eq!(bytes(Kinds::default().with_many_closed([Closed::CLOSED_TWO])), [(11 << 3) | 2, 1, 2]);
}

#[test]
fn strings_are_text_unless_they_renounce_it() {
    assert!(Kinds::decode_from_slice(&[(1 << 3) | 2, 1, 0xff]).is_err());
    let message = read(&[(12 << 3) | 2, 1, 0xff]);
    assert_eq!(message.raw, Some(vec![0xff]));
    assert_eq!(bytes(Kinds::default().with_raw(vec![0xff])), [(12 << 3) | 2, 1, 0xff]);
}

#[test]
fn messages_are_delimited_where_it_is_said() {
    let part = || Part::default().with_number(1);
    assert_eq!(bytes(Kinds::default().with_part(part())), [(14 << 3) | 2, 2, 8, 1]);
    assert_eq!(bytes(Kinds::default().with_delimited(part())), [(15 << 3) | 3, 8, 1, (15 << 3) | 4]);
    let message = Kinds::default().with_own(part()).with_needed(true);
    assert_eq!(read(&message.encode_to_vec()), message);
}
