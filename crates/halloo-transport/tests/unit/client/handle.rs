//! Tests of `src/client/handle.rs`.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;
use std::time::Duration;

use bytes::Bytes;
use halloo_call::{Call, OutgoingHead, exchange};
use halloo_core::{Code, Deadline, MethodDescriptor, MethodKind};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::*;

static SAY: MethodDescriptor = MethodDescriptor::new("talk.Talk", "Say", "/talk.Talk/Say", MethodKind::Unary);

const LIMIT: Duration = Duration::from_secs(1);

/// A socket whose peer has sent SETTINGS and says nothing more; nothing can be written once it is broken.
struct Line {
    settings: &'static [u8],
    broken: Arc<AtomicBool>,
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match std::mem::take(&mut self.settings) {
            [] => Poll::Pending,
            settings => {
                buffer.put_slice(settings);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Line {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(match self.broken.load(Ordering::SeqCst) {
            true => Err(io::ErrorKind::BrokenPipe.into()),
            false => Ok(bytes.len()),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn a_call_of_which_nothing_has_left_comes_back_whole_and_one_that_has_left_does_not() {
    let broken = Arc::new(AtomicBool::new(false));
    let line = Line { settings: &[0, 0, 0, 4, 0, 0, 0, 0, 0], broken: Arc::clone(&broken) };
    let mut options = ConnectOptions::new("test");
    let (sender, mut returned) = tokio::sync::mpsc::unbounded_channel();
    options.returned = Some(ReturnedCalls::new(move |refused| sender.send(refused).unwrap()));
    let address = Address::Tcp(([127, 0, 0, 1], 1).into());
    let peer = Peer::tcp(([127, 0, 0, 1], 1).into());
    let connection = drive(&address, line, peer, "http", options).await.unwrap();

    let start = |text: &'static str| {
        let (caller, responder) = exchange();
        caller.push_request(Bytes::from_static(text.as_bytes()), true);
        connection.start(OutgoingCall::new(OutgoingHead::new(&SAY, "proto", Call::new(&SAY)), responder)).unwrap();
        caller
    };
    let first = start("first");
    tokio::task::yield_now().await;
    broken.store(true, Ordering::SeqCst);
    let _second = start("second");
    let refused = returned.recv().await.unwrap();
    let mut request = Vec::new();
    let progress = refused.responder.collect(None, true, |chunk| request.extend(chunk));
    assert_eq!((request.as_slice(), progress.finished), (b"second".as_slice(), true));
    assert!(!refused.head.was_refused, "it may be returned as often as it takes");
    let failed = first.collect(None, true, drop).outcome.unwrap().unwrap_err();
    assert_eq!(failed.message(), "the connection to 127.0.0.1:1 broke in the middle of the call: broken pipe");
    assert!(returned.try_recv().is_err());
}

/// The server has the same deadline, and may be the first to notice.
#[tokio::test(start_paused = true)]
async fn a_call_whose_stream_is_cancelled_at_its_deadline_ran_out_of_time() {
    for (at, code) in [(Duration::from_millis(999), Code::Cancelled), (LIMIT, Code::DeadlineExceeded)] {
        let (near, mut far) = tokio::io::duplex(4096);
        far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
        let address = Address::Tcp(([127, 0, 0, 1], 1).into());
        let peer = Peer::tcp(([127, 0, 0, 1], 1).into());
        let connection = drive(&address, near, peer, "http", ConnectOptions::new("test")).await.unwrap();
        let (caller, responder) = exchange();
        let mut call = Call::new(&SAY);
        call.set_deadline(Some(Deadline::after(crate::clock::now(), LIMIT)));
        connection.start(OutgoingCall::new(OutgoingHead::new(&SAY, "proto", call), responder)).unwrap();
        tokio::task::yield_now().await;

        far.write_all(&[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8]).await.unwrap();
        tokio::time::advance(at).await;
        let status = caller.collect(None, true, drop).outcome.unwrap().unwrap_err();
        assert_eq!(status.code(), code, "{status:?}");
    }
}

/// A server that refuses what it has begun to answer contradicts itself, but the other calls need not pay for it.
#[tokio::test]
async fn what_was_unread_of_a_call_that_is_refused_late_holds_no_window() {
    const PART: usize = 16 * 1024;
    const PREFACE: usize = 24;
    let (near, mut far) = tokio::io::duplex(1 << 20);
    far.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    let address = Address::Tcp(([127, 0, 0, 1], 1).into());
    let mut options = ConnectOptions::new("test");
    (options.http2.connection_window_bytes, options.http2.max_connection_window_bytes) = (65_535, 65_535);
    let peer = Peer::tcp(([127, 0, 0, 1], 1).into());
    let connection = drive(&address, near, peer, "http", options).await.unwrap();
    let mut credit = 65_535;
    for number in 0..8 {
        let (caller, responder) = exchange();
        connection.start(OutgoingCall::new(OutgoingHead::new(&SAY, "proto", Call::new(&SAY)), responder)).unwrap();
        tokio::task::yield_now().await;
        let id = 2 * number + 1;
        let mut answer = vec![0, 0, 20, 1, 4, 0, 0, 0, id, 0x88, 0x0f, 16, 16];
        answer.extend_from_slice(b"application/grpc");
        answer.extend_from_slice(&[0, 0x40, 0, 0, 0, 0, 0, 0, id]);
        answer.resize(answer.len() + PART, 0);
        answer.extend_from_slice(&[0, 0, 4, 3, 0, 0, 0, 0, id, 0, 0, 0, 7]);
        assert!(credit >= PART, "the window is full after {number} calls");
        credit -= PART;
        far.write_all(&answer).await.unwrap();
        tokio::task::yield_now().await;
        assert_eq!(caller.collect(None, true, drop).outcome.unwrap().unwrap_err().code(), Code::Unavailable);

        let mut said = vec![0; 1 << 20];
        let len = far.read(&mut said).await.unwrap();
        let mut frames = &said[if number == 0 { PREFACE } else { 0 }..len];
        while let [_, high, low, kind, _, stream @ .., _, _, _, _] = frames.get(..13).unwrap_or_default() {
            if (*kind, stream) == (8, [0; 4].as_slice()) {
                credit += u32::from_be_bytes(frames[9..13].try_into().unwrap()) as usize;
            }
            frames = &frames[9 + 256 * usize::from(*high) + usize::from(*low)..];
        }
    }
}
