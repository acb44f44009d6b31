//! `Input`: a fuzzer's bytes, read as small numbers, sizes and texts, always from the front.
//! So a seed can be written by hand, and a byte that changes moves one decision and not all of them.

use arbitrary::Unstructured;

/// What is left of an input. At its end every number is 0 and every text empty.
#[derive(Debug)]
pub(crate) struct Input<'a>(Unstructured<'a>);

impl<'a> Input<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count.max(1)
    }

    pub(crate) fn u32(&mut self) -> u32 {
        self.0.arbitrary().unwrap_or(0)
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or(0)
    }

    /// A number up to `max`, as often tiny as large: a byte says which power of two bounds it.
    pub(crate) fn size(&mut self, max: usize) -> usize {
        let bits = u32::from(self.byte()) % (usize::BITS - max.leading_zeros() + 1);
        let value = match bits {
            0 => 0,
            1..=8 => usize::from(self.byte()),
            _ => self.u32() as usize,
        };
        (value & ((1 << bits) - 1)).min(max)
    }

    pub(crate) fn choose<T: Copy>(&mut self, among: &[T]) -> T {
        among[self.below(among.len())]
    }

    /// At most `len` bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> &'a [u8] {
        let len = len.min(self.0.len());
        self.0.bytes(len).unwrap_or_default()
    }

    pub(crate) fn rest(&mut self) -> &'a [u8] {
        self.bytes(usize::MAX)
    }
}
