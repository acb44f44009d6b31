//! Header lists that are larger than the peer has said it accepts (SETTINGS_MAX_HEADER_LIST_SIZE, RFC 9113 section
//! 6.5.2): what the caller or the peer hears in their place. The engine has refused them; nothing of them was sent.
//!
//! RESOURCE_EXHAUSTED, as in gRPC's C core and as this library answers a list that it does not accept itself.

use halloo_core::{Code, Status};
use halloo_http2::{Connection, HeaderList, Template};

/// A list that was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Oversize {
    bytes: usize,
    limit: usize,
}

impl Oversize {
    pub(crate) fn new(engine: &Connection, template: Option<&Template>, fields: &HeaderList) -> Self {
        let bytes = fields.list_bytes() + template.map_or(0, |template| template.fields().list_bytes());
        Self { bytes, limit: engine.peer_max_header_list_bytes().unwrap_or(usize::MAX) }
    }

    /// Fails a call of a client whose head is too large for the server `target`.
    pub(crate) fn request(self, target: &str) -> Status {
        let Self { bytes, limit } = self;
        let text = format!("the call's metadata makes a header list of {bytes} bytes, and {target} accepts {limit}");
        Status::resource_exhausted(text).note("hint", "large values had better travel in messages")
    }

    /// Fails a call whose reply has headers that are too large for the client.
    pub(crate) fn headers(self) -> Status {
        let Self { bytes, limit } = self;
        let text = format!("the reply's headers are a list of {bytes} bytes, and the client accepts {limit}");
        Status::resource_exhausted(text)
    }

    /// Fails a call that went well, and whose trailers are too large for the client.
    pub(crate) fn trailers(self) -> Status {
        let Self { bytes, limit } = self;
        let text = format!("the reply's trailers are a list of {bytes} bytes, and the client accepts {limit}");
        Status::resource_exhausted(text)
    }

    /// Takes the place of a failure that is too large for the client. Its code stays.
    pub(crate) fn failure(self, code: Code) -> Status {
        let Self { bytes, limit } = self;
        let text = "the call failed; its text, details and trailers are left out, since they are a list of";
        Status::new(code, format!("{text} {bytes} bytes, and the client accepts {limit}"))
    }
}
