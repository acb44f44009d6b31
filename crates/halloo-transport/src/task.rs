//! The task of a connection, for both sides: turns until nothing moves, then a rest until something wakes it.

use std::task::{Context, Poll};

use crate::mailbox::Mail;

/// Turns before the task lets others run.
const TURNS_PER_POLL: usize = 16;

/// One side's part in the task of a connection.
pub(crate) trait Side {
    /// What starts a call; a server is told of none.
    type Start;

    /// One turn: takes the mail, reads, handles what has come, and writes once. `true` if anything moved. `mail` is empty
    /// before and after.
    fn turn(&mut self, cx: &mut Context<'_>, mail: &mut Vec<Mail<Self::Start>>) -> bool;

    /// Whether the engine has ended, so that nothing is left but to close.
    fn is_over(&self) -> bool;

    /// Closes the socket, and what else has to end with the connection.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Hears that nothing moves any more.
    fn rest(&mut self, _cx: &mut Context<'_>) {}
}

/// Runs a connection; ready when it has closed.
#[inline]
pub(crate) fn poll_turns(side: &mut impl Side, cx: &mut Context<'_>) -> Poll<()> {
    let mut mail = Vec::new();
    for _ in 0..TURNS_PER_POLL {
        let moved = side.turn(cx, &mut mail);
        if side.is_over() && side.poll_close(cx).is_ready() {
            return Poll::Ready(());
        }
        if !moved {
            side.rest(cx);
            return Poll::Pending;
        }
    }
    cx.waker().wake_by_ref();
    Poll::Pending
}
