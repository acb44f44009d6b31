//! Frames as text and bytes: an independent reading of RFC 9113 section 6 for the raw peer.

use std::fmt::Write as _;

/// A frame cut from the engine's output or made from a script line.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

const KINDS: [&str; 10] = [
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
    "CONTINUATION",
];

const CODES: [&str; 14] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY",
    "HTTP_1_1_REQUIRED",
];

const REQUEST: [&str; 4] = [":method=POST", ":scheme=http", ":path=/s/m", "te=trailers"];

impl Frame {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = (self.payload.len() as u32).to_be_bytes()[1..].to_vec();
        bytes.extend([self.kind, self.flags]);
        bytes.extend(self.stream.to_be_bytes());
        bytes.extend(&self.payload);
        bytes
    }

    /// Cuts one frame off the front.
    pub(crate) fn cut(bytes: &mut Vec<u8>) -> Option<Self> {
        let len = u32::from_be_bytes([0, *bytes.first()?, *bytes.get(1)?, *bytes.get(2)?]) as usize;
        if bytes.len() < 9 + len {
            return None;
        }
        let frame: Vec<u8> = bytes.drain(..9 + len).collect();
        let stream = u32::from_be_bytes([frame[5], frame[6], frame[7], frame[8]]);
        Some(Self { kind: frame[3], flags: frame[4], stream, payload: frame[9..].to_vec() })
    }

    /// Reads a line like `HEADERS 1 END_STREAM :status=200`, `DATA 1 5 PAD=3`, `RST_STREAM 1 CANCEL`,
    /// `SETTINGS 4=100`, `PING`, `WINDOW_UPDATE 0 10`, `GOAWAY 3 NO_ERROR`, `PRIORITY 3 1`, `FRAME 9 0 1 <hex>`.
    pub(crate) fn parse(line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words[0] == "FRAME" {
            return Self {
                kind: words[1].parse().unwrap(),
                flags: words[2].parse().unwrap(),
                stream: words[3].parse().unwrap(),
                payload: hex(words.get(4).copied().unwrap_or_default()),
            };
        }
        let kind = KINDS.iter().position(|kind| *kind == words[0]).expect("a frame type") as u8;
        let stream = match kind {
            4 | 6 | 7 => 0,
            _ => words[1].parse().expect("a stream id"),
        };
        let rest = if matches!(kind, 4 | 6 | 7) { &words[1..] } else { &words[2..] };
        let mut frame = Self { kind, flags: 0, stream, payload: Vec::new() };
        match kind {
            0 => frame.data(rest),
            1 | 9 => frame.headers(rest),
            2 => {
                frame.payload = rest[0].parse::<u32>().unwrap().to_be_bytes().to_vec();
                frame.payload.push(16);
            }
            3 => frame.payload = code(rest[0]).to_be_bytes().to_vec(),
            4 => frame.settings(rest),
            6 => {
                frame.flags = u8::from(rest.contains(&"ACK"));
                frame.payload = rest.iter().find(|word| word.len() == 8).unwrap_or(&"pingpong").as_bytes().to_vec();
            }
            7 => {
                frame.payload = rest[0].parse::<u32>().unwrap().to_be_bytes().to_vec();
                frame.payload.extend(code(rest[1]).to_be_bytes());
            }
            8 => frame.payload = rest[0].parse::<u32>().unwrap().to_be_bytes().to_vec(),
            _ => panic!("no script form for {line}"),
        }
        frame
    }

    fn data(&mut self, words: &[&str]) {
        self.payload = vec![b'x'; words[0].parse().expect("a length")];
        self.end_stream(words);
        self.pad(words);
    }

    fn headers(&mut self, words: &[&str]) {
        let mut fields: Vec<&str> = words.iter().copied().filter(|word| word.contains('=')).collect();
        fields.retain(|field| !field.starts_with("PAD=") && !field.starts_with("DEP="));
        if words.contains(&"REQUEST") {
            fields.splice(0..0, REQUEST);
        }
        if words.contains(&"RESPONSE") {
            fields.insert(0, ":status=200");
        }
        if let Some(dependency) = words.iter().find_map(|word| word.strip_prefix("DEP=")) {
            self.flags |= 0x20;
            self.payload.extend(dependency.parse::<u32>().unwrap().to_be_bytes());
            self.payload.push(0);
        }
        for field in fields {
            let (name, value) = field.split_at(1 + field[1..].find('=').expect("name=value"));
            literal(&mut self.payload, name.replace('_', " ").as_bytes(), value[1..].replace('_', " ").as_bytes());
        }
        if self.kind == 1 {
            self.end_stream(words);
        }
        if !words.contains(&"OPEN") {
            self.flags |= 0x4;
        }
        self.pad(words);
    }

    fn settings(&mut self, words: &[&str]) {
        self.flags = u8::from(words.contains(&"ACK"));
        for (name, value) in words.iter().filter_map(|word| word.split_once('=')) {
            self.payload.extend(name.parse::<u16>().unwrap().to_be_bytes());
            self.payload.extend(value.parse::<u32>().unwrap().to_be_bytes());
        }
    }

    fn end_stream(&mut self, words: &[&str]) {
        self.flags |= u8::from(words.contains(&"END_STREAM"));
    }

    fn pad(&mut self, words: &[&str]) {
        if let Some(padding) = words.iter().find_map(|word| word.strip_prefix("PAD=")) {
            let padding: u8 = padding.parse().unwrap();
            self.flags |= 0x8;
            self.payload.insert(0, padding);
            self.payload.extend(vec![0; padding as usize]);
        }
    }
}

/// The line of a frame that the engine sent.
impl std::fmt::Display for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut line = KINDS.get(self.kind as usize).map_or("UNKNOWN", |kind| kind).to_owned();
        if !matches!(self.kind, 4 | 6 | 7) {
            write!(line, " {}", self.stream)?;
        }
        let number = |at: usize| u32::from_be_bytes(self.payload[at..at + 4].try_into().unwrap());
        let ack = if self.flags & 1 != 0 { " ACK" } else { "" };
        match self.kind {
            0 => write!(line, " {}", self.payload.len())?,
            3 => write!(line, " {}", CODES[number(0) as usize])?,
            4 => {
                line.push_str(ack);
                for entry in self.payload.chunks(6) {
                    let value = u32::from_be_bytes(entry[2..].try_into().unwrap());
                    write!(line, " {}={value}", entry[1])?;
                }
            }
            6 => write!(line, "{ack} {}", String::from_utf8_lossy(&self.payload))?,
            7 => {
                let debug = String::from_utf8_lossy(&self.payload[8..]).into_owned();
                write!(line, " {} {} {debug}", number(0), CODES[number(4) as usize])?;
            }
            8 => write!(line, " {}", number(0))?,
            _ => {}
        }
        if self.kind < 2 && self.flags & 1 != 0 {
            line.push_str(" END_STREAM");
        }
        if matches!(self.kind, 1 | 9) && self.flags & 4 == 0 {
            line.push_str(" OPEN");
        }
        f.write_str(line.trim_end())
    }
}

fn code(name: &str) -> u32 {
    CODES.iter().position(|code| *code == name).expect("an error code") as u32
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A literal field without indexing and without Huffman (RFC 7541 section 6.2.2).
fn literal(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.push(0);
    for text in [name, value] {
        let mut len = text.len();
        if len < 127 {
            out.push(len as u8);
        } else {
            out.push(127);
            len -= 127;
            while len >= 128 {
                out.push(len as u8 | 128);
                len >>= 7;
            }
            out.push(len as u8);
        }
        out.extend(text);
    }
}
