//! Tests of `src/hpack/table.rs`.

use super::*;
use crate::headers::HeaderList;

fn record(name: &str, value: &str) -> Vec<u8> {
    let mut list = HeaderList::new();
    list.push(name.as_bytes(), value.as_bytes());
    list.records().to_vec()
}

fn names(table: &DynamicTable) -> Vec<String> {
    (0..table.len())
        .map(|position| split_field(table.row(position).unwrap()).unwrap().0.name)
        .map(|name| String::from_utf8(name.to_vec()).unwrap())
        .collect()
}

#[test]
fn static_records_are_the_static_table() {
    assert_eq!(static_row(0), None);
    assert_eq!(static_row(62), None);
    for (position, (name, value)) in STATIC.iter().enumerate() {
        let (field, rest) = split_field(static_row(position + 1).unwrap()).unwrap();
        assert_eq!((field.name, field.value), (name.as_bytes(), value.as_bytes()));
        assert_eq!(field.entry.unwrap().static_index(), Some(position + 1));
        assert_eq!(rest, static_row(position + 2).unwrap_or_default());
    }
}

#[test]
fn rfc7541_4_4_evicts_the_oldest() {
    let mut table = DynamicTable::new(100);
    table.insert(&record("a", "1"));
    table.insert(&record("b", "2"));
    assert_eq!((names(&table), table.bytes()), (vec!["b".into(), "a".into()], 68));
    table.insert(&record("c", "3"));
    assert_eq!(names(&table), ["c", "b"]);
    table.insert(&record("d", &"x".repeat(67)));
    assert_eq!((names(&table), table.bytes()), (vec!["d".into()], 100));
}

#[test]
fn rfc7541_4_4_an_entry_larger_than_the_table_empties_it() {
    let mut table = DynamicTable::new(100);
    table.insert(&record("a", "1"));
    let large = record("d", &"x".repeat(68));
    assert_eq!(table.next_id(charged_bytes(large.len())), None);
    table.insert(&large);
    assert_eq!((table.len(), table.bytes()), (0, 0));
}

#[test]
fn rfc7541_4_3_resizing_evicts() {
    let mut table = DynamicTable::new(100);
    table.insert(&record("a", "1"));
    table.insert(&record("b", "2"));
    table.resize(67);
    assert_eq!(names(&table), ["b"]);
    table.resize(0);
    assert_eq!(table.len(), 0);
    table.resize(100);
    table.insert(&record("c", "3"));
    assert_eq!(names(&table), ["c"]);
}

#[test]
fn generations_change_with_the_contents_only() {
    let mut table = DynamicTable::new(100);
    table.insert(&record("a", "1"));
    let before = table.generation();
    table.set_tag(EntryId::inserted(1), 9);
    table.resize(50);
    assert_eq!(table.generation(), before);
    table.resize(0);
    assert_ne!(table.generation(), before);
}

#[test]
fn many_insertions_keep_the_arena_small_and_the_entries_right() {
    let mut table = DynamicTable::new(1000);
    for round in 0..10_000_u64 {
        let name = format!("name-{round}");
        table.insert(&record(&name, &"v".repeat(round as usize % 97)));
        assert_eq!(table.field(round + 1).unwrap().name, name.as_bytes());
        assert!(table.field(table.oldest()).is_some() && table.field(table.oldest() - 1).is_none());
        assert!(table.arena.len() <= 2 * 1000 + 200 && table.starts.len() <= 32);
        if round % 1000 == 0 {
            table.trim();
            let living: usize = (table.oldest()..=table.inserted())
                .map(|ordinal| {
                    let field = table.field(ordinal).unwrap();
                    RECORD_HEAD + field.name.len() + field.value.len()
                })
                .sum();
            assert_eq!((table.arena.len(), table.front), (living, 0));
        }
    }
}

#[test]
fn tags_die_with_their_entries() {
    let mut table = DynamicTable::new(100);
    let tagged = |table: &DynamicTable| table.field(1).map(|field| field.tag);
    let id = table.next_id(34).unwrap();
    table.insert(&record("a", "1"));
    table.set_tag(id, 5);
    table.insert(&record("b", "2"));
    assert_eq!(tagged(&table), Some(5));
    table.insert(&record("c", "3"));
    assert_eq!(tagged(&table), None);
    table.set_tag(id, 6);
    table.set_tag(EntryId::fixed(3), 6);
    assert!((2..4).all(|ordinal| table.field(ordinal).unwrap().tag == 0));
}
