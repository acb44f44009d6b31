//! The nine bytes that open every frame (RFC 9113 section 4.1).
//!
//! ```text
//! | length 24 | type 8 | flags 8 | R 1 | stream id 31 |
//! ```

/// Bytes of a frame's head.
pub(crate) const HEAD_BYTES: usize = 9;

/// A frame's head. The reserved bit is ignored when read and zero when written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) len: usize,
    pub(crate) kind: Kind,
    pub(crate) flags: Flags,
    pub(crate) stream: u32,
}

impl Head {
    /// Reads a head from the start of `bytes`; `None` while fewer than nine are there.
    #[inline]
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.first_chunk::<HEAD_BYTES>()?;
        let &[l0, l1, l2, kind, flags, s0, s1, s2, s3] = bytes;
        let len_and_kind = u32::from_be_bytes([l0, l1, l2, kind]);
        Some(Self {
            len: (len_and_kind >> 8) as usize,
            kind: Kind(kind),
            flags: Flags(flags),
            stream: u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff,
        })
    }

    /// The head as it goes on the wire; a length is at most 2^24 - 1 by every caller's own bound.
    #[inline]
    pub(crate) fn to_bytes(self) -> [u8; HEAD_BYTES] {
        let [l0, l1, l2, kind] = ((self.len as u32) << 8 | u32::from(self.kind.0)).to_be_bytes();
        let [s0, s1, s2, s3] = self.stream.to_be_bytes();
        [l0, l1, l2, kind, self.flags.0, s0, s1, s2, s3]
    }

    /// Sets flags and stream of a head that was written for any.
    #[inline]
    pub(crate) fn address(head: &mut [u8; HEAD_BYTES], flags: Flags, stream: u32) {
        head[4] = flags.0;
        head[5..].copy_from_slice(&stream.to_be_bytes());
    }

    #[inline]
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_bytes());
    }
}

/// A frame's type; any byte is legal, unknown ones are ignored (RFC 9113 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kind(pub(crate) u8);

impl Kind {
    pub(crate) const DATA: Self = Self(0);
    pub(crate) const HEADERS: Self = Self(1);
    pub(crate) const PRIORITY: Self = Self(2);
    pub(crate) const RST_STREAM: Self = Self(3);
    pub(crate) const SETTINGS: Self = Self(4);
    pub(crate) const PUSH_PROMISE: Self = Self(5);
    pub(crate) const PING: Self = Self(6);
    pub(crate) const GOAWAY: Self = Self(7);
    pub(crate) const WINDOW_UPDATE: Self = Self(8);
    pub(crate) const CONTINUATION: Self = Self(9);
}

/// A frame's flags; bits that a type does not define are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flags(pub(crate) u8);

impl Flags {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const ACK: Self = Self(0x1);
    pub(crate) const END_STREAM: Self = Self(0x1);
    pub(crate) const END_HEADERS: Self = Self(0x4);
    pub(crate) const PADDED: Self = Self(0x8);
    pub(crate) const PRIORITY: Self = Self(0x20);

    #[inline]
    pub(crate) fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    /// Whether `flag` is set and none of `others` is.
    #[inline]
    pub(crate) fn has_without(self, flag: Self, others: Self) -> bool {
        self.0 & (flag.0 | others.0) == flag.0
    }

    #[inline]
    pub(crate) fn with(self, flag: Self) -> Self {
        Self(self.0 | flag.0)
    }
}
