//! The JSON form of every kind of field, both ways.

use bytes::Bytes;
use halloo::codec::{Codec, DecodeLimits, EncodeBuffer};
use halloo::protobuf::well_known::{Any, Duration, FieldMask, Int64Value, ListValue, Struct, Timestamp, Value};
use halloo::protobuf::{Json, JsonView, Message};
use halloo::{Code, Status};
use halloo_tests::forms::parts::Part;
use halloo_tests::forms::{Color, Form, form, parts, register_types};

static JSON: Json = Json::new(&[register_types, parts::register_types]);

fn encode(form: &Form) -> String {
    let mut out = EncodeBuffer::new();
    JSON.encode(form, &mut out).unwrap();
    String::from_utf8(out.take_bytes().to_vec()).unwrap()
}

fn decode(text: &str) -> Result<Form, Status> {
    JSON.decode(Bytes::copy_from_slice(text.as_bytes()), &DecodeLimits::default())
}

/// A form and its text, both ways.
#[track_caller]
fn check(form: &Form, text: &str) {
    assert_eq!(encode(form), text);
    assert_eq!(decode(text).unwrap(), *form);
}

fn any(message: &impl Message, name: &str) -> Any {
    Any::pack(message, format!("type.googleapis.com/{name}"))
}

/// What decoding `text` fails with.
#[track_caller]
fn refused(text: &str) -> (Code, String) {
    let status = decode(text).unwrap_err();
    (status.code(), status.message().to_owned())
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
    check(&form().with_numbers([1, -2]), r#"{"numbers":[1,-2]}"#);
    check(&form().with_by_name([("a".to_owned(), 1)]), r#"{"byName":{"a":"1"}}"#);
    check(&form().with_by_number([(-5, Part::default().with_number(1))]), r#"{"byNumber":{"-5":{"number":1}}}"#);
    check(&form().with_nick(""), r#"{"nick":""}"#);
    check(&Form { choice: Some(form::Choice::Text("t".to_owned())), ..form() }, r#"{"text":"t"}"#);
    check(&Form { choice: Some(form::Choice::Part(Box::default())), ..form() }, r#"{"part":{}}"#);
    // A number whose text needs an exact reader.
    check(&form().with_weight(6.14290363396153e224), r#"{"weight":6.14290363396153e+224}"#);
    check(&form().with_x_y(1.5), r#"{"coordinate":1.5}"#);
    check(&form().with_child(form().with_nick("in")), r#"{"child":{"nick":"in"}}"#);
    check(&form().with_colors([Color::COLOR_RED]), r#"{"colors":["COLOR_RED"]}"#);
}

#[test]
fn well_known_types_have_forms_of_their_own() {
    let form = Form::default;
    let at = Timestamp { seconds: 1_500_000_000, nanos: 120_000_000, ..Default::default() };
    check(&form().with_at(at), r#"{"at":"2017-07-14T02:40:00.120Z"}"#);
    let took = Duration { seconds: -1, nanos: -500_000_000, ..Default::default() };
    check(&form().with_took(took), r#"{"took":"-1.500s"}"#);
    check(&form().with_maybe(Int64Value { value: 7, ..Default::default() }), r#"{"maybe":"7"}"#);
    let mask = FieldMask { paths: vec!["full_name".to_owned(), "a.b_c".to_owned()], ..Default::default() };
    check(&form().with_mask(mask), r#"{"mask":"fullName,a.bC"}"#);
    let notes = r#"{"notes":{"k":[null,true,1.5,"x",{}]}}"#;
    assert_eq!(encode(&decode(notes).unwrap()), notes);
    check(&form().with_value(Value::null()), r#"{"value":null}"#);
}

#[test]
fn an_any_has_the_fields_of_its_message_where_the_type_is_known() {
    let part = any(&Part::default().with_number(3), "parts.Part");
    check(
        &Form::default().with_details([part]),
        r#"{"details":[{"@type":"type.googleapis.com/parts.Part","number":3}]}"#,
    );
    let took = any(&Duration { seconds: 2, ..Default::default() }, "google.protobuf.Duration");
    check(
        &Form::default().with_details([took]),
        r#"{"details":[{"@type":"type.googleapis.com/google.protobuf.Duration","value":"2s"}]}"#,
    );
    // The type may stand anywhere.
    let form = decode(r#"{"details":[{"number":3,"@type":"type.googleapis.com/parts.Part"}]}"#).unwrap();
    assert_eq!(form.details[0].value, Part::default().with_number(3).encode_to_bytes());
}

#[test]
fn what_other_implementations_may_write_is_read() {
    let form = Form::default;
    let read = |text: &str| decode(text).unwrap();
    assert_eq!(read(r#" {"full_name" : "x"} "#), form().with_full_name("x"), "the name in the .proto file");
    assert_eq!(read(r#"{"large":5,"larger":"6"}"#), form().with_large(5).with_larger(6), "numbers as such");
    assert_eq!(read(r#"{"seal":"-_8"}"#), form().with_seal(vec![0xfb, 0xff]), "the alphabet of URLs, no padding");
    assert_eq!(read(r#"{"color":1}"#), form().with_color(Color::COLOR_RED), "the number of an enum");
    assert_eq!(read(r#"{"fullName":null,"numbers":null,"child":null}"#), form(), "null is the default");
    assert_eq!(read(r#"{"of_a_newer_peer":[{"a":{}}],"nick":"n"}"#), form().with_nick("n"), "unknown fields");
}

#[test]
fn what_is_no_form_is_internal_and_the_place_is_named() {
    for (text, expected) in [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("{} {}", "trailing characters at line 1 column 4"),
        ("[]", "invalid type: sequence, expected struct Form at line 1 column 0"),
        ("\"\u{0}\"", "control character"),
        (r#"{"numbers":[1,2,"x"]}"#, r#"numbers[2]: invalid"#),
        (r#"{"children":[{},{"child":{"fullName":5}}]}"#, "children[1].child.fullName: invalid type: integer `5`"),
        ("{\n  \"child\": {\n    \"isValid\": 1\n  }\n}", "child.isValid: invalid type: integer `1`"),
        (r#"{"color":"COLOR_PLAID"}"#, r#"color: invalid value: string "COLOR_PLAID""#),
        (r#"{"large":"1.5"}"#, "large: "),
        (r#"{"larger":-1}"#, "larger: "),
        (r#"{"seal":"*"}"#, "seal: "),
        (r#"{"at":"yesterday"}"#, "at: "),
        (r#"{"text":"a","part":{}}"#, "choice"),
        (r#"{"details":[{"@type":"type.googleapis.com/parts.Part","number":{}}]}"#, "details[0].number: invalid type"),
        (r#"{"details":[{"number":1}]}"#, "details[0]: "),
    ] {
        let (code, message) = refused(text);
        assert_eq!(code, Code::Internal, "{text}: {message}");
        assert!(message.starts_with("cannot decode forms.Form from JSON: "), "{text}: {message}");
        assert!(message.contains(expected), "{text}: {message}");
    }
    let (_, message) = refused("{\n  \"child\": {\n    \"isValid\": 1\n  }\n}");
    assert!(message.ends_with("at line 3 column 16"), "{message}");
}

#[test]
fn a_failures_text_is_short_whatever_was_sent() {
    let long = "x".repeat(1 << 20);
    for text in [format!(r#"{{"color":"{long}"}}"#), format!(r#"{{"byName":{{"{long}":"no"}}}}"#)] {
        let (code, message) = refused(&text);
        assert_eq!(code, Code::Internal);
        assert!(message.len() < 600, "{} bytes", message.len());
    }
}

/// The text of a form within a form, and so on.
fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("{}{{}}{}", open.repeat(depth), close.repeat(depth))
}

#[test]
fn deep_messages_are_refused_before_the_stack_ends() {
    let limit = DecodeLimits::default().max_depth as usize;
    assert!(decode(&nested(r#"{"child":"#, "}", limit - 1)).is_ok());
    let (code, message) = refused(&nested(r#"{"child":"#, "}", limit));
    assert_eq!((code, message.contains("nested too deeply")), (Code::Internal, true), "{message}");
    let any = r#"{"@type":"type.googleapis.com/google.protobuf.Any","value":"#;
    for (open, close) in [
        (r#"{"child":"#, "}"),
        (r#"{"children":["#, "]}"),
        (r#"{"unknown":"#, "}"),
        ("[", "]"),
        (r#"{"notes":{"k":["#, "]}}"),
    ] {
        let status = decode(&nested(open, close, 200_000));
        assert!(open.contains("unknown") || status.is_err(), "{open}");
    }
    let (_, message) = refused(&format!(r#"{{"details":[{}]}}"#, nested(any, "}", 10_000)));
    assert!(message.contains("nested too deeply"), "{message}");
    assert!(decode(&format!(r#"{{"details":[{}]}}"#, nested(any, "}", 30))).is_ok());
}

#[test]
fn anys_within_anys_are_refused_before_the_stack_ends() {
    // Each message is as deep as decoding allows, and holds the next at its deepest place.
    let deep = |details: Vec<Any>| {
        let mut form = Form::default().with_details(details);
        for _ in 0..98 {
            form = Form::default().with_child(form);
        }
        form
    };
    let mut form = deep(Vec::new());
    for _ in 0..100 {
        form = deep(vec![any(&form, "forms.Form")]);
    }
    let mut out = EncodeBuffer::new();
    let status = JSON.encode(&form, &mut out).unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().starts_with("cannot encode forms.Form as JSON: "), "{status}");

    // Few and shallow ones are fine.
    let mut form = Form::default().with_nick("inmost");
    for _ in 0..4 {
        form = Form::default().with_details([any(&form, "forms.Form")]);
    }
    let text = encode(&form);
    assert_eq!(decode(&text).unwrap(), form);
}

#[test]
fn messages_that_take_far_more_memory_than_bytes_are_resource_exhausted() {
    let (limit, within) = (4 << 20, 1 << 10);
    for (open, element, close) in [
        (r#"{"children":["#, "{}", "]}"),
        (r#"{"children":["#, r#"{"child":{}}"#, "]}"),
        (r#"{"notes":{"k":["#, r#"{"a":1}"#, "]}}"),
        (r#"{"details":[{"@type":"type.googleapis.com/forms.Form","children":["#, "{}", "]}]}"),
    ] {
        let of = |count: usize| format!("{open}{}{close}", vec![element; count].join(","));
        let (code, message) = refused(&of(limit / (element.len() + 1)));
        assert_eq!(code, Code::ResourceExhausted, "{element}: {message}");
        assert!(message.contains("memory"), "{message}");
        decode(&of(within)).unwrap();
    }
    // What is large on the wire as well is not meant: a list of numbers, text.
    decode(&format!(r#"{{"numbers":[{}]}}"#, vec!["12"; 1_300_000].join(","))).unwrap();
    decode(&format!(r#"{{"fullName":"{}"}}"#, "x".repeat(4 << 20))).unwrap();
}

#[test]
fn the_limits_of_a_call_are_those_of_its_views() {
    static VIEWS: JsonView<Form> = JsonView::new(&JSON);
    let mut limits = DecodeLimits::default();
    limits.max_depth = 110;
    let body = Bytes::from(nested(r#"{"child":"#, "}", 105));
    let _: Form = JSON.decode(body.clone(), &limits).unwrap();
    assert!(VIEWS.decode(body, &limits).unwrap().view().child.is_set());
}

/// Messages are serde's as well: whoever reads one without the codec has the default limits within an `Any`.
#[test]
fn an_any_is_read_by_serde_alone_too() {
    let text = r#"{"details":[{"@type":"type.googleapis.com/parts.Part","number":3}]}"#;
    let form = decode(text).unwrap();
    assert_eq!(serde_json::from_str::<Form>(text).unwrap(), form);
    let any = r#"{"@type":"type.googleapis.com/google.protobuf.Any","value":"#;
    let deep = format!(r#"{{"details":[{}]}}"#, nested(any, "}", 10_000));
    assert!(serde_json::from_str::<Form>(&deep).is_err());
}

#[test]
fn what_has_no_json_form_is_internal() {
    let far = Timestamp { seconds: i64::MAX, ..Default::default() };
    let mut out = EncodeBuffer::new();
    let status = JSON.encode(&Form::default().with_at(far), &mut out).unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert!(status.message().starts_with("cannot encode forms.Form as JSON: "), "{status}");

    // Neither has a path of a field mask in capitals, and a peer chose it.
    let mask = FieldMask { paths: vec!["X".repeat(1 << 20)], ..Default::default() };
    let status = JSON.encode(&Form::default().with_mask(mask), &mut EncodeBuffer::new()).unwrap_err();
    assert!(status.code() == Code::Internal && status.message().len() < 600, "{} bytes", status.message().len());
}

#[test]
fn lists_of_values_are_values() {
    let list = ListValue::default();
    check(
        &Form::default()
            .with_details([any(&list, "google.protobuf.ListValue"), any(&Struct::default(), "google.protobuf.Struct")]),
        r#"{"details":[{"@type":"type.googleapis.com/google.protobuf.ListValue","value":[]},{"@type":"type.googleapis.com/google.protobuf.Struct","value":{}}]}"#,
    );
}
