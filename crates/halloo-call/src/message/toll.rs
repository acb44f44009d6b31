//! What reading and writing messages costs, paid in turns of the executor. Knows no runtime.

use std::task::{Context, Poll};

/// Work after which other tasks, sockets and timers have a turn. tokio looks at sockets and timers after 61 turns of busy
/// tasks, so a message of 4 MiB (some 10 ms of decompressing and decoding) is followed by such a look.
const BYTES_PER_TURN: usize = 64 * 1024;

/// What a message costs besides its bytes.
const BYTES_PER_MESSAGE: usize = 256;

/// The work of one direction of a call that has not been paid yet.
///
/// A stream with messages waiting is ready at once, again and again, and takes nothing from tokio's cooperative budget:
/// its task would run until the peer stops. So each turn's worth of work is paid by one `Pending` with a wake-up.
#[derive(Debug, Default)]
pub(crate) struct Toll {
    bytes: usize,
}

impl Toll {
    /// Charges a message, by its bytes without compression.
    #[inline]
    pub(crate) fn charge(&mut self, bytes: usize) {
        self.bytes += BYTES_PER_MESSAGE + bytes;
    }

    /// Ready when nothing is to be paid. Cancel safe: what is paid is paid.
    #[inline]
    pub(crate) fn poll_paid(&mut self, cx: &Context<'_>) -> Poll<()> {
        if self.bytes < BYTES_PER_TURN {
            return Poll::Ready(());
        }
        self.pay(cx)
    }

    #[cold]
    fn pay(&mut self, cx: &Context<'_>) -> Poll<()> {
        self.bytes -= BYTES_PER_TURN;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
