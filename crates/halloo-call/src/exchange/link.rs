//! What a handler works on: its call's exchange, without the duty to end it. The responding end (`ends.rs`) hands it out.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use halloo_core::{Codec, Status};

use crate::compression::{CallCompression, ReplyCompression, announce};
use crate::exchange::cancelled::Cancelled;
use crate::exchange::encode::{check_size, encode_message};
use crate::exchange::head::{LazyMetadata, ResponseHead};
use crate::exchange::pipe::{Interest, unwrap_whole_envelope};
use crate::exchange::state::{Direction, Exchange, Outcome};

/// What a handler works on: its call's exchange, without the duty to end it. Clones share it.
#[derive(Clone)]
pub struct CallLink {
    exchange: Arc<Exchange>,
}

impl CallLink {
    #[inline]
    pub(crate) fn new(exchange: Arc<Exchange>) -> Self {
        Self { exchange }
    }

    pub(crate) fn shared(&self) -> &Arc<Exchange> {
        &self.exchange
    }

    /// Returns the body of a request that is complete and came as one uncompressed message of at most `max_bytes` in
    /// one piece, as nearly all do. `arrived` is what came with the call, if that was all of the request.
    ///
    /// `None` for any other, which is then to be read from the exchange.
    #[inline]
    #[must_use]
    pub fn take_whole_request(&self, arrived: Option<Bytes>, max_bytes: usize) -> Option<Bytes> {
        match arrived {
            Some(chunk) => {
                unwrap_whole_envelope(chunk, max_bytes).map_err(|chunk| self.supply_request(Some(chunk))).ok()
            }
            None => self.take_supplied_request(max_bytes),
        }
    }

    #[inline(never)]
    fn take_supplied_request(&self, max_bytes: usize) -> Option<Bytes> {
        self.exchange.take_whole_request(max_bytes)
    }

    /// Puts all of a request, which came with its call, where receivers read.
    #[inline(never)]
    pub fn supply_request(&self, arrived: Option<Bytes>) {
        if let Some(chunk) = arrived {
            self.exchange.push_request(chunk, true);
        }
    }

    /// Sends the head and the only message of a response, and returns the message's size in bytes.
    ///
    /// # Errors
    /// As [`MessageSender::send`](crate::MessageSender::send); the head then has not been sent either, unless the
    /// handler sent one before.
    pub fn send_reply<T: 'static>(
        &self,
        headers: LazyMetadata,
        codec: &'static dyn Codec<T>,
        message: &T,
        max_message_bytes: usize,
    ) -> Result<usize, Status> {
        self.exchange.write_reply(headers, |buffer| {
            encode_message(buffer, codec, message, max_message_bytes, Direction::Response)
        })
    }

    /// As [`send_reply`](Self::send_reply), compressed as `agreed` unless `choice` says otherwise.
    ///
    /// # Errors
    /// As [`send_reply`](Self::send_reply).
    pub fn send_packed_reply<T: 'static>(
        &self,
        mut headers: LazyMetadata,
        codec: &'static dyn Codec<T>,
        message: &T,
        max_message_bytes: usize,
        agreed: &CallCompression,
        choice: Option<ReplyCompression>,
    ) -> Result<usize, Status> {
        let compressor = match choice {
            None => agreed.replies().cloned(),
            Some(ReplyCompression::Uncompressed) => None,
            Some(ReplyCompression::With(algorithm)) => agreed.replies_with(algorithm),
        };
        let Some(compressor) = compressor else { return self.send_reply(headers, codec, message, max_message_bytes) };
        let check = |size| check_size(size, max_message_bytes, Direction::Response);
        let packed = compressor.pack(codec, message, check)?;
        if packed.compressed {
            announce(headers.write(), &*compressor.algorithm);
        }
        self.exchange.write_reply(headers, |buffer| Ok(packed.write(buffer)))
    }

    /// Waits for body bytes of a request that is not an RPC. `Ready(Ok(None))` is its end.
    ///
    /// # Errors
    /// The status that the caller cancelled with.
    pub fn poll_body(&self, cx: &Context<'_>) -> Poll<Result<Option<Vec<Bytes>>, Status>> {
        let mut chunks = Vec::new();
        match self.shared().poll_request(Some(cx), Interest::Any, |chunk| chunks.push(chunk)) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(status)) => Poll::Ready(Err(status)),
            Poll::Ready(Ok(_)) if !chunks.is_empty() => Poll::Ready(Ok(Some(chunks))),
            Poll::Ready(Ok(_)) => Poll::Ready(Ok(None)),
        }
    }

    /// Sends the response head. Only the first counts.
    pub fn send_head(&self, head: ResponseHead) {
        self.shared().send_head(head);
    }

    /// Adds response bytes as they came off the wire.
    pub fn push_response(&self, chunk: Bytes) {
        self.shared().push_response(chunk);
    }

    /// Waits until the response pipe has room again (or nobody reads it any more).
    pub fn poll_room(&self, cx: &Context<'_>) -> Poll<()> {
        self.shared().poll_room(Direction::Response, cx)
    }

    /// Adds the trailers that a handler has set through its [`MessageSender`](crate::MessageSender), so that
    /// interceptors see them.
    ///
    /// # Errors
    /// That of `outcome`.
    pub fn with_trailers(&self, outcome: Outcome) -> Outcome {
        self.exchange.with_trailers(outcome)
    }

    /// Returns a future that resolves when the caller gives the call up; for tasks that work on its behalf.
    #[must_use]
    pub fn cancelled(&self) -> Cancelled {
        Cancelled::of(self.shared())
    }
}

impl fmt::Debug for CallLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallLink").finish_non_exhaustive()
    }
}
