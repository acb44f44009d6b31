//! Cuts a direction of a connection into frames: an own and simple reading of RFC 9113 section 4.1.

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of one direction that are no whole frame yet.
#[derive(Debug)]
pub(crate) struct FrameCutter {
    bytes: Vec<u8>,
    at: usize,
    expects_preface: bool,
}

/// One frame.
#[derive(Debug)]
pub(crate) struct Cut {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

impl FrameCutter {
    /// A client's direction begins with the preface.
    pub(crate) fn new(is_clients: bool) -> Self {
        Self { bytes: Vec::new(), at: 0, expects_preface: is_clients }
    }

    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.at);
        self.at = 0;
        self.bytes.extend_from_slice(bytes);
        if self.expects_preface && self.bytes.len() >= PREFACE.len() {
            assert!(self.bytes.starts_with(PREFACE));
            self.at = PREFACE.len();
            self.expects_preface = false;
        }
    }

    pub(crate) fn next(&mut self) -> Option<Cut> {
        if self.expects_preface {
            return None;
        }
        let (head, rest) = self.bytes[self.at..].split_first_chunk::<9>()?;
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let payload = rest.get(..len)?.to_vec();
        self.at += 9 + len;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Some(Cut { kind: head[3], flags: head[4], stream, payload })
    }
}
