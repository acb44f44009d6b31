//! Writes `fuzz/seeds/`: a few inputs a target that already go deep. Run it when the meaning of an input's bytes
//! changes: `cargo run --manifest-path fuzz/Cargo.toml --example seeds`.

use std::io::Result;
use std::path::Path;

fn main() -> Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    for (target, name, bytes) in texts().into_iter().chain(compressed()).chain(blocks()).chain(wires()).chain(steps()) {
        let folder = folder.join(target);
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}

type Seed = (&'static str, &'static str, Vec<u8>);

/// A field of each kind that JSON writes in a way of its own.
const FORM: &[u8] = br#"{"fullName":"x","large":"-5","larger":6,"seal":"+/8=","weight":"NaN","isValid":true,"color":
    "COLOR_RED","numbers":[1,2],"byName":{"a":"1"},"byNumber":{"-5":{"number":1}},"nick":"","at":"2017-07-14T02:40:00.12Z",
    "took":"-1.5s","notes":{"k":[null,{}]},"maybe":"7","mask":"fullName,a.bC","coordinate":1.5e3}"#;

/// Messages within `Any`s.
const ANY: &[u8] = br#"{"details":[{"@type":"type.googleapis.com/parts.Part","number":3},{"value":"2s","@type":
    "type.googleapis.com/google.protobuf.Duration"},{"@type":"a/b","value":"AA=="}]}"#;

/// A `google.rpc.BadRequest` in a `google.rpc.Status`.
const VIOLATION: &[u8] = b"\x08\x03\x12\x02no\x1a\x3c\x0a\x29type.googleapis.com/google.rpc.BadRequest\x12\x0f\x0a\x0d\x0a\x04name\x12\x05empty";

/// Values of headers, and bodies.
fn texts() -> Vec<Seed> {
    vec![
        ("timeout", "milliseconds", b"200m".to_vec()),
        ("timeout", "longest", b"99999999H".to_vec()),
        ("timeout", "zero", b"0n".to_vec()),
        ("message", "plain", b"no such user".to_vec()),
        ("message", "escaped", b"100 %25 sure %E2%98%83".to_vec()),
        ("message", "broken", b"%zz %e2%98 %".to_vec()),
        ("binary", "padded", b"AA==".to_vec()),
        ("binary", "joined", b"AQID, BAUG,,AQI".to_vec()),
        ("envelope", "two", b"\x0b\xe8\x03\x00\x00\x02\x03\x03\x07\x00\0\0\0\0\x05hello\x01\0\0\0\x03you".to_vec()),
        ("envelope", "refused", b"\x04\x04\x01\x01\x00\0\0\0\0\x05hello".to_vec()),
        ("json", "scalars", FORM.to_vec()),
        ("json", "any", ANY.to_vec()),
        ("json", "nested", br#"{"child":{"children":[{},{"part":{"number":1}}],"value":[1,"a",null]}}"#.to_vec()),
        ("details", "violation", VIOLATION.to_vec()),
        (
            "details",
            "delay",
            b"\x1a\x30\x0a\x28type.googleapis.com/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x05".to_vec(),
        ),
        ("metadata", "known", b"\x11hello\x21AAECAwQFBg\x02\x13cook=".to_vec()),
        ("metadata", "own", b"\x1cx-own-hello\x3aa-bAQIDBAUGBwgJ".to_vec()),
    ]
}

/// Bodies that each algorithm has written; a limit of 70000 bytes in front.
fn compressed() -> Vec<Seed> {
    let text = b"it was the best of times, it was the worst of times".repeat(20);
    let seed = |index: u8, algorithm: &std::sync::Arc<dyn halloo_core::Compression>| {
        let mut bytes = vec![index, 17, 0x70, 0x11, 1, 0];
        algorithm.compress(&text, &mut bytes).expect("it compresses everything");
        ("decompress", algorithm.name(), bytes)
    };
    (0..).zip(&halloo_call::built_in_compressions()).map(|(index, algorithm)| seed(index, algorithm)).collect()
}

/// Header blocks: the examples of RFC 7541, appendix C.
fn blocks() -> Vec<Seed> {
    let literal: [&[u8]; 3] = [
        b"\x82\x86\x84\x41\x0fwww.example.com",
        b"\x82\x86\x84\xbe\x58\x08no-cache",
        b"\x82\x87\x85\xbf\x40\x0acustom-key\x0ccustom-value",
    ];
    let huffman: [&[u8]; 3] = [
        b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff",
        b"\x82\x86\x84\xbe\x58\x86\xa8\xeb\x10\x64\x9c\xbf",
        b"\x82\x87\x85\xbf\x40\x88\x25\xa8\x49\xe9\x5b\xa9\x7d\x7f\x89\x25\xa8\x49\xe9\x5b\xb8\xe8\xb4\xbf",
    ];
    let decode = |blocks: &[&[u8]]| {
        let mut bytes = vec![0];
        blocks.iter().for_each(|block| bytes.extend([&[0, block.len() as u8], *block].concat()));
        bytes
    };
    let mut ours = vec![0];
    for shape in [0x0c, 0x0d, 0x0c, 0x1e, 0x0c] {
        ours.extend([3, shape]);
        ours.extend(b"\x28abcde\x29/s/m9\x2atoken\x2f-n1valu");
    }
    ours.extend(b"\x02\x07\x40\x03\x0c\x28abcde\x02\x00\x03\x0c\x28abcde");
    vec![
        ("hpack", "literal", decode(&literal)),
        ("hpack", "huffman", decode(&huffman)),
        ("hpack", "sizes", decode(&[b"\x3f\x00\x82", b"\x20\x3f\xe1\x1f\x40\x01a\x01b", b"\xbe"])),
        ("hpack", "ours", ours),
    ]
}

/// Whole conversations as one side sends them.
fn wires() -> Vec<Seed> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const REQUEST: &[u8] = b"\x83\x86\x84\x41\x01x\x40\x02te\x08trailers";
    let open = [PREFACE, &frame(4, 0, 0, b"\0\x03\0\0\0\x64\0\x04\0\0\xff\xff"), &frame(4, 1, 0, b"")].concat();
    let unary = [
        frame(1, 4, 1, REQUEST),
        frame(0, 1, 1, b"\0\0\0\0\x05hello"),
        frame(8, 0, 0, &[0, 0, 4, 0]),
        frame(1, 4, 3, b"\x83\x86\x84\xbf\xbe"),
        frame(0, 8, 3, b"\x03padded\0\0\0"),
        frame(1, 5, 3, b"\x40\x01a\x01b"),
        frame(6, 0, 0, b"pingpong"),
    ];
    let continued = [
        frame(1, 1, 1, &REQUEST[..5]),
        frame(9, 0, 1, &REQUEST[5..9]),
        frame(9, 4, 1, &REQUEST[9..]),
        frame(1, 0x24, 3, &[b"\0\0\0\x01\x10", REQUEST].concat()),
        frame(3, 0, 3, &[0, 0, 0, 8]),
        frame(2, 0, 5, &[0, 0, 0, 1, 16]),
        frame(7, 0, 0, &[0; 8]),
    ];
    let answers = [
        frame(4, 0, 0, b"\0\x03\0\0\0\x64"),
        frame(4, 1, 0, b""),
        frame(1, 4, 1, b"\x08\x03103"),
        frame(1, 4, 1, b"\x88\x5f\x10application/grpc"),
        frame(0, 0, 1, b"\0\0\0\0\x05hello"),
        frame(1, 5, 1, b"\x40\x0bgrpc-status\x010"),
        frame(3, 0, 3, &[0, 0, 0, 7]),
        frame(7, 0, 0, b"\0\0\0\x05\0\0\0\0bye"),
    ];
    let with = |head: &[u8], frames: &[Vec<u8>]| [head, &frames.concat()].concat();
    vec![
        ("wire", "unary", with(&[&[0, 0, 7, 0], &open[..]].concat(), &unary)),
        ("wire", "continued", with(&[&[0, 0, 50, 0], &open[..]].concat(), &continued)),
        ("wire", "tight", with(&[0, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], &unary)),
        ("wire", "answers", with(&[1, 0, 9, 0], &answers)),
    ]
}

fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    [&[0, 0, payload.len() as u8, kind, flags, 0, 0, 0, stream], payload].concat()
}

/// Inputs that are read as steps; see `src/frames.rs` and `src/pair/steps.rs` for what the numbers mean.
fn steps() -> Vec<Seed> {
    let frames = |role: u8| {
        let mut bytes = vec![role, 0];
        // Requests or responses, a head, DATA both ways, padded too, and credit.
        bytes.extend([16, 0, 0, 16, 0, 1, 0, 2 * role, 0, 2 * role, 16, 2, 0, 4, 0, 0, 14, 0x10, 0x27, 0, 0]);
        bytes.extend([
            4, 2, 1, 5, 20, 77, 16, 4, 17, 0xff, 0xff, 0, 0, 0, 7, 1, 17, 0, 0, 1, 0, 7, 0, 0, 17, 0, 0, 1, 0,
        ]);
        // Some of the output, all of it, a flood, SETTINGS, trailers, a reset, and a pause.
        bytes.extend([13, 10, 0, 2, 0, 0, 14, 16, 9, 17, 0xff, 0xff, 0, 0, 0, 10, 50, 6, 2, 4, 2, 100, 3, 2, 9]);
        bytes.extend([0, 0x25, 0, 8, 1, 8, 16, 7, 1, 16, 11, 0, 12, 9, 14]);
        bytes
    };
    let pair = |head: &[u8]| {
        let mut bytes = head.to_vec();
        for round in 0..6 {
            // Two calls, a head, DATA both ways, a little of the wire, reading and releasing, then ends.
            bytes.extend([0, 200, 1, 0, 7, 5, 1, 200, 0, 7, 16, 0, 0, 0, 23, 0, 0, 0, 25, 0, 5]);
            bytes.extend([13, 0, 16, 0x10, 0x27, 0, 0, 255, 20, 0, 16, 0x10, 0x27, 0, 0, 255, 4, 12, 0, 8, 0, 0]);
            bytes.extend([18, 0, 10, 200, 1, 0, 0, 26, 0, 9, 100, 0, 0, 0, 9, round, 10, round, 3, round]);
            bytes.extend([14, round % 2, 7, 50, 10, 21, round % 2, 7, 50, 10, 17, 1, 24, 1, 7, 25, 0, 9, 8, 5]);
            bytes.extend([19, round % 3, 70, round, 27, round % 4, 70, round, 11]);
        }
        bytes
    };
    // A window of 300 bytes, used up by padding alone.
    let padded = b"\0\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\x04\x02\0\0\xff\x0e".to_vec();
    vec![
        ("frames", "padded", padded),
        ("frames", "server", frames(0)),
        ("frames", "client", frames(1)),
        ("pair_server", "calls", pair(&[0, 0, 0, 0, 0, 0, 0])),
        ("pair_server", "tight", pair(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0])),
        ("pair_client", "calls", pair(&[0, 0, 0, 0, 0, 0, 0])),
        ("pair_client", "tight", pair(&[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1])),
    ]
}
