//! A map keyed by stream numbers: the standard one with a hash that suits numbers which the peer counts up.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

pub(crate) type IdMap<V> = HashMap<u32, V, BuildHasherDefault<IdHasher>>;

/// Multiplies by the golden ratio. A peer that picks colliding ids gains nothing worth having: no more of them
/// are live than it may have streams.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

impl IdHasher {
    fn mix(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(u32::from(byte));
        }
    }

    fn write_u32(&mut self, id: u32) {
        self.mix(u64::from(id));
    }

    fn write_usize(&mut self, address: usize) {
        self.mix(address as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
