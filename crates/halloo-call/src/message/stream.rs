//! `futures_core::Stream` for the message halves, behind the feature `stream`: for adapters that others wrote.
//!
//! Nothing of ours needs it: `next()` and `send()` are the interface.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use futures_core::Stream;
use halloo_core::Status;

use crate::message::receiver::MessageReceiver;
use crate::message::sender::MessageSender;

/// Yields each message, or the error that ended the call, and then ends. Where both are in scope, the receiver's own
/// [`next`](MessageReceiver::next) goes before that of an extension trait.
///
/// ```
/// use futures_core::Stream;
/// # mod halloo { pub use halloo_call::MessageReceiver; pub use halloo_core::Status; }
/// use halloo::MessageReceiver;
///
/// fn takes_a_stream(_: impl Stream<Item = Result<u32, halloo::Status>>) {}
///
/// takes_a_stream(MessageReceiver::from([1, 2]));
/// ```
impl<T: 'static> Stream for MessageReceiver<T> {
    type Item = Result<T, Status>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let receiver = self.get_mut();
        // `next` repeats its error for ever; a stream that did would keep the loop of whoever skips errors going.
        if receiver.has_failed() {
            return Poll::Ready(None);
        }
        MessageReceiver::poll_next(receiver, cx).map(Result::transpose)
    }
}

impl<T: 'static> MessageSender<T> {
    /// Sends every message of a stream, as [`send`](Self::send) does, until it ends. It is asked for the next message
    /// only after the last has found room. Needs the feature `stream`.
    ///
    /// Not cancel safe: dropped while it waits, a message may have been taken off the stream and not sent.
    ///
    /// # Errors
    /// As [`send`](Self::send), of the first message that fails.
    pub async fn send_stream(&mut self, messages: impl Stream<Item = T>) -> Result<(), Status> {
        let mut messages = pin!(messages);
        while let Some(message) = std::future::poll_fn(|cx| messages.as_mut().poll_next(cx)).await {
            self.send(message).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "../../tests/unit/message/stream.rs"]
mod tests;
