//! Tests of `src/shadows/parameters.rs`.

use super::*;
use quote::ToTokens as _;

fn check(input: &str, expected: &str) {
    let mut file: File = syn::parse_str(input).expect("test input is Rust");
    let expected: File = syn::parse_str(expected).expect("test input is Rust");
    rename_parameters(&mut file);
    assert_eq!(file.into_token_stream().to_string(), expected.into_token_stream().to_string());
}

#[test]
fn the_type_keeps_its_name_and_the_parameter_does_not() {
    check(
        "enum D { Error }
        impl X for D { fn f<D: Y>(d: D) -> Result<Self, D::Error> { type V = D; let x: D::Error = D::Error; } }
        impl Z for V { fn g<D>(self, x: &D) -> Result<D, D> {} fn h<E>(e: E) -> Result<D, E> {} }",
        "enum D { Error }
        impl X for D { fn f<__D: Y>(d: __D) -> Result<Self, __D::Error> { type V = D; let x: __D::Error = D::Error; } }
        impl Z for V { fn g<__D>(self, x: &D) -> Result<D, __D> {} fn h<E>(e: E) -> Result<D, E> {} }",
    );
}
