//! The JSON form of every kind of field, both ways.

use bytes::Bytes;
use halloo::protobuf::Json;
use halloo::{Codec, DecodeLimits, EncodeBuffer};
use halloo_tests::forms::{Color, Form, parts, register_types};

static JSON: Json = Json::new(&[register_types, parts::register_types]);

fn encode(form: &Form) -> String {
    let mut out = EncodeBuffer::new();
    JSON.encode(form, &mut out).unwrap();
    String::from_utf8(out.take_bytes().to_vec()).unwrap()
}

fn decode(text: &str) -> Result<Form, halloo::Status> {
    JSON.decode(Bytes::copy_from_slice(text.as_bytes()), &DecodeLimits::default())
}

/// A form and its text, both ways.
#[track_caller]
fn check(form: &Form, text: &str) {
    assert_eq!(encode(form), text);
    assert_eq!(decode(text).unwrap(), *form);
}

#[test]
fn each_kind_of_field_has_its_canonical_form() {
    let form = Form::default;
    check(&form(), "{}");
    check(&form().with_full_name("A \"B\"\n"), r#"{"fullName":"A \"B\"\n"}"#);
    check(
        &form().with_large(i64::MIN).with_larger(u64::MAX),
        r#"{"large":"-9223372036854775808","larger":"18446744073709551615"}"#,
    );
    check(&form().with_seal(vec![0xfb, 0xff]), r#"{"seal":"+/8="}"#);
    check(&form().with_weight(f64::NEG_INFINITY), r#"{"weight":"-Infinity"}"#);
    check(&form().with_color(Color::COLOR_RED).with_is_valid(true), r#"{"isValid":true,"color":"COLOR_RED"}"#);
}
