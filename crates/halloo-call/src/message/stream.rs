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
mod tests {
    use std::task::Waker;

    use bytes::Bytes;
    use halloo_core::{Code, Codec, DecodeLimits, EncodeBuffer, MethodDescriptor, MethodKind};

    use super::*;
    use crate::exchange;

    struct Raw;

    impl Codec<Bytes> for Raw {
        fn subtype(&self) -> &'static str {
            "raw"
        }

        fn encode(&self, message: &Bytes, out: &mut EncodeBuffer) -> Result<(), Status> {
            out.put_bytes(message.clone());
            Ok(())
        }

        fn decode(&self, body: Bytes, _: &DecodeLimits) -> Result<Bytes, Status> {
            Ok(body)
        }
    }

    static METHOD: MethodDescriptor = MethodDescriptor::new("a.B", "C", "/a.B/C", MethodKind::ServerStreaming);

    /// Yields what is in it, then ends.
    struct Letters(std::vec::IntoIter<Bytes>);

    impl Stream for Letters {
        type Item = Bytes;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Bytes>> {
            Poll::Ready(self.0.next())
        }
    }

    fn next<T>(stream: &mut (impl Stream<Item = T> + Unpin)) -> Option<T> {
        match Pin::new(stream).poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(item) => item,
            Poll::Pending => panic!("there is nothing to wait for"),
        }
    }

    fn send_stream(sender: &mut MessageSender<Bytes>, messages: Vec<Bytes>) -> Poll<Result<(), Status>> {
        let sending = pin!(sender.send_stream(Letters(messages.into_iter())));
        sending.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn messages_come_and_then_the_end() {
        let mut receiver = MessageReceiver::from(["a", "b"]);
        for expected in [Some("a"), Some("b"), None, None] {
            assert_eq!(next(&mut receiver).map(Result::unwrap), expected);
        }
    }

    #[test]
    fn an_error_comes_once() {
        let (caller, responder) = exchange();
        let mut receiver = MessageReceiver::for_replies(caller, &Raw, DecodeLimits::default(), &METHOD);
        responder.finish(Err(Status::not_found("nobody")));
        assert_eq!(next(&mut receiver).map(|item| item.unwrap_err().code()), Some(Code::NotFound));
        assert!(next(&mut receiver).is_none());
    }

    #[test]
    fn a_stream_is_sent_until_there_is_no_room() {
        let (caller, responder) = exchange();
        let mut sender = MessageSender::for_requests(&caller, &Raw, usize::MAX);
        let large = Bytes::from(vec![7; crate::PIPE_LIMIT_BYTES]);
        assert!(send_stream(&mut sender, vec![Bytes::new(), large.clone()]).is_ready());
        assert!(!sender.has_room());
        assert!(send_stream(&mut sender, vec![large.clone()]).is_pending());
        responder.collect(None, true, drop);
        assert!(sender.has_room());
        responder.finish(Err(Status::aborted("enough")));
        let Poll::Ready(Err(status)) = send_stream(&mut sender, vec![large]) else { panic!("the call has ended") };
        assert_eq!(status.code(), Code::Aborted);
    }
}
