//! Tests of `src/shadows/primitives.rs`.

use super::*;
use quote::ToTokens as _;

fn check(module: &str, input: &str, expected: &str) {
    let mut file: File = syn::parse_str(input).expect("test input is Rust");
    let expected: File = syn::parse_str(expected).expect("test input is Rust");
    spell_in_full(&mut file, [module].into_iter());
    assert_eq!(file.into_token_stream().to_string(), expected.into_token_stream().to_string());
}

#[test]
fn types_are_spelled_in_full_and_what_is_in_the_module_stays() {
    check(
        "u64",
        "fn f(str: &[str], x: Vec<u64>) -> u64::Inner { u64::from(x.u64) + 1u64 + str as u64 }",
        "fn f(str: &[::core::primitive::str], x: Vec<::core::primitive::u64>) -> u64::Inner {
            ::core::primitive::u64::from(x.u64) + 1u64 + str as ::core::primitive::u64
        }",
    );
    let module = "fn f() { <u64::Kind>::A; u64::Kind::A; x(u64); }";
    check("u64", module, module);
}

#[test]
fn nothing_changes_without_such_a_module() {
    let text = "pub mod inner {} fn f(x: u64) {}";
    check("other", text, text);
}
