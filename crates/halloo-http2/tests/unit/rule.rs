//! Tests of `src/rule.rs`.

use super::*;
use proptest::prelude::*;

#[test]
fn rules_keep_their_numbers() {
    for (number, rule) in NAME_RULES.iter().enumerate().take(NameRule::Uppercase as usize + 1) {
        assert_eq!(*rule as usize, number);
        assert_eq!(FieldRule(*rule as u8 | PADDED | BROKEN | SENSITIVE).name(), *rule);
    }
}

/// RFC 9113 section 8.2.1, word for word.
fn plain_name_is_legal(name: &[u8]) -> bool {
    !name.is_empty() && !name.iter().any(|byte| matches!(byte, 0x00..=0x20 | 0x41..=0x5a | 0x7f..=0xff | b':'))
}

/// RFC 9113 section 8.2.1, word for word.
fn plain_value_is_legal(value: &[u8]) -> bool {
    let edge = |byte: Option<&u8>| byte.is_some_and(|byte| [0x20, 0x09].contains(byte));
    plain_value_is_safe(value) && !edge(value.first()) && !edge(value.last())
}

fn plain_value_is_safe(value: &[u8]) -> bool {
    !value.iter().any(|byte| [0x00, 0x0a, 0x0d].contains(byte))
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let likely = prop_oneof![
        20 => b'a'..=b'z', 1 => Just(0), 1 => Just(b'\r'), 1 => Just(b'\n'), 1 => Just(b' '), 1 => Just(b'\t'),
        1 => any::<u8>(),
    ];
    prop_oneof![prop::collection::vec(likely, 0..70), prop::collection::vec(any::<u8>(), 0..70)]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn names_and_values_are_judged_by_the_rfc(name in any_text(), value in any_text()) {
        let rule = NameRule::of(&name);
        let is_pseudo = name.first() == Some(&b':');
        prop_assert_eq!(rule == NameRule::PseudoUnknown, is_pseudo);
        let is_faulty = matches!(rule, NameRule::Empty | NameRule::Invalid | NameRule::Uppercase);
        prop_assert_eq!(!is_faulty, is_pseudo || plain_name_is_legal(&name));
        let field = FieldRule::judge(NameRule::Ordinary, &value, has_control(&value));
        prop_assert_eq!(!field.is_broken(), plain_value_is_safe(&value));
        prop_assert_eq!(field.is_ordinary(), plain_value_is_legal(&value));
        prop_assert_eq!(field.is_padded(), plain_value_is_safe(&value) && !plain_value_is_legal(&value));
    }

    #[test]
    fn one_control_is_seen_wherever_it_stands(len in 1_usize..100, at in any::<prop::sample::Index>(), which in 0_usize..3) {
        let mut value = vec![b'v'; len];
        prop_assert!(!has_control(&value));
        value[at.index(len)] = [0, b'\r', b'\n'][which];
        prop_assert!(has_control(&value));
    }
}

#[test]
fn special_values() {
    let broken = |name: &str, value: &str| {
        let value = value.as_bytes();
        FieldRule::judge(NameRule::of(name.as_bytes()), value, has_control(value)).is_broken()
    };
    for (name, value) in
        [("te", "trailers"), ("te", "Trailers"), ("content-length", "0"), (":path", "*"), (":status", "200")]
    {
        assert!(!broken(name, value), "{name}: {value}");
    }
    let legal = |name: &str| FieldRule::judge(NameRule::of(name.as_bytes()), b"trailers", false).is_legal_field();
    assert!(legal("te") && legal("plain") && legal("host"));
    for name in ["", ":path", ":other", "Upper", "two words", "upgrade", "content-length"] {
        assert!(!legal(name), "{name}");
    }
    for (name, value) in [
        ("te", "gzip"),
        ("content-length", ""),
        ("content-length", "-1"),
        ("content-length", "18446744073709551616"),
        (":path", ""),
        (":status", "20"),
        (":status", "099"),
        (":method", " GET"),
        ("te", " trailers"),
        ("content-length", "1 "),
        (":path", " /"),
        (":authority", "a\t"),
        ("host", " a"),
    ] {
        assert!(broken(name, value), "{name}: {value}");
    }
}
