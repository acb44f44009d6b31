//! Reads what the engine writes, and holds it to the parts of RFC 9113 that need no knowledge of the peer.

use std::collections::HashSet;

use crate::frame_cutter::{Cut, FrameCutter};

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const CONTINUATION: u8 = 9;
const DATA: u8 = 0;

/// The frames of one connection's output.
#[derive(Debug)]
pub(crate) struct Output {
    frames: FrameCutter,
    /// The stream of a header block that has not ended.
    open_block: Option<u32>,
    /// Streams on which END_STREAM or RST_STREAM was sent.
    ended: HashSet<u32>,
    /// The largest payload that the peer may have allowed.
    pub(crate) max_frame: usize,
}

impl Output {
    pub(crate) fn new(is_client: bool) -> Self {
        Self { frames: FrameCutter::new(is_client), open_block: None, ended: HashSet::new(), max_frame: 16 << 10 }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.frames.push(bytes);
        while let Some(Cut { kind, flags, stream, payload }) = self.frames.next() {
            self.check(kind, flags, stream, payload.len());
        }
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
