//! A connection that is refused before HTTP/2 has begun, and what is still to be said to its peer.

use std::borrow::Cow;

use crate::opening::acceptor::ByteStream;
use crate::socket::closing::{Lingerer, say_and_close};

/// A connection that is refused, and what is still to be said to its peer.
pub(crate) struct Refusal<Io> {
    io: Option<Io>,
    last_words: Cow<'static, [u8]>,
}

impl<Io: ByteStream> Refusal<Io> {
    /// Ends a handshake with `last_words`. Without an `io` there is nothing left to say them to.
    #[cfg(feature = "_tls")]
    pub(crate) fn new(io: Option<Io>, last_words: &'static [u8]) -> Self {
        Self { io, last_words: Cow::Borrowed(last_words) }
    }

    /// Answers a client that speaks HTTP/1.x in its own words, with `text`.
    pub(crate) fn of_http1(io: Io, text: &str) -> Self {
        let response = format!(
            "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain; charset=utf-8\r\n\
             content-length: {}\r\n\r\n{text}",
            text.len()
        );
        Self { io: Some(io), last_words: Cow::Owned(response.into_bytes()) }
    }

    /// Says the last words and closes, in a way that lets the peer read them.
    pub(crate) async fn finish(self, lingerer: Lingerer) {
        if let Some(io) = self.io {
            say_and_close(io, &self.last_words, Some(lingerer)).await;
        }
    }
}
