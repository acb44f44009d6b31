//! Tests of `src/hpack/lookup.rs`.

use super::*;
use crate::headers::HeaderList;

#[test]
fn every_static_field_is_found() {
    for (position, (name, value)) in STATIC.iter().enumerate() {
        let mut list = HeaderList::new();
        list.push(name.as_bytes(), value.as_bytes());
        list.push(name.as_bytes(), b"another");
        for field in &list {
            let hash = FieldHash::of(&field);
            let first = static_name(field.name, hash).unwrap();
            assert_eq!(STATIC[first - 1].0, *name);
            assert!(first == 1 || STATIC[first - 2].0 != *name);
            let expected = (field.value == value.as_bytes()).then_some(position + 1);
            assert_eq!(static_pair(&field, first), expected);
        }
    }
    let mut list = HeaderList::new();
    list.push(b"x-none", b"");
    let field = list.iter().next().unwrap();
    assert_eq!(static_name(field.name, FieldHash::of(&field)), None);
}

#[test]
fn hashes_differ_for_short_texts() {
    let mut seen = std::collections::HashSet::new();
    for text in ["", "a", "b", "aa", "ab", "aba", "abb", "abcd", "abcde", "abcdefgh", "abcdefghi"] {
        assert!(seen.insert(name_hash(text.as_bytes())));
        assert!(seen.insert(hash(name_hash(b"name"), text.as_bytes())));
    }
}
