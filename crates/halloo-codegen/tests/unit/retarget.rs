//! Tests of `src/retarget.rs`.

use super::*;

fn check(input: &str, expected: &str) {
    let tokens: TokenStream = input.parse().expect("test input is Rust");
    let expected: TokenStream = expected.parse().expect("test input is Rust");
    assert_eq!(retarget(tokens, &Renames::default()).to_string(), expected.to_string());
}

#[test]
fn absolute_paths_move() {
    check("impl ::buffa::Message for M {}", "impl ::halloo::protobuf::buffa::Message for M {}");
    check(
        "x: ::core::option::Option<::buffa::Inline<T>>",
        "x: ::core::option::Option<::halloo::protobuf::buffa::Inline<T>>",
    );
    check("pub struct A(pub ::buffa::B);", "pub struct A(pub ::halloo::protobuf::buffa::B);");
    check("struct A<'a>(&'a ::buffa::B);", "struct A<'a>(&'a ::halloo::protobuf::buffa::B);");
    check("fn f() -> ::buffa::Bytes", "fn f() -> ::halloo::protobuf::buffa::Bytes");
    check("impl<'a, T: F<A>> ::serde::X for Y", "impl<'a, T: F<A>> ::halloo::protobuf::serde::X for Y");
}

#[test]
fn paths_in_attributes_of_serde_move() {
    check(
        r#"#[derive(::serde::Serialize)] #[serde(rename = "buffa", with = "::buffa::json_helpers::int64")] x: i64"#,
        r#"#[derive(::halloo::protobuf::serde::Serialize)]
        #[serde(rename = "buffa", with = "::halloo::protobuf::buffa::json_helpers::int64")] x: i64"#,
    );
}

#[test]
fn other_names_stay() {
    check("a::buffa::b", "a::buffa::b");
    check(r#""::buffa::x""#, r#""::buffa::x""#);
    check("::core::buffa::x", "::core::buffa::x");
    check("<S as Service<'a>>::buffa(self)", "<S as Service<'a>>::buffa(self)");
}
