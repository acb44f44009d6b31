//! A door to the parts that have no public interface, for fuzzing and for other people's test vectors.
//! Behind the feature `testing`; nothing here is kept stable.

use crate::error::Violation;
use crate::frame::{self, Flags, GoAway, HEAD_BYTES, Head, Kind, Priority};
use crate::headers::{Block, HeaderList, Template};
use crate::hpack::{BlockLimits, Decoder, Encoder};
use crate::limits::Limits;
use std::sync::Arc;

/// Decodes the header blocks of one direction of a connection, within the default limits.
#[derive(Debug)]
pub struct HpackDecoder(Decoder);

impl HpackDecoder {
    /// Makes a decoder that allows the peer a table of `max_table_bytes`.
    pub fn new(max_table_bytes: usize) -> Self {
        let limits = Limits::default();
        let max_list_bytes = limits.max_header_list_bytes as usize;
        let limits = BlockLimits { max_list_bytes, max_fields: limits.max_header_fields };
        Self(Decoder::new(max_table_bytes, limits, |_| 0))
    }

    /// Decodes a whole block.
    ///
    /// # Errors
    /// Why the block, and with it the connection, is broken; or that the list is over a limit.
    pub fn decode(&mut self, block: &[u8]) -> Result<Arc<HeaderList>, String> {
        let decoded = self.0.decode(block).map_err(|error| error.to_string())?;
        match decoded.overflow {
            None => Ok(decoded.fields),
            Some(overflow) => Err(format!("over a limit: {overflow:?}")),
        }
    }
}

/// Encodes the header blocks of one direction of a connection.
#[derive(Debug)]
pub struct HpackEncoder(Encoder);

impl HpackEncoder {
    /// Makes an encoder whose table has the initial 4096 bytes.
    #[expect(clippy::new_without_default, reason = "a default of something that only tests make is no use")]
    pub fn new() -> Self {
        Self(Encoder::new())
    }

    /// Follows the peer's `SETTINGS_HEADER_TABLE_SIZE`.
    pub fn set_max_table_bytes(&mut self, bytes: usize) {
        self.0.set_max_table_bytes(bytes);
    }

    /// Encodes the fields of the template and then `fields` to one block.
    pub fn encode(&mut self, template: Option<&Template>, fields: &HeaderList) -> Vec<u8> {
        let mut block = Vec::new();
        self.0.encode(Block { template, fields }, &mut block);
        block
    }
}

/// A frame as the engine reads it.
#[derive(Debug)]
pub struct Frame<'a> {
    /// What the head says: length, type, flags and stream.
    pub len: usize,
    /// The type.
    pub kind: u8,
    /// The flags.
    pub flags: u8,
    /// The stream without its reserved bit.
    pub stream: u32,
    /// The payload.
    pub payload: Payload<'a>,
}

/// What the engine reads of a payload; padding, weights and the exclusive bit are not looked at.
#[derive(Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// DATA without its padding.
    Data(&'a [u8]),
    /// HEADERS without its padding.
    Headers {
        /// The stream that it depends on, if it has priority fields.
        depends_on: Option<u32>,
        /// The fragment of a header block.
        fragment: &'a [u8],
    },
    /// PRIORITY with the stream that it depends on.
    Priority(u32),
    /// RST_STREAM with its code.
    Reset(u32),
    /// SETTINGS with its entries.
    Settings(Vec<(u16, u32)>),
    /// PING.
    Ping([u8; 8]),
    /// GOAWAY.
    GoAway {
        /// The last stream.
        last_id: u32,
        /// The code.
        code: u32,
        /// The debug text.
        debug: &'a [u8],
    },
    /// WINDOW_UPDATE with its increment.
    WindowUpdate(u32),
    /// CONTINUATION.
    Continuation(&'a [u8]),
    /// PUSH_PROMISE and what no RFC knows: the engine looks at the head alone.
    Unread,
}

/// Reads a whole frame; `None` if it is cut short or its payload has no legal form.
pub fn read_frame(wire: &[u8]) -> Option<Frame<'_>> {
    let head = Head::read(wire)?;
    let payload = wire.get(HEAD_BYTES..HEAD_BYTES + head.len)?;
    let content = |violation: Result<_, Violation>| violation.ok().and_then(|range| payload.get(range));
    let payload = match head.kind {
        Kind::DATA => Payload::Data(content(frame::unpad(head, payload))?),
        Kind::HEADERS => read_headers(head, content(frame::unpad(head, payload))?)?,
        Kind::PRIORITY => Payload::Priority(Priority::read(payload)?.depends_on),
        Kind::RST_STREAM => Payload::Reset(u32::from_be_bytes(payload.try_into().ok()?)),
        Kind::SETTINGS => Payload::Settings(frame::entries(payload).map(|entry| (entry.name, entry.value)).collect()),
        Kind::PING => Payload::Ping(payload.try_into().ok()?),
        Kind::GOAWAY => {
            let GoAway { last_id, code, debug } = GoAway::read(payload)?;
            Payload::GoAway { last_id, code: code.as_u32(), debug }
        }
        Kind::WINDOW_UPDATE => Payload::WindowUpdate(frame::u31_at(payload)?),
        Kind::CONTINUATION => Payload::Continuation(payload),
        _ => Payload::Unread,
    };
    Some(Frame { len: head.len, kind: head.kind.0, flags: head.flags.0, stream: head.stream, payload })
}

fn read_headers(head: Head, content: &[u8]) -> Option<Payload<'_>> {
    if !head.flags.has(Flags::PRIORITY) {
        return Some(Payload::Headers { depends_on: None, fragment: content });
    }
    let depends_on = Some(Priority::read(content)?.depends_on);
    Some(Payload::Headers { depends_on, fragment: &content[Priority::BYTES..] })
}
