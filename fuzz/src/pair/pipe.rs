//! The wire between the two: bytes in memory, that `h2` reads and writes and the loop in `world.rs` moves.

use std::cell::RefCell;
use std::io::Result;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// As much as waits between `h2` and us before `h2` has to wait; as a socket's buffer does.
const ROOM_BYTES: usize = 64 << 10;

/// What is under way in both directions.
#[derive(Debug, Default)]
pub(crate) struct Wire {
    pub(crate) to_h2: BytesMut,
    pub(crate) from_h2: BytesMut,
    /// We write nothing more.
    pub(crate) is_closed: bool,
    /// `h2` writes nothing more.
    pub(crate) is_shut: bool,
}

/// The end of the wire that `h2` holds. Nobody is woken: the loop polls as long as anything moves.
#[derive(Clone, Debug)]
pub(crate) struct Pipe(pub(crate) Rc<RefCell<Wire>>);

impl AsyncRead for Pipe {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let mut wire = self.0.borrow_mut();
        let len = wire.to_h2.len().min(buffer.remaining());
        if len == 0 && !wire.is_closed {
            return Poll::Pending;
        }
        buffer.put_slice(&wire.to_h2.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let mut wire = self.0.borrow_mut();
        let len = bytes.len().min(ROOM_BYTES.saturating_sub(wire.from_h2.len()));
        if len == 0 {
            return Poll::Pending;
        }
        wire.from_h2.extend_from_slice(&bytes[..len]);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        self.0.borrow_mut().is_shut = true;
        Poll::Ready(Ok(()))
    }
}
