//! Tests of `src/names.rs`.

use super::{snake_case, type_name};

#[test]
fn snake_case_finds_words() {
    for (name, expected) in [
        ("SayHello", "say_hello"),
        ("sayHello", "say_hello"),
        ("HTTPGet", "http_get"),
        ("GetV2Beta", "get_v2_beta"),
        ("already_snake", "already_snake"),
        ("Type", "type"),
    ] {
        assert_eq!(snake_case(name), expected);
    }
}

#[test]
fn type_names_begin_with_a_capital_letter() {
    for (name, expected) in [
        ("Greeter", "Greeter"),
        ("Foo_Bar", "Foo_Bar"),
        ("my_type", "MyType"),
        ("self", "Self_"),
        ("Self", "Self_"),
        ("_2d", "X2d"),
        ("__", "X"),
    ] {
        assert_eq!(type_name(name), expected);
    }
}
