//! `Sink`: lets messages write themselves straight into the call's buffer.

use buffa::EncodeSink;
use bytes::{BufMut, Bytes};
use halloo_core::EncodeBuffer;

/// Borrows the buffer for one message.
pub(crate) struct Sink<'a>(&'a mut EncodeBuffer);

impl<'a> Sink<'a> {
    pub(crate) fn new(buffer: &'a mut EncodeBuffer) -> Self {
        Self(buffer)
    }
}

impl EncodeSink for Sink<'_> {
    /// Asks for `Bytes` fields through `put_shared`, so that large ones become segments.
    const IS_SEGMENTED: bool = true;

    #[inline]
    fn put_u8(&mut self, value: u8) {
        BufMut::put_u8(self.0.tail_mut(), value);
    }

    #[inline]
    fn put_slice(&mut self, bytes: &[u8]) {
        self.0.put_slice(bytes);
    }

    #[inline]
    fn put_u32_le(&mut self, value: u32) {
        BufMut::put_u32_le(self.0.tail_mut(), value);
    }

    #[inline]
    fn put_u64_le(&mut self, value: u64) {
        BufMut::put_u64_le(self.0.tail_mut(), value);
    }

    #[inline]
    fn put_shared(&mut self, bytes: Bytes) {
        self.0.put_bytes(bytes);
    }
}
