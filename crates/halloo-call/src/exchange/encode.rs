//! Messages to envelopes, within limits. A message that cannot be encoded leaves nothing behind.

use halloo_core::{Codec, EncodeBuffer, EnvelopeMark, MetadataError, Status};

use crate::exchange::state::Direction;

/// Writes `message` as one envelope and returns its size; on failure the buffer is as before.
pub(crate) fn encode_message<T: 'static>(
    buffer: &mut EncodeBuffer,
    codec: &'static dyn Codec<T>,
    message: &T,
    max_message_bytes: usize,
    direction: Direction,
) -> Result<usize, Status> {
    const PREFIX_BYTES: usize = 5;
    let before = buffer.len();
    let open = OpenEnvelope::new(buffer);
    codec.encode(message, open.buffer)?;
    check_size(open.buffer.len() - before - PREFIX_BYTES, max_message_bytes, direction)?;
    Ok(open.end())
}

pub(crate) fn check_size(size: usize, max_message_bytes: usize, direction: Direction) -> Result<(), Status> {
    // The length of an envelope has 32 bits.
    let limit = max_message_bytes.min(u32::MAX as usize);
    if size > limit {
        // The text alone reaches the other side, so it names the knob and says what to do.
        return Err(match direction {
            Direction::Request => Status::resource_exhausted(format!(
                "request is {size} bytes, this client's max_request_bytes is {limit}"
            ))
            .note("hint", "raise the limit, or send it in pieces, as a stream"),
            Direction::Response => Status::resource_exhausted(format!(
                "reply is {size} bytes, this server's max_reply_bytes is {limit}; \
                 raise it, or send it in pieces, as a stream"
            )),
        });
    }
    Ok(())
}

/// An envelope that takes itself back unless it is ended: its message may be too large, or its codec fail or panic.
struct OpenEnvelope<'a> {
    buffer: &'a mut EncodeBuffer,
    mark: Option<EnvelopeMark>,
}

impl<'a> OpenEnvelope<'a> {
    fn new(buffer: &'a mut EncodeBuffer) -> Self {
        let mark = Some(buffer.begin_envelope());
        Self { buffer, mark }
    }

    fn end(mut self) -> usize {
        self.mark.take().map_or(0, |mark| self.buffer.end_envelope(mark, false))
    }
}

impl Drop for OpenEnvelope<'_> {
    fn drop(&mut self) {
        if let Some(mark) = self.mark.take() {
            self.buffer.truncate(mark);
        }
    }
}

pub(crate) fn metadata_fault(error: MetadataError) -> Status {
    Status::internal(error.to_string()).caused_by(error)
}

#[cfg(test)]
#[path = "../../tests/unit/exchange/encode.rs"]
mod tests;
