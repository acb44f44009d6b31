//! Header blocks to metadata: what a server's engine lets through becomes metadata or an error, and metadata that is
//! sent as header fields comes back as it was.

use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use halloo_core::Metadata;
use halloo_http2::{Config, Connection, End, Event, HeaderList};

use crate::fields::{REQUEST, fields_of};
use crate::input::Input;

const NAMES: [&str; 8] = ["x", "trace-bin", "authorization", "cookie", "grpc-status", "te", "X-Upper", "-bin"];

/// Runs one input: fields, each with a name of the list or its own, and a value.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let mut fields = fields_of(&REQUEST);
    for _ in 0..100 {
        if input.is_empty() {
            break;
        }
        let shape = input.byte();
        let name = match usize::from(shape & 15) {
            own @ 8.. => input.bytes(own - 7),
            known => NAMES[known].as_bytes(),
        };
        let len = usize::from(shape >> 4) * 5;
        fields.push(name, input.bytes(len));
    }
    let Some(received) = carry(&fields) else { return };
    let Some(metadata) = read(&received) else { return };
    let mut again = fields_of(&REQUEST);
    for (name, value) in metadata.wire_iter() {
        again.push(name.as_bytes(), &value);
    }
    let received = carry(&again).expect("what we send is valid");
    assert_eq!(read(&received), Some(metadata), "what we send comes back");
}

/// Carries a request's fields from a client to a server; nothing if the server refuses them.
fn carry(fields: &HeaderList) -> Option<HeaderList> {
    let now = Instant::now();
    let (mut client, mut server) =
        (Connection::client(Config::default(), now), Connection::server(Config::default(), now));
    client.send_request(None, fields, End::Stream).ok()?;
    let mut wire = BytesMut::new();
    let out = client.poll_transmit(now);
    while out.has_remaining() {
        let len = out.chunk().len();
        wire.extend_from_slice(out.chunk());
        out.advance(len);
    }
    server.handle_input(now, &mut wire);
    std::iter::from_fn(|| server.poll_event()).find_map(|event| match event {
        Event::Headers { fields, .. } => Some(HeaderList::clone(&fields)),
        _ => None,
    })
}

/// As the transport reads a block: what the protocol itself uses is left out; nothing if a value is malformed.
fn read(fields: &HeaderList) -> Option<Metadata> {
    let mut metadata = Metadata::new();
    for field in fields.iter().filter(|field| !Metadata::is_reserved(field.name)) {
        metadata.push_wire(field.name, Bytes::copy_from_slice(field.value)).ok()?;
    }
    for (key, _) in metadata.iter() {
        assert!(metadata.contains(key) && !Metadata::is_reserved(key.as_bytes()));
    }
    Some(metadata)
}
