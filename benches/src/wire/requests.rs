//! What the load asks: a Greeter call, with the same headers every time or with values that differ.

use super::frame::{DATA, END_HEADERS, END_STREAM, HEAD_BYTES, HEADERS, head};
use super::hpack::{Encoder, KnownField};

/// `HelloRequest { name: "gRPC Learner" }` in its envelope.
const BODY: &[u8] = b"\0\0\0\0\x0e\x0a\x0cgRPC Learner";

/// `HelloReply { message: "Hello, gRPC Learner!" }` in its envelope.
pub const REPLY: &[u8] = b"\0\0\0\0\x16\x0a\x14Hello, gRPC Learner!";

/// What of the differing values enters the compression table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexing {
    /// As Go's client does it.
    Everything,
    /// As clients do that know better.
    NamesOnly,
}

/// Writes the requests of one connection.
#[derive(Debug)]
pub struct Requests {
    encoder: Encoder,
    constants: Vec<(KnownField, Vec<u8>)>,
    differing: Option<Differing>,
}

impl Requests {
    /// The requests of connection number `seed`; with `vary`, each has values of its own.
    pub fn new(authority: &str, vary: bool, indexing: Indexing, seed: u64) -> Self {
        let constant = |name, static_name, value: &str| (KnownField::new(name, static_name), value.as_bytes().to_vec());
        Self {
            encoder: Encoder::default(),
            constants: vec![
                constant(":path", 4, "/greeter.Greeter/SayHello"),
                constant(":authority", 1, authority),
                constant("te", 0, "trailers"),
                constant("content-type", 31, "application/grpc"),
                constant("user-agent", 58, "greeter-load/0.1.0"),
            ],
            differing: vary.then(|| Differing::new(indexing, seed)),
        }
    }

    /// Bytes that a request takes of the peer's windows.
    pub fn body_bytes(&self) -> usize {
        BODY.len()
    }

    /// Appends HEADERS and DATA of one call.
    pub fn put(&mut self, stream: u32, out: &mut Vec<u8>) {
        let head_at = out.len();
        out.extend_from_slice(&[0; HEAD_BYTES]);
        // `:method: POST` and `:scheme: http` are in the static table.
        out.extend_from_slice(&[0x83, 0x86]);
        for (field, value) in &mut self.constants {
            self.encoder.put_constant(field, value, out);
        }
        if let Some(differing) = &mut self.differing {
            differing.put(&mut self.encoder, out);
        }
        let block_bytes = out.len() - head_at - HEAD_BYTES;
        out[head_at..head_at + HEAD_BYTES].copy_from_slice(&head(block_bytes, HEADERS, END_HEADERS, stream));
        out.extend_from_slice(&head(BODY.len(), DATA, END_STREAM, stream));
        out.extend_from_slice(BODY);
    }
}

/// Four headers with 150 random characters that no two calls share.
#[derive(Debug)]
struct Differing {
    indexing: Indexing,
    random: Random,
    timeout: KnownField,
    trace: KnownField,
    token: KnownField,
    request_id: KnownField,
}

const HEX: &[u8; 64] = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const DIGITS: &[u8; 64] = b"0123456789012345678901234567890123456789012345678901234567890123";
const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Differing {
    fn new(indexing: Indexing, seed: u64) -> Self {
        Self {
            indexing,
            random: Random(seed),
            timeout: KnownField::new("grpc-timeout", 0),
            trace: KnownField::new("traceparent", 0),
            token: KnownField::new("authorization", 23),
            request_id: KnownField::new("x-request-id", 0),
        }
    }

    fn put(&mut self, encoder: &mut Encoder, out: &mut Vec<u8>) {
        let put = match self.indexing {
            Indexing::Everything => Encoder::put_entering,
            Indexing::NamesOnly => Encoder::put_passing,
        };
        // 40 to 50 seconds: no call comes near it.
        let mut timeout = *b"4_______u";
        self.random.fill(&mut timeout[1..8], DIGITS);
        put(encoder, &mut self.timeout, &timeout, out);
        let mut trace = *b"00-________________________________-________________-01";
        self.random.fill(&mut trace[3..35], HEX);
        self.random.fill(&mut trace[36..52], HEX);
        put(encoder, &mut self.trace, &trace, out);
        let mut token = *b"Bearer _______________________________________________________________";
        self.random.fill(&mut token[7..], BASE64URL);
        put(encoder, &mut self.token, &token, out);
        let mut request_id = [0; 32];
        self.random.fill(&mut request_id, HEX);
        put(encoder, &mut self.request_id, &request_id, out);
    }
}

/// Splitmix64: good enough to make values differ, and the same in every run.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn fill(&mut self, text: &mut [u8], alphabet: &[u8; 64]) {
        for part in text.chunks_mut(10) {
            let mut bits = self.next();
            for character in part {
                *character = alphabet[bits as usize % 64];
                bits >>= 6;
            }
        }
    }
}
