//! Tests of `src/record.rs`.

use super::*;

#[test]
fn heads_round_trip() {
    let rule = FieldRule::ORDINARY.sensitive();
    for entry in [None, Some(EntryId::fixed(61)), Some(EntryId::inserted(1 << 40))] {
        let head = RecordHead { name_len: 3, value_len: 70_000, mark: Mark::new(entry, rule, 200) };
        let read = RecordHead::read(&head.to_bytes()).unwrap();
        assert_eq!((read.name_len, read.value_len, read.mark), (3, 70_000, head.mark));
        assert_eq!((read.mark.entry(), read.mark.rule(), read.mark.class()), (entry, rule, 200));
    }
}

#[test]
fn ids_beyond_48_bits_are_left_out() {
    let mark = Mark::new(Some(EntryId::inserted(1 << 48)), FieldRule::ORDINARY, 1);
    assert_eq!((mark.entry(), mark.rule(), mark.class()), (None, FieldRule::ORDINARY, 1));
}

#[test]
fn texts_are_copied_whatever_the_room() {
    for len in 0..130 {
        for spare in [0, 1, 32, 100] {
            let from: Vec<u8> = (0..len + spare).map(|n| n as u8).collect();
            let mut to = vec![0; len + 100 - spare];
            copy_text(&from, &mut to, len);
            assert_eq!(to[..len], from[..len]);
        }
    }
}
