//! The door for HTTP/1.x: what serves such connections, and the bytes that it gets.
//!
//! Nothing here speaks HTTP/1.x; an [`Acceptor`](crate::Acceptor) hands connections over that begin with a request
//! line.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Context, Poll};

use bytes::{Buf, BytesMut};
use halloo_core::Peer;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::opening::acceptor::ByteStream;

/// Serves connections that speak HTTP/1.x.
pub trait Http1: Send + Sync + 'static {
    /// Begins to serve `io`, which yields every byte that `peer` has sent.
    ///
    /// It is called in the connection's task, which polls the result there. What the peer may send, and how slowly, is
    /// for the implementation to limit; the time until it had sent the first bytes was limited already.
    fn serve(&self, io: Box<dyn ByteStream>, peer: Peer) -> Pin<Box<dyn Http1Connection>>;
}

/// Whether a server has something that serves HTTP/1.x.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Http1Service {
    Present,
    Absent,
}

/// One connection that speaks HTTP/1.x; resolves when it has ended. Dropped, it ends at once.
pub trait Http1Connection: Future<Output = ()> + Send {
    /// Lets it end once the request under way is answered. It is polled afterwards.
    fn shutdown(self: Pin<&mut Self>);
}

/// A byte stream that yields bytes once more that were read from it already.
#[derive(Debug)]
pub(crate) struct Replay<Io> {
    first: BytesMut,
    io: Io,
}

impl<Io> Replay<Io> {
    pub(crate) fn new(first: BytesMut, io: Io) -> Self {
        Self { first, io }
    }

    /// The bytes that are yet to be yielded once more.
    #[cfg(feature = "_tls")]
    pub(crate) fn first(&self) -> &[u8] {
        &self.first
    }
}

impl<Io: AsyncRead + Unpin> AsyncRead for Replay<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.first.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, into);
        }
        let length = self.first.len().min(into.remaining());
        into.put_slice(&self.first[..length]);
        self.first.advance(length);
        if self.first.is_empty() {
            self.first = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<Io: AsyncWrite + Unpin> AsyncWrite for Replay<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// Lends a byte stream: it comes back when the borrower drops it, as long as the [`Return`] lives.
pub(crate) fn lend<Io>(io: Io) -> (Lent<Io>, Return<Io>) {
    let back = Return::default();
    (Lent { io: Some(io), back: Arc::downgrade(&back.slot) }, back)
}

/// A byte stream that goes back to its lender when it is dropped.
pub(crate) struct Lent<Io> {
    /// `None` while it is dropped.
    io: Option<Io>,
    back: Weak<Slot<Io>>,
}

/// Where a stream that was lent arrives when it is dropped.
pub(crate) struct Return<Io> {
    slot: Arc<Slot<Io>>,
}

type Slot<Io> = Mutex<Option<Io>>;

impl<Io> Return<Io> {
    /// Takes the stream; `None` as long as the borrower has it.
    pub(crate) fn take(&self) -> Option<Io> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl<Io> Default for Return<Io> {
    fn default() -> Self {
        Self { slot: Arc::new(Mutex::new(None)) }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Lent<Io> {
    fn io(&mut self) -> Pin<&mut Io> {
        Pin::new(self.io.as_mut().expect("it is there until the drop"))
    }
}

impl<Io> Drop for Lent<Io> {
    fn drop(&mut self) {
        if let Some(slot) = self.back.upgrade() {
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = self.io.take();
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncRead for Lent<Io> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.io().poll_read(cx, into)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Lent<Io> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.io().poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.io().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.io().poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.as_ref().is_some_and(AsyncWrite::is_write_vectored)
    }
}
