//! How a program finds out that a message came compressed, which the library keeps to itself.
//!
//! Whatever arrives compressed passes `MarkingGzip`, which adds a field that the contract does not have. It is among the
//! message's unknown fields, so each message says it of itself.

use std::io;

use halloo::compression::{Compression, DecompressBuffer, DecompressError, Gzip};
use halloo::protobuf::buffa::UnknownFields;

/// No message of the contract has it.
const MARK_FIELD: u32 = 15;

/// Field 15 with the number 1.
const MARK: [u8; 2] = [15 << 3, 1];

/// Gzip that marks what it restores.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct MarkingGzip;

impl Compression for MarkingGzip {
    fn name(&self) -> &'static str {
        Gzip.name()
    }

    fn compress(&self, message: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
        Gzip.compress(message, out)
    }

    fn decompress(&self, body: &[u8], out: &mut DecompressBuffer) -> Result<(), DecompressError> {
        Gzip.decompress(body, out)?;
        out.put_slice(&MARK)
    }
}

/// Whether the message with these unknown fields came compressed.
pub(crate) fn came_compressed(unknown: &UnknownFields) -> bool {
    unknown.iter().any(|field| field.number == MARK_FIELD)
}
