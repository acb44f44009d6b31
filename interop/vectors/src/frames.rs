//! Single frames: what our reader finds in legal ones, and what the engine answers to the others.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::Instant;

use bytes::{Buf, BytesMut};
use halloo_http2::testing::{Payload, read_frame};
use halloo_http2::{Config, Connection, End, HeaderList};
use serde_json::Value;

use crate::stories::{hex, json_files, list, read_json};

/// As many as the archive has: less would be a broken copy of it.
const LEGAL: usize = 12;
const ERRORS: usize = 22;

/// The types whose codes are errors here, by RFC 9113 section 6.
const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;

pub(crate) struct Count {
    legal: usize,
    errors: usize,
}

/// Checks every frame below `folder`.
pub(crate) fn check(folder: &Path) -> Result<Count, Box<dyn Error>> {
    let mut count = Count { legal: 0, errors: 0 };
    for path in json_files(folder)? {
        let case = read_json(&path)?;
        let Some(wire) = case["wire"].as_str().and_then(hex) else { continue };
        let name = path.strip_prefix(folder)?.display();
        if case["error"].is_null() {
            check_legal(&wire, &case["frame"]).map_err(|fault| format!("{name}: {fault}"))?;
            count.legal += 1;
        } else {
            check_error(&wire, &case["error"]).map_err(|fault| format!("{name}: {fault}"))?;
            count.errors += 1;
        }
    }
    if (count.legal, count.errors) < (LEGAL, ERRORS) {
        return Err(format!("there are {count}; at least {LEGAL} and {ERRORS} were expected").into());
    }
    Ok(count)
}

fn check_legal(wire: &[u8], wanted: &Value) -> Result<(), String> {
    let frame = read_frame(wire).ok_or("not read at all")?;
    let head = [frame.len as u64, frame.kind.into(), frame.flags.into(), frame.stream.into()];
    let wanted_head = ["length", "type", "flags", "stream_identifier"].map(|name| wanted[name].as_u64().unwrap_or(!0));
    if head != wanted_head {
        return Err(format!("the head is {head:?} and not {wanted_head:?}"));
    }
    let payload = &wanted["frame_payload"];
    match wanted_payload(frame.kind, payload) {
        Some(wanted) if frame.payload == wanted => Ok(()),
        wanted => Err(format!("the payload is {:?} and not {wanted:?}", frame.payload)),
    }
}

fn wanted_payload(kind: u8, payload: &Value) -> Option<Payload<'_>> {
    let text = |name: &str| payload[name].as_str().map(str::as_bytes);
    let number = |name: &str| payload[name].as_u64().map(|number| number as u32);
    Some(match kind {
        0 => Payload::Data(text("data")?),
        1 => Payload::Headers { depends_on: number("stream_dependency"), fragment: text("header_block_fragment")? },
        2 => Payload::Priority(number("stream_dependency")?),
        3 => Payload::Reset(number("error_code")?),
        4 => Payload::Settings(list(&payload["settings"]).map(setting).collect::<Option<_>>()?),
        5 => Payload::Unread,
        6 => Payload::Ping(text("opaque_data")?.try_into().ok()?),
        7 => Payload::GoAway {
            last_id: number("last_stream_id")?,
            code: number("error_code")?,
            debug: text("additional_debug_data").unwrap_or_default(),
        },
        8 => Payload::WindowUpdate(number("window_size_increment")?),
        9 => Payload::Continuation(text("header_block_fragment")?),
        _ => return None,
    })
}

fn setting(entry: &Value) -> Option<(u16, u32)> {
    Some((entry[0].as_u64()? as u16, entry[1].as_u64()? as u32))
}

/// The frame reaches a client and a server, each with stream 1 open; both have to answer with one of the codes.
fn check_error(wire: &[u8], codes: &Value) -> Result<(), String> {
    let wanted: Vec<u64> = list(codes).filter_map(Value::as_u64).collect();
    for mut engine in [client(), server()] {
        // A frame that is larger than allowed is refused before its end, which these files do not have.
        engine.handle_input(Instant::now(), &mut BytesMut::from(wire));
        let answers = errors(&sent(&mut engine));
        if !answers.iter().any(|code| wanted.contains(code)) {
            return Err(format!("the errors are {answers:?} and not one of {wanted:?}; {engine:?}"));
        }
    }
    Ok(())
}

fn client() -> Connection {
    let mut client = Connection::client(Config::default(), Instant::now());
    receive(&mut client, SETTINGS);
    client.send_request(None, &request(), End::Open).expect("a server without a limit");
    sent(&mut client);
    client
}

fn server() -> Connection {
    let mut client = client_hello();
    let mut server = Connection::server(Config::default(), Instant::now());
    server.handle_input(Instant::now(), &mut client);
    while server.poll_event().is_some() {}
    sent(&mut server);
    server
}

/// SETTINGS without entries, and their acknowledgement.
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0];

fn client_hello() -> BytesMut {
    let mut client = Connection::client(Config::default(), Instant::now());
    client.send_request(None, &request(), End::Open).expect("a server may be asked at once");
    BytesMut::from(&sent(&mut client)[..])
}

fn request() -> HeaderList {
    let mut fields = HeaderList::new();
    for (name, value) in [(":method", "POST"), (":scheme", "http"), (":path", "/")] {
        fields.push(name.as_bytes(), value.as_bytes());
    }
    fields
}

fn receive(engine: &mut Connection, bytes: &[u8]) {
    engine.handle_input(Instant::now(), &mut BytesMut::from(bytes));
    while engine.poll_event().is_some() {}
}

fn sent(engine: &mut Connection) -> Vec<u8> {
    let output = engine.poll_transmit(Instant::now());
    output.copy_to_bytes(output.remaining()).to_vec()
}

/// The codes of RST_STREAM and GOAWAY frames.
fn errors(mut wire: &[u8]) -> Vec<u64> {
    let mut codes = Vec::new();
    while let [l0, l1, l2, kind, _flags, _, _, _, _, rest @ ..] = wire {
        let (payload, after) = rest.split_at(u32::from_be_bytes([0, *l0, *l1, *l2]) as usize);
        let at = match *kind {
            RST_STREAM => Some(0),
            GOAWAY => Some(4),
            _ => None,
        };
        let code = at.and_then(|at| payload.get(at..)?.first_chunk());
        codes.extend(code.map(|code| u64::from(u32::from_be_bytes(*code))));
        wire = after;
    }
    codes
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} legal and {} errors, which client and server answer", self.legal, self.errors)
    }
}
