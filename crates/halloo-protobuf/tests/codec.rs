//! The codec against messages from the well-known types and against hand-made bytes.

use buffa::Message as _;
use bytes::Bytes;
use halloo_core::{Code, Codec, DecodeLimits, EncodeBuffer};
use halloo_protobuf::well_known::{Any, FieldMask, ListValue, StringValue, Value};
use halloo_protobuf::{Protobuf, ProtobufView};

fn encode<M>(codec: &dyn Codec<M>, message: &M) -> Vec<Bytes> {
    let mut buffer = EncodeBuffer::new();
    codec.encode(message, &mut buffer).expect("the message can be encoded");
    buffer.take_segments()
}

fn text(value: &str) -> StringValue {
    StringValue { value: value.to_owned(), ..Default::default() }
}

#[test]
fn a_message_comes_back() {
    let segments = encode(&Protobuf, &text("hello"));
    assert_eq!(segments, [Bytes::from_static(b"\x0a\x05hello")]);
    let back: StringValue = Protobuf.decode(segments[0].clone(), &DecodeLimits::default()).unwrap();
    assert_eq!(back.value, "hello");
}

#[test]
fn messages_append_to_what_the_buffer_holds() {
    let mut buffer = EncodeBuffer::new();
    let mark = buffer.begin_envelope();
    Protobuf.encode(&text("a"), &mut buffer).unwrap();
    assert_eq!(buffer.end_envelope(mark, false), 3);
    assert_eq!(buffer.take_bytes(), b"\0\0\0\0\x03\x0a\x01a".as_slice());
}

#[test]
fn large_shared_bytes_are_not_copied() {
    let payload = Bytes::from(vec![7; 100_000]);
    let message = Any { type_url: "t".to_owned(), value: payload.clone(), ..Default::default() };
    let segments = encode(&Protobuf, &message);
    assert!(segments.iter().any(|segment| segment.as_ptr() == payload.as_ptr()), "the payload is one of the segments");
    assert_eq!(segments.concat(), message.encode_to_vec());
}

#[test]
fn large_owned_text_is_written_whole() {
    let message = text(&"x".repeat(300_000));
    assert_eq!(encode(&Protobuf, &message).concat(), message.encode_to_vec());
}

#[test]
fn a_broken_message_names_its_type_and_the_cause() {
    let result: Result<StringValue, _> = Protobuf.decode(Bytes::from_static(b"\x0a\x05hi"), &DecodeLimits::default());
    let status = result.expect_err("the text is cut short");
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(status.message(), "cannot decode google.protobuf.StringValue: unexpected end of buffer");
}

#[test]
fn depth_is_limited() {
    let mut value = Value::default();
    for _ in 0..60 {
        value = Value::from(ListValue { values: vec![value], ..Default::default() });
    }
    let bytes = Bytes::from(value.encode_to_vec());
    let status = Codec::<Value>::decode(&Protobuf, bytes.clone(), &DecodeLimits::default()).expect_err("121 levels");
    assert_eq!(status.message(), "cannot decode google.protobuf.Value: recursion limit exceeded");
    let mut limits = DecodeLimits::default();
    limits.max_depth = 200;
    assert!(Codec::<Value>::decode(&Protobuf, bytes, &limits).is_ok());
}

#[test]
fn small_elements_may_fill_a_message_but_not_the_memory() {
    // 2 bytes on the wire, 24 in memory: a 4 MiB message of empty strings is legal and takes 48 MiB.
    let strings = Bytes::from([0x0a, 0].repeat(2 * 1024 * 1024));
    let mask: FieldMask = Protobuf.decode(strings, &DecodeLimits::default()).unwrap();
    assert_eq!(mask.paths.len(), 2 * 1024 * 1024);
    // As many empty messages would take far more.
    let values = Bytes::from([0x0a, 0].repeat(2 * 1024 * 1024));
    let status = Codec::<ListValue>::decode(&Protobuf, values, &DecodeLimits::default()).expect_err("over 64 MiB");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.message(), "cannot decode google.protobuf.ListValue: element memory limit exceeded");
}

#[test]
fn views_borrow_and_pass_on_what_was_received() {
    let codec = ProtobufView::<StringValue>::CODEC;
    let body = Bytes::from_static(b"\x0a\x05hello");
    let view = codec.decode(body.clone(), &DecodeLimits::default()).unwrap();
    assert_eq!(view.value(), "hello");
    assert_eq!(view.value().as_ptr(), body[2..].as_ptr());
    assert_eq!(encode(&codec, &view).concat(), body);
    let status = codec.decode(Bytes::from_static(b"\x0a\x01\xff"), &DecodeLimits::default()).expect_err("not UTF-8");
    assert_eq!(status.message(), "cannot decode google.protobuf.StringValue: invalid UTF-8 in string field");
    assert_eq!(format!("{codec:?}"), r#"ProtobufView("google.protobuf.StringValue")"#);
}
