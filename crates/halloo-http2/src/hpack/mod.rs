//! HPACK (RFC 7541): header lists to blocks and back, for one direction of one connection each.
//!
//! The connection owns one [`Encoder`] and one [`Decoder`]; blocks must pass through them in wire order.
mod decode;
mod encode;
mod huffman;
mod integer;
mod list;
mod lookup;
mod remembered;
mod spares;
mod table;
#[cfg(test)]
#[path = "../../tests/unit/hpack.rs"]
mod tests;

pub(crate) use decode::{BlockLimits, DecodeError, Decoded, Decoder};
pub(crate) use encode::{EncodedTemplate, Encoder};

/// The size of the dynamic table before any SETTINGS arrive (RFC 9113 section 6.5.2).
pub(crate) const INITIAL_TABLE_BYTES: usize = 4096;
