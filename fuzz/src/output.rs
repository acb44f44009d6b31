//! Reads what the engine writes, and holds it to the parts of RFC 9113 that need no knowledge of the peer.

use std::collections::HashSet;

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const DATA: u8 = 0;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The frames of one connection's output.
#[derive(Debug, Default)]
pub(crate) struct Output {
    bytes: Vec<u8>,
    expects_preface: bool,
    /// The stream of a header block that has not ended.
    open_block: Option<u32>,
    /// Streams on which END_STREAM or RST_STREAM was sent.
    ended: HashSet<u32>,
    /// The largest payload that the peer may have allowed.
    pub(crate) max_frame: usize,
}

impl Output {
    pub(crate) fn new(is_client: bool) -> Self {
        Self { expects_preface: is_client, max_frame: 16 << 10, ..Self::default() }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        if self.expects_preface && self.bytes.len() >= PREFACE.len() {
            assert!(self.bytes.starts_with(PREFACE));
            self.bytes.drain(..PREFACE.len());
            self.expects_preface = false;
        }
        let mut at = 0;
        while let Some((head, rest)) = self.bytes[at..].split_first_chunk::<9>() {
            let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            if self.expects_preface || rest.len() < len {
                break;
            }
            let (kind, flags) = (head[3], head[4]);
            let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            at += 9 + len;
            self.check(kind, flags, stream, len);
        }
        self.bytes.drain(..at);
    }

    fn check(&mut self, kind: u8, flags: u8, stream: u32, len: usize) {
        assert!(len <= self.max_frame, "a frame of {len} bytes");
        assert!(stream <= 0x7fff_ffff, "the reserved bit is set");
        assert_eq!(kind == CONTINUATION, self.open_block.is_some(), "a header block is interrupted");
        if let Some(open) = self.open_block {
            assert_eq!(open, stream);
        }
        if matches!(kind, HEADERS | CONTINUATION) {
            self.open_block = (flags & 0x4 == 0).then_some(stream);
        }
        match kind {
            DATA | HEADERS => {
                assert!(!self.ended.contains(&stream), "frame {kind} on stream {stream}, which we have ended");
                if flags & 1 == 1 {
                    self.ended.insert(stream);
                }
            }
            RST_STREAM => {
                self.ended.insert(stream);
            }
            CONTINUATION => {}
            2 | 5 | 10.. => panic!("we send no frames of type {kind}"),
            _ => {}
        }
    }
}
