//! Messages from JSON: whatever the text is, it is read or refused, and what was read can be written and read again.

use bytes::Bytes;
use halloo::codec::{Codec, DecodeLimits, EncodeBuffer};
use halloo::protobuf::{Json, Message};

use proto::forms::Form;

mod proto {
    halloo::include_protos!();
}

static JSON: Json = Json::new(&[proto::forms::register_types, proto::parts::register_types]);

/// Runs one input: the text of a message with every kind of field, and the same bytes as protobuf's.
pub fn run(data: &[u8]) {
    let limits = DecodeLimits::default();
    match JSON.decode(Bytes::copy_from_slice(data), &limits) {
        Ok(form) => check(&form),
        Err(status) => assert!(status.message().len() < 1000, "{status}"),
    }
    // What came in protobuf's own form may have none in JSON.
    if let Ok(form) = Form::decode(&mut &data[..]) {
        check(&form);
    }
}

fn check(form: &Form) {
    let Some(text) = write(form) else { return };
    let again = JSON.decode(text.clone(), &DecodeLimits::default());
    let again: Form = again.unwrap_or_else(|status| panic!("{status}\nin {}", String::from_utf8_lossy(&text)));
    // Maps have no order, and what is no number equals nothing, so texts are compared by their length.
    assert_eq!(write(&again).map(|text| text.len()), Some(text.len()), "{}", String::from_utf8_lossy(&text));
}

fn write(form: &Form) -> Option<Bytes> {
    let mut out = EncodeBuffer::new();
    JSON.encode(form, &mut out).ok()?;
    Some(out.take_bytes())
}
