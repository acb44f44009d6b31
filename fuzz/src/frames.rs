//! The engine under frames that are nearly right: a peer that knows the protocol and holds itself to none of it,
//! while the program on our side does anything that the contract allows.

use std::time::Duration;

use crate::config;
use crate::driver::{Action, Driver};
use crate::fields::{REQUEST, RESPONSE, TRAILERS};
use crate::input::Input;

const STREAMS: [u32; 12] = [1, 3, 5, 7, 9, 11, 0, 2, 13, 101, 0x7fff_ffff, 0x8000_0001];

/// The most of the same frame at once.
const FLOOD_BYTES: usize = 100 << 10;

/// Runs one input: the role, the configuration, and steps.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let is_client = input.flag();
    let config = config::choose(&mut input);
    let mut peer =
        Peer { driver: Driver::new(is_client, config), latest: Vec::new(), streams: Vec::new(), next_stream: 1 };
    peer.driver.allow_frames_of((1 << 24) - 1);
    peer.driver.shake_hands(&[]);
    for _ in 0..300 {
        if input.is_empty() {
            break;
        }
        peer.step(&mut input);
    }
    peer.driver.finish();
}

#[derive(Debug)]
struct Peer {
    driver: Driver,
    /// The last frame, to be sent again.
    latest: Vec<u8>,
    /// Those of the peer's requests or responses.
    streams: Vec<u32>,
    next_stream: u32,
}

impl Peer {
    fn step(&mut self, input: &mut Input<'_>) {
        match input.below(20) {
            0..3 => self.request(input),
            3 if is_rare(input) => self.headers(input),
            4..6 => self.data(input),
            6 => self.settings(input),
            7 => self.window_update(input),
            8 => {
                let stream = self.stream(input);
                let code = u32::from(input.byte() % 16).to_be_bytes();
                self.send(3, 0, stream, &code);
            }
            // What ends a connection as a rule comes now and then only.
            9 if is_rare(input) => self.any_frame(input),
            10 => {
                let times = input.below(250).min(FLOOD_BYTES / self.latest.len().max(1));
                self.driver.feed(&self.latest.repeat(times));
            }
            11 if is_rare(input) => self.driver.feed(input.bytes(9)),
            12 => self.driver.jump(Duration::from_millis(1 << input.below(18))),
            13 => self.driver.write(input.size(1 << 20)),
            14 => self.driver.write(usize::MAX),
            15 => {
                let payload = [input.choose(&STREAMS).to_be_bytes(), u32::from(input.byte() % 16).to_be_bytes()];
                self.send(7, 0, 0, payload.as_flattened());
            }
            _ => {
                let action = action(input);
                self.driver.act(action, input.below(8));
            }
        }
    }

    /// The next request, or the response to one of ours; whole or in CONTINUATION frames.
    fn request(&mut self, input: &mut Input<'_>) {
        let shape = input.byte();
        let stream = match shape & 1 {
            0 => self.next_stream,
            _ => self.stream(input),
        };
        self.next_stream = stream.max(self.next_stream).saturating_add(2) & 0x7fff_ffff;
        self.streams.push(stream);
        let mut block = Vec::new();
        let pairs: &[(&str, &str)] = match shape >> 1 & 3 {
            0 => &REQUEST,
            1 => &RESPONSE,
            2 => &TRAILERS,
            _ => &[(":status", "100")],
        };
        for (name, value) in pairs {
            literal(&mut block, 0x40, name.as_bytes(), value.as_bytes());
        }
        if shape & 0x18 == 0x18 && is_rare(input) {
            block.extend(input.bytes(3));
        }
        let end = shape >> 5 & 1;
        if shape & 0x40 == 0 {
            return self.send(1, 4 | end, stream, &block);
        }
        let (first, rest) = block.split_at(block.len() / 2);
        self.send(1, end, stream, first);
        self.send(9, 4, stream, rest);
    }

    /// HEADERS with any flags and any HPACK.
    fn headers(&mut self, input: &mut Input<'_>) {
        let flags = input.byte();
        let stream = input.choose(&STREAMS);
        let mut block = Vec::new();
        for _ in 0..input.below(6) {
            match input.below(4) {
                0 => block.push(input.byte()),
                1 => block.extend(input.bytes(4)),
                2 => literal(&mut block, input.choose(&[0, 0x10, 0x40]), b"x-a", input.bytes(6)),
                _ => {
                    let value = vec![b'v'; input.size(20_000)];
                    literal(&mut block, 0x40, b"x-large", &value);
                }
            }
        }
        block.truncate(16_000);
        self.send(1, flags, stream, &block);
    }

    fn data(&mut self, input: &mut Input<'_>) {
        let shape = input.byte();
        let stream = self.stream(input);
        let mut payload = vec![b'd'; input.size(16 << 10)];
        if shape & 2 != 0 {
            let padding = input.byte();
            payload.insert(0, padding);
            payload.resize(payload.len() + usize::from(padding), 0);
        }
        payload.truncate(16 << 10);
        self.send(0, shape & 1 | (shape & 2) << 2, stream, &payload);
    }

    fn settings(&mut self, input: &mut Input<'_>) {
        let mut payload = Vec::new();
        for _ in 0..input.below(5) {
            payload.extend([0, input.byte() % 10]);
            payload.extend(match input.below(4) {
                0 => input.u32().to_be_bytes(),
                1 => (input.size(0x7fff_ffff) as u32).to_be_bytes(),
                2 => [0, 0, 0, input.byte()],
                _ => [0, 0, 0x40, 0],
            });
        }
        let flags = u8::from(payload.is_empty() && input.flag());
        self.send(4, flags, 0, &payload);
    }

    fn window_update(&mut self, input: &mut Input<'_>) {
        let stream = if input.flag() { 0 } else { self.stream(input) };
        let increment = input.size(0x7fff_ffff) as u32;
        self.send(8, 0, stream, &increment.to_be_bytes());
    }

    /// A stream that the peer has used before; now and then any.
    fn stream(&self, input: &mut Input<'_>) -> u32 {
        let byte = usize::from(input.byte());
        match self.streams.len() {
            count @ 1.. if byte < 220 => self.streams[count - 1 - byte % count],
            _ => STREAMS[byte % STREAMS.len()],
        }
    }

    fn any_frame(&mut self, input: &mut Input<'_>) {
        let kind = input.byte() % 12;
        let flags = input.byte();
        let stream = input.choose(&STREAMS);
        let len = input.below(40);
        let payload = input.bytes(len);
        self.send(kind, flags, stream, payload);
    }

    fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.latest.clear();
        self.latest.extend(&(payload.len() as u32).to_be_bytes()[1..]);
        self.latest.extend([kind, flags]);
        self.latest.extend(stream.to_be_bytes());
        self.latest.extend(payload);
        self.driver.feed(&self.latest);
    }
}

fn is_rare(input: &mut Input<'_>) -> bool {
    input.byte() > 220
}

fn action(input: &mut Input<'_>) -> Action {
    match input.below(16) {
        0 | 1 => Action::Request,
        2 => Action::Head,
        3 => Action::Informational,
        4 | 5 => Action::Data(input.size(100_000)),
        6 => Action::LastData(input.size(100_000)),
        7 => Action::Trailers,
        8 => Action::Reset,
        9 | 10 => Action::Release(input.size(100_000)),
        11 => Action::Finish,
        12 => Action::Ping,
        13 => Action::Trim,
        14 => Action::Shutdown,
        _ if input.byte() == 255 => Action::Close,
        _ => Action::Head,
    }
}

/// A literal field without Huffman (RFC 7541 section 6.2).
fn literal(block: &mut Vec<u8>, kind: u8, name: &[u8], value: &[u8]) {
    block.push(kind);
    for text in [name, value] {
        let mut len = text.len();
        if len < 127 {
            block.push(len as u8);
        } else {
            block.push(127);
            len -= 127;
            while len >= 128 {
                block.push(len as u8 | 128);
                len >>= 7;
            }
            block.push(len as u8);
        }
        block.extend(text);
    }
}
