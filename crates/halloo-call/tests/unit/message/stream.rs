//! Tests of `src/message/stream.rs`.

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
