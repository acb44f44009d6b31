//! The sending half of a stream of messages: a handler's replies, or a client's requests.
//!
//! A message is encoded into the call's own buffer at once; `send` waits only while that buffer is full.

use std::borrow::Cow;
use std::fmt;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::ready;

use bytes::Bytes;
use halloo_core::{Codec, Compression, Metadata, MetadataError, Status};

use crate::compression::{CallCompression, Compressor, announce};
use crate::exchange::encode::{check_size, encode_message, metadata_fault};
use crate::exchange::ends::CallerEnd;
use crate::exchange::link::CallLink;
use crate::exchange::state::{Direction, Exchange};
use crate::message::toll::Toll;
use crate::observe::observation::ObservedCall;

/// Sends messages, one after the other.
///
/// A handler borrows one for its replies. A client owns one for its requests and says [`finish`](Self::finish)
/// after the last; dropping it before that cancels the call, so that a request stream that broke off never
/// looks complete.
///
/// ```
/// use halloo::MessageSender;
///
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Status> {
/// let mut replies = MessageSender::collect(); // in a test: keeps what the handler sends
/// replies.send("one").await?;
/// assert_eq!(replies.into_messages(), ["one"]);
/// # Ok(())
/// # }
/// ```
pub struct MessageSender<T: 'static> {
    sink: Sink<T>,
}

enum Sink<T: 'static> {
    Call {
        exchange: Arc<Exchange>,
        direction: Direction,
        codec: &'static dyn Codec<T>,
        max_message_bytes: usize,
        finished: bool,
        compression: Option<Box<SendCompression>>,
        observed: Option<Arc<ObservedCall>>,
        toll: Toll,
    },
    Messages(Vec<T>),
}

/// How the messages of a call leave, where that was said.
struct SendCompression {
    compressor: Option<Arc<Compressor>>,
    /// Of a server's call.
    agreed: Option<Arc<CallCompression>>,
    /// The response's head tells it.
    is_announced: bool,
}

impl<T: 'static> MessageSender<T> {
    /// Makes the sender of a handler's replies.
    pub fn for_replies(link: &CallLink, codec: &'static dyn Codec<T>, max_message_bytes: usize) -> Self {
        Self::for_call(Arc::clone(link.shared()), Direction::Response, codec, max_message_bytes)
    }

    /// Makes the sender of a client's requests.
    pub fn for_requests(caller: &CallerEnd, codec: &'static dyn Codec<T>, max_message_bytes: usize) -> Self {
        Self::for_call(Arc::clone(caller.shared()), Direction::Request, codec, max_message_bytes)
    }

    fn for_call(
        exchange: Arc<Exchange>,
        direction: Direction,
        codec: &'static dyn Codec<T>,
        max_message_bytes: usize,
    ) -> Self {
        let (finished, compression, observed, toll) = (false, None, None, Toll::default());
        Self {
            sink: Sink::Call { exchange, direction, codec, max_message_bytes, finished, compression, observed, toll },
        }
    }

    /// Lets a handler's replies be compressed as `agreed`. Default: they are not.
    #[must_use]
    pub fn agreed(mut self, agreed: Option<Arc<CallCompression>>) -> Self {
        if let (Sink::Call { compression, .. }, Some(agreed)) = (&mut self.sink, agreed) {
            let compressor = agreed.replies().cloned();
            *compression = Some(Box::new(SendCompression { compressor, agreed: Some(agreed), is_announced: false }));
        }
        self
    }

    /// Compresses a client's requests. Default: they are not compressed.
    #[must_use]
    pub fn compressing(mut self, compressor: Option<Arc<Compressor>>) -> Self {
        if let (Sink::Call { compression, .. }, Some(_)) = (&mut self.sink, &compressor) {
            *compression = Some(Box::new(SendCompression { compressor, agreed: None, is_announced: true }));
        }
        self
    }

    /// Compresses the replies with `algorithm`, whatever the server does by default; those below the server's minimum
    /// size, and to a client that did not say that it knows it, stay as they are. For handlers, before the first reply.
    ///
    /// # Errors
    /// INTERNAL if the headers have left, or on a client, where the call's builder has it.
    pub fn compress(&mut self, algorithm: impl Compression) -> Result<(), Status> {
        match &mut self.sink {
            Sink::Call { direction: Direction::Request, .. } => {
                Err(Status::internal("a client's compression is chosen before its call is awaited"))
            }
            Sink::Call { exchange, .. } if exchange.edit_headers(|_| ()).is_none() => {
                Err(Status::internal("the headers have left with the first reply"))
            }
            Sink::Call { compression: Some(compression), .. } => {
                let with = |agreed: &Arc<CallCompression>| agreed.replies_with(Arc::new(algorithm));
                compression.compressor = compression.agreed.as_ref().and_then(with);
                Ok(())
            }
            Sink::Call { .. } | Sink::Messages(_) => Ok(()),
        }
    }

    /// Lets an observation know of every message.
    #[must_use]
    pub fn observed(mut self, call: Option<Arc<ObservedCall>>) -> Self {
        if let Sink::Call { observed, .. } = &mut self.sink {
            *observed = call;
        }
        self
    }

    /// Makes a sender that keeps its messages, for a test that calls a handler directly.
    #[must_use]
    pub fn collect() -> Self {
        Self { sink: Sink::Messages(Vec::new()) }
    }

    /// Returns the messages that were sent; empty unless the sender came from [`collect`](Self::collect).
    #[must_use]
    pub fn into_messages(mut self) -> Vec<T> {
        match &mut self.sink {
            Sink::Messages(messages) => std::mem::take(messages),
            Sink::Call { .. } => Vec::new(),
        }
    }

    /// Sends a message: waits while 64 KiB of earlier messages have not left yet, then encodes it.
    ///
    /// Cancel safe: dropped while it waits, the message is not sent; there is no other point to drop it at.
    ///
    /// # Errors
    /// The call's status if it has failed or was cancelled; CANCELLED if the peer ended it and reads no more (a
    /// client then finds the result in its reply half); RESOURCE_EXHAUSTED if the message is larger than this
    /// side may send; INTERNAL if the codec cannot encode it.
    pub async fn send(&mut self, message: T) -> Result<(), Status> {
        self.room().await;
        self.encode(message)
    }

    /// As [`send`](Self::send), and leaves the message as it is where others are compressed: for bytes that are compressed
    /// already, such as pictures, or secrets beside text that somebody else chooses (whose size would tell of both).
    ///
    /// Cancel safe, as `send` is.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn send_uncompressed(&mut self, message: T) -> Result<(), Status> {
        self.room().await;
        self.announce();
        self.encode_plain(message)
    }

    async fn room(&mut self) {
        if let Sink::Call { exchange, direction, toll, .. } = &mut self.sink {
            let direction = *direction;
            poll_fn(|cx| {
                ready!(toll.poll_paid(cx));
                exchange.poll_room(direction, cx)
            })
            .await;
        }
    }

    /// Sends every message of `messages`, one after the other, each as [`send`](Self::send) does.
    ///
    /// Not cancel safe: dropped while it waits, those that were sent are sent and the rest is lost.
    ///
    /// # Errors
    /// As [`send`](Self::send), of the first message that fails; the rest is not asked for.
    pub async fn send_all<I>(&mut self, messages: I) -> Result<(), Status>
    where
        I: IntoIterator<Item = T>,
    {
        for message in messages {
            self.send(message).await?;
        }
        Ok(())
    }

    /// Waits until there is room for a message, as [`send`](Self::send) does before it encodes. With
    /// [`encode`](Self::encode) after it, what is sent can be chosen when the wait is over: the newest reading
    /// instead of one that grew old.
    ///
    /// Cancel safe: waiting takes nothing.
    ///
    /// # Errors
    /// As [`send`](Self::send), if the call has ended.
    pub async fn ready(&mut self) -> Result<(), Status> {
        self.room().await;
        let Sink::Call { exchange, .. } = &self.sink else { return Ok(()) };
        if exchange.is_over() { Err(exchange.send_failure()) } else { Ok(()) }
    }

    /// Says whether [`send`](Self::send) would not wait: fewer than 64 KiB of earlier messages have not left yet, or
    /// the call has ended. `false` means that the peer reads more slowly than this side sends.
    #[must_use]
    pub fn has_room(&self) -> bool {
        match &self.sink {
            Sink::Messages(_) => true,
            Sink::Call { exchange, direction, .. } => exchange.has_room(*direction),
        }
    }

    /// Encodes a message without waiting for room. The caller bounds how many, by [`ready`](Self::ready) or
    /// [`has_room`](Self::has_room) before each.
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub fn encode(&mut self, message: T) -> Result<(), Status> {
        if let Sink::Call { compression: Some(_), finished: false, .. } = &self.sink {
            return self.encode_compressed(message);
        }
        self.encode_plain(message)
    }

    /// Says in the head, before it leaves, how messages that are marked as compressed are.
    fn announce(&mut self) {
        if let Sink::Call { exchange, compression: Some(compression), .. } = &mut self.sink
            && let SendCompression { compressor: Some(compressor), is_announced: is_announced @ false, .. } =
                &mut **compression
        {
            *is_announced = exchange.edit_headers(|head| announce(head, &*compressor.algorithm)).is_some();
        }
    }

    #[cold]
    fn encode_compressed(&mut self, message: T) -> Result<(), Status> {
        self.announce();
        let Sink::Call { exchange, direction, codec, max_message_bytes, compression, observed, toll, .. } =
            &mut self.sink
        else {
            return self.encode_plain(message);
        };
        // Without the exchange's lock, since it may take a while.
        let packed = match compression.as_deref() {
            Some(SendCompression { compressor: Some(compressor), is_announced: true, .. }) => {
                compressor.pack(*codec, &message, |size| check_size(size, *max_message_bytes, *direction))?
            }
            _ => return self.encode_plain(message),
        };
        let bytes = exchange.encode(*direction, |buffer| packed.write(buffer));
        let bytes = bytes.ok_or_else(|| exchange.send_failure())?;
        toll.charge(bytes);
        if let Some(observed) = observed {
            observed.message_sent(bytes);
        }
        Ok(())
    }

    fn encode_plain(&mut self, message: T) -> Result<(), Status> {
        match &mut self.sink {
            Sink::Messages(messages) => {
                messages.push(message);
                Ok(())
            }
            Sink::Call { finished: true, .. } => {
                Err(Status::internal("the request stream is finished; no message can follow"))
            }
            Sink::Call { exchange, direction, codec, max_message_bytes, observed, toll, .. } => {
                let limit = *max_message_bytes;
                let direction = *direction;
                let bytes = exchange
                    .encode(direction, |buffer| encode_message(buffer, *codec, &message, limit, direction))
                    .unwrap_or_else(|| Err(exchange.send_failure()))?;
                toll.charge(bytes);
                if let Some(observed) = observed {
                    observed.message_sent(bytes);
                }
                Ok(())
            }
        }
    }

    /// Lets the headers leave at once rather than with the first message, so that a client goes on that waits for them. For
    /// handlers whose first message may be long in coming. What has left stays: further headers are refused, and a
    /// failure is told in trailers behind it. Headers that have left are not sent again.
    ///
    /// # Errors
    /// As [`send`](Self::send), if the call has ended; INTERNAL on a client, whose headers leave by themselves.
    pub fn send_headers(&mut self) -> Result<(), Status> {
        self.announce();
        match &self.sink {
            Sink::Messages(_) => Ok(()),
            Sink::Call { direction: Direction::Request, .. } => {
                Err(Status::internal("a client's headers leave by themselves"))
            }
            Sink::Call { exchange, .. } if exchange.send_headers() => Ok(()),
            Sink::Call { exchange, .. } => Err(exchange.send_failure()),
        }
    }

    /// Says that no message follows. A handler's replies end when the handler returns; it need not call this.
    pub fn finish(mut self) {
        if let Sink::Call { exchange, direction: Direction::Request, finished, .. } = &mut self.sink {
            *finished = true;
            exchange.finish_request();
        }
    }

    /// Says whether sending is pointless because the call has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        match &self.sink {
            Sink::Messages(_) => false,
            Sink::Call { exchange, .. } => exchange.is_over(),
        }
    }

    /// Adds a header to the replies, before the first is sent. For handlers.
    ///
    /// # Errors
    /// INTERNAL if the headers have left, on a client, or if key or value may not travel.
    pub fn header(&mut self, key: impl Into<Cow<'static, str>>, value: impl AsRef<str>) -> Result<(), Status> {
        self.edit_headers(|headers| headers.append(key, value.as_ref()))
    }

    /// Adds a binary header to the replies, before the first is sent. For handlers.
    ///
    /// # Errors
    /// As [`header`](Self::header).
    pub fn header_bin(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Result<(), Status> {
        self.edit_headers(|headers| headers.append_bin(key, value.into()))
    }

    /// Adds a trailer, sent after the last reply. For handlers.
    ///
    /// # Errors
    /// INTERNAL if the call has ended, on a client, or if key or value may not travel.
    pub fn trailer(&mut self, key: impl Into<Cow<'static, str>>, value: impl AsRef<str>) -> Result<(), Status> {
        self.edit_trailers(|trailers| trailers.append(key, value.as_ref()))
    }

    /// Adds a binary trailer, sent after the last reply. For handlers.
    ///
    /// # Errors
    /// As [`trailer`](Self::trailer).
    pub fn trailer_bin(&mut self, key: impl Into<Cow<'static, str>>, value: impl Into<Bytes>) -> Result<(), Status> {
        self.edit_trailers(|trailers| trailers.append_bin(key, value.into()))
    }

    fn edit_headers(&self, edit: impl FnOnce(&mut Metadata) -> Result<(), MetadataError>) -> Result<(), Status> {
        match &self.sink {
            Sink::Call { exchange, direction: Direction::Response, .. } => exchange
                .edit_headers(edit)
                .ok_or_else(|| {
                    Status::internal("the headers have left with the first reply")
                        .note("hint", "set headers before the first reply is sent, or a trailer instead")
                })?
                .map_err(metadata_fault),
            Sink::Call { .. } => Err(Status::internal("a client's headers are its call's metadata")
                .note("hint", "say .metadata(..) on the call before it is awaited")),
            Sink::Messages(_) => edit(&mut Metadata::new()).map_err(metadata_fault),
        }
    }

    fn edit_trailers(&self, edit: impl FnOnce(&mut Metadata) -> Result<(), MetadataError>) -> Result<(), Status> {
        match &self.sink {
            Sink::Call { exchange, direction: Direction::Response, .. } => exchange
                .edit_trailers(edit)
                .ok_or_else(|| Status::internal("the call has ended"))?
                .map_err(metadata_fault),
            Sink::Call { .. } => Err(Status::internal("a client sends no trailers")
                .note("hint", "send it in a message, or by .metadata(..) on the call before it is awaited")),
            Sink::Messages(_) => edit(&mut Metadata::new()).map_err(metadata_fault),
        }
    }
}

impl<T: 'static> Drop for MessageSender<T> {
    fn drop(&mut self) {
        if let Sink::Call { exchange, direction: Direction::Request, finished: false, .. } = &self.sink {
            exchange.cancel_with(|| Status::cancelled("the request stream was dropped without `finish()`"));
        }
    }
}

impl<T: 'static> fmt::Debug for MessageSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageSender").field("is_closed", &self.is_closed()).finish_non_exhaustive()
    }
}
