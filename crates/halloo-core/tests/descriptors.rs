//! Constants as generated code writes them, codecs behind them, and what else a call carries.

use std::path::PathBuf;

use bytes::Bytes;
use halloo_core::{
    Codec, Codecs, DecodeLimits, EncodeBuffer, Extensions, Idempotency, Method, MethodDescriptor, MethodKind,
    MethodRef, Peer, PeerAddress, SecurityLevel, ServiceDescriptor, Status,
};

struct Text;

impl Codec<String> for Text {
    fn subtype(&self) -> &'static str {
        "text"
    }

    fn encode(&self, message: &String, out: &mut EncodeBuffer) -> Result<(), Status> {
        out.put_slice(message.as_bytes());
        Ok(())
    }

    fn decode(&self, body: Bytes, limits: &DecodeLimits) -> Result<String, Status> {
        if body.len() > limits.max_message_bytes {
            return Err(Status::resource_exhausted("too long"));
        }
        String::from_utf8(body.into()).map_err(|error| Status::internal("bad").caused_by(error))
    }
}

struct Reversed;

impl Codec<String> for Reversed {
    fn subtype(&self) -> &'static str {
        "reversed"
    }

    fn encode(&self, message: &String, out: &mut EncodeBuffer) -> Result<(), Status> {
        out.put_slice(message.chars().rev().collect::<String>().as_bytes());
        Ok(())
    }

    fn decode(&self, body: Bytes, limits: &DecodeLimits) -> Result<String, Status> {
        Text.decode(body, limits).map(|text| text.chars().rev().collect())
    }
}

static GREETER: ServiceDescriptor = ServiceDescriptor::new(
    "greeter.Greeter",
    &[
        MethodDescriptor::new("greeter.Greeter", "SayHello", "/greeter.Greeter/SayHello", MethodKind::Unary)
            .idempotency(Idempotency::NoSideEffects),
        MethodDescriptor::new("greeter.Greeter", "Chat", "/greeter.Greeter/Chat", MethodKind::BidiStreaming),
    ],
    b"\x0a\x00",
);

static SAY_HELLO: Method<String, String> =
    Method::new(&GREETER.methods()[0], Codecs::new(&[&Text, &Reversed]), Codecs::new(&[&Text]));

#[test]
fn descriptors_are_constants() {
    assert_eq!(GREETER.name(), "greeter.Greeter");
    assert_eq!(GREETER.file_descriptor_set(), b"\x0a\x00");
    let [say_hello, chat] = GREETER.methods() else { panic!("two methods") };
    assert_eq!(say_hello.service(), "greeter.Greeter");
    assert_eq!(say_hello.name(), "SayHello");
    assert_eq!(say_hello.path(), "/greeter.Greeter/SayHello");
    assert_eq!(say_hello.full_name(), "greeter.Greeter/SayHello");
    assert_eq!(say_hello.kind(), MethodKind::Unary);
    assert_eq!(say_hello.idempotency_level(), Idempotency::NoSideEffects);
    assert_eq!(chat.idempotency_level(), Idempotency::Unknown);
    assert_eq!(SAY_HELLO.method().name(), "SayHello");
    assert!(std::ptr::eq(SAY_HELLO.method().descriptor().unwrap(), say_hello));
    assert_eq!(SAY_HELLO.method().address(), MethodRef::from(say_hello).address());
    let learned = MethodRef::learned(say_hello.service(), say_hello.name(), say_hello.kind());
    for method in [SAY_HELLO.method(), &learned] {
        let parts = [method.service(), method.name(), method.path(), method.full_name()];
        let expected = [say_hello.service(), say_hello.name(), say_hello.path(), say_hello.full_name()];
        assert_eq!((parts, method.kind()), (expected, say_hello.kind()));
    }
    assert!(learned.descriptor().is_none());
    assert_eq!(learned.address(), learned.clone().address());
}

#[test]
fn kinds_say_which_side_streams() {
    for (kind, requests, replies) in [
        (MethodKind::Unary, false, false),
        (MethodKind::ServerStreaming, false, true),
        (MethodKind::ClientStreaming, true, false),
        (MethodKind::BidiStreaming, true, true),
    ] {
        assert_eq!((kind.streams_requests(), kind.streams_replies()), (requests, replies));
    }
}

#[test]
fn a_path_has_to_fit_its_method() {
    for (service, name, path) in [
        ("a.B", "C", "a.B/C"),
        ("a.B", "C", "/a.B/D"),
        ("a.B", "C", "/a.B/CC"),
        ("a.B", "C", "/a.X/C"),
        ("a.B", "C", "/a.B.C"),
        ("a.B", "C", ""),
    ] {
        let made = std::panic::catch_unwind(|| MethodDescriptor::new(service, name, path, MethodKind::Unary));
        assert!(made.is_err(), "{path}");
    }
    MethodDescriptor::new("B", "C", "/B/C", MethodKind::Unary);
}

#[test]
fn codecs_are_found_by_subtype() {
    let codecs = SAY_HELLO.request();
    assert_eq!(codecs.default().subtype(), "text");
    assert_eq!(codecs.names().collect::<Vec<_>>(), ["text", "reversed"]);
    assert_eq!(codecs.find("Reversed").map(Codec::subtype), Some("reversed"));
    assert!(codecs.find("proto").is_none());
    assert_eq!(format!("{codecs:?}"), r#"["text", "reversed"]"#);
    assert_eq!(format!("{:?}", SAY_HELLO.reply()), r#"["text"]"#);
}

#[test]
fn codecs_write_and_read() {
    let limits = DecodeLimits::new(5);
    for codec in [SAY_HELLO.request().default(), SAY_HELLO.request().find("reversed").unwrap()] {
        let mut buffer = EncodeBuffer::new();
        codec.encode(&"hello".to_owned(), &mut buffer).unwrap();
        assert_eq!(codec.decode(buffer.take_bytes(), &limits).unwrap(), "hello");
        assert!(codec.decode(Bytes::from_static(b"hello!"), &limits).is_err());
    }
    assert_eq!(DecodeLimits::default().max_message_bytes, 4_194_304);
    assert_eq!(DecodeLimits::default().max_depth, 100);
}

#[test]
fn extensions_keep_one_value_a_type() {
    let mut extensions = Extensions::new();
    assert!(extensions.is_empty() && extensions.get::<u32>().is_none());
    assert_eq!(extensions.insert(1_u32), None);
    assert_eq!(extensions.insert(2_u32), Some(1));
    assert_eq!(extensions.insert("text"), None);
    assert_eq!(extensions.len(), 2);
    assert!(extensions.contains::<&str>());
    if let Some(number) = extensions.get_mut::<u32>() {
        *number += 1;
    }
    assert_eq!(extensions.get::<u32>(), Some(&3));
    assert_eq!(extensions.remove::<u32>(), Some(3));
    assert_eq!(extensions.remove::<u32>(), None);
    assert_eq!(extensions.get::<&str>(), Some(&"text"));
    assert_eq!(format!("{extensions:?}"), "Extensions { len: 1, .. }");
}

#[test]
fn peers_name_their_address_and_security() {
    let v6 = Peer::tcp("[::1]:50051".parse().unwrap());
    assert_eq!(v6.address.to_string(), "[::1]:50051");
    assert_eq!(v6.security, SecurityLevel::None);
    let unix = Peer::unix(Some(PathBuf::from("/run/greeter.sock")));
    assert_eq!(unix.address.to_string(), "unix:/run/greeter.sock");
    assert_eq!(unix.security, SecurityLevel::PrivacyAndIntegrity);
    assert_eq!(Peer::unix(None).address.to_string(), "unix:");
    assert_eq!(Peer::in_process().address.to_string(), "in-process");
    assert_eq!(Peer::in_process().address, PeerAddress::InProcess);
    assert!(SecurityLevel::None < SecurityLevel::IntegrityOnly);
    assert!(SecurityLevel::IntegrityOnly < SecurityLevel::PrivacyAndIntegrity);
}
