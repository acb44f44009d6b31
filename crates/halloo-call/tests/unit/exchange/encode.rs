//! Tests of `src/exchange/encode.rs`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use bytes::Bytes;
use halloo_core::DecodeLimits;

use super::*;

/// Writes text, and panics over some.
struct Touchy;

impl Codec<&'static str> for Touchy {
    fn subtype(&self) -> &'static str {
        "touchy"
    }

    fn encode(&self, message: &&'static str, out: &mut EncodeBuffer) -> Result<(), Status> {
        out.put_slice(message.as_bytes());
        assert_ne!(*message, "bad");
        Ok(())
    }

    fn decode(&self, _: Bytes, _: &DecodeLimits) -> Result<&'static str, Status> {
        Ok("")
    }
}

#[test]
fn a_message_whose_codec_panics_or_that_is_too_large_leaves_nothing_behind() {
    let mut buffer = EncodeBuffer::new();
    let mut encode = |message| encode_message(&mut buffer, &Touchy, &message, 4, Direction::Response);
    encode("one").unwrap();
    catch_unwind(AssertUnwindSafe(|| encode("bad"))).unwrap_err();
    encode("large").unwrap_err();
    encode("two").unwrap();
    assert_eq!(buffer.take_bytes(), b"\0\0\0\0\x03one\0\0\0\0\x03two".as_slice());
}
