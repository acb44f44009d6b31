//! The byte side of a connection's task: socket to engine, engine to socket, and the one timer.
//!
//! Holds no read buffer while nothing arrives: buffers belong to the thread and are borrowed for a turn. What
//! events mean is the server's and the client's driver to say.

use std::cell::RefCell;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use halloo_http2::{Connection, StreamId};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::time::Sleep;

use crate::socket::closing::{Closing, Lingerer};

/// What one read asks for. Larger payloads keep their read buffer alive while they are unread, so it is also
/// the unit of that waste.
const READ_BYTES: usize = 32 * 1024;

/// Reads in one turn, so that a fast peer cannot keep its connection's task from writing.
const READS_PER_TURN: usize = 4;

/// Read buffers that a thread keeps for its connections.
const SPARE_BUFFERS: usize = 4;

/// How long a connection keeps its buffers after it was last busy.
const QUIET_BEFORE_TRIM: Duration = Duration::from_secs(1);

/// Slices in one vectored write.
const SLICES_PER_WRITE: usize = 32;

thread_local! {
    static SPARE: RefCell<Vec<BytesMut>> = const { RefCell::new(Vec::new()) };
}

/// What reading brought in this turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReadTurn {
    /// Nothing; the task is woken when there is more.
    Idle,
    /// Bytes went to the engine, and there may be more.
    Fed,
    /// The peer closed its side, or the socket failed.
    Closed,
}

#[derive(Debug)]
pub(crate) struct Wire<Io> {
    io: Io,
    pub(crate) engine: Connection,
    /// An incomplete frame from the last turn.
    input: BytesMut,
    read_closed: bool,
    /// How the socket ends, once everything was written.
    closing: Option<Box<Closing>>,
    timer: Option<Pin<Box<Sleep>>>,
    armed_for: Option<Instant>,
    /// When the connection will have been quiet for long enough to give its memory back; `None` if it has.
    trim_at: Option<Instant>,
    /// The first stream of this side's that did not exist at the latest write: nothing of it has left.
    pub(crate) unsent: StreamId,
    /// What broke the socket, for the text of failed calls.
    pub(crate) io_error: Option<io::Error>,
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Wire<Io> {
    pub(crate) fn new(io: Io, engine: Connection) -> Self {
        Self {
            io,
            engine,
            input: BytesMut::new(),
            read_closed: false,
            closing: None,
            timer: None,
            armed_for: None,
            trim_at: None,
            unsent: StreamId::new(0),
            io_error: None,
        }
    }

    /// Takes bytes that were read from the socket already, before anything else is read.
    pub(crate) fn receive(&mut self, now: Instant, mut first: BytesMut) {
        self.engine.handle_input(now, &mut first);
        self.input = first;
    }

    /// Reads what there is and feeds it to the engine. `look` sees all bytes that wait, before the engine does.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant, mut look: impl FnMut(&[u8])) -> ReadTurn {
        if self.read_closed || self.closing.is_some() {
            return ReadTurn::Idle;
        }
        let mut turn = ReadTurn::Idle;
        let mut buffer = borrow_buffer(std::mem::take(&mut self.input));
        for _ in 0..READS_PER_TURN {
            if !self.engine.wants_input() {
                break;
            }
            buffer.reserve(READ_BYTES / 2);
            match pin!(self.io.read_buf(&mut buffer)).poll(cx) {
                Poll::Pending => break,
                Poll::Ready(Ok(0)) => {
                    turn = self.close_read(now);
                    break;
                }
                Poll::Ready(Err(error)) => {
                    // TLS without its last words (close_notify). What was cut short is known from the frames.
                    if error.kind() != io::ErrorKind::UnexpectedEof {
                        self.io_error = Some(error);
                    }
                    turn = self.close_read(now);
                    break;
                }
                Poll::Ready(Ok(_)) => {
                    look(&buffer);
                    self.engine.handle_input(now, &mut buffer);
                    turn = ReadTurn::Fed;
                }
            }
        }
        if buffer.is_empty() {
            return_buffer(buffer);
        } else {
            self.input = buffer;
        }
        turn
    }

    fn close_read(&mut self, now: Instant) -> ReadTurn {
        self.read_closed = true;
        self.engine.handle_eof(now);
        ReadTurn::Closed
    }

    /// Ends a turn in which something `moved`, or not: writes, notes how long the connection is quiet (`trim` gives memory
    /// back), and looks whether a time has come, `deadline` being the first of its calls'. `true` if anything moved.
    #[inline]
    pub(crate) fn end_turn(
        &mut self,
        cx: &mut Context<'_>,
        now: Instant,
        mut moved: bool,
        deadline: Option<Instant>,
        trim: impl FnOnce(),
    ) -> bool {
        moved |= self.poll_write(cx, now);
        if moved {
            // Memory is kept for a while, because most pauses are short.
            self.trim_at = Some(now + QUIET_BEFORE_TRIM);
        } else if self.trim_at.is_some_and(|at| at <= now) {
            self.trim_at = None;
            self.engine.trim();
            trim();
        }
        let timeout = [self.engine.poll_timeout(), deadline, self.trim_at].into_iter().flatten().min();
        let fired = self.poll_timer(cx, timeout);
        if fired {
            self.engine.handle_timeout(now.max(timeout.unwrap_or(now)));
        }
        moved | fired
    }

    /// Writes what the engine has, as far as the socket takes it; `true` if anything left, or the socket failed.
    fn poll_write(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let mut wrote = false;
        loop {
            let transmit = self.engine.poll_transmit(now);
            if transmit.is_empty() {
                return wrote | self.flush(cx, now);
            }
            let mut slices = [IoSlice::new(&[]); SLICES_PER_WRITE];
            let count = transmit.chunks_vectored(&mut slices);
            match Pin::new(&mut self.io).poll_write_vectored(cx, &slices[..count]) {
                Poll::Pending => return wrote,
                Poll::Ready(Ok(0)) => self.fail_write(now, io::ErrorKind::WriteZero.into()),
                Poll::Ready(Err(error)) => self.fail_write(now, error),
                Poll::Ready(Ok(count)) => {
                    wrote = true;
                    transmit.advance(count);
                    self.unsent = self.engine.next_stream();
                    continue;
                }
            }
            // The engine has events now that somebody has to see.
            return true;
        }
    }

    /// Moves on what TLS keeps for a socket that took no more. A socket itself keeps nothing. `true` if it failed.
    fn flush(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        match Pin::new(&mut self.io).poll_flush(cx) {
            Poll::Ready(Err(error)) if !self.read_closed => {
                self.fail_write(now, error);
                true
            }
            Poll::Pending | Poll::Ready(_) => false,
        }
    }

    fn fail_write(&mut self, now: Instant, error: io::Error) {
        self.io_error.get_or_insert(error);
        self.read_closed = true;
        self.engine.handle_eof(now);
    }

    /// Waits for `at`; `true` if it has come.
    fn poll_timer(&mut self, cx: &mut Context<'_>, at: Option<Instant>) -> bool {
        let Some(at) = at else { return false };
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
        // A timer that fires early costs a turn; moving it for every call would cost every call.
        if self.armed_for.is_none_or(|armed| at < armed || timer.is_elapsed()) {
            timer.as_mut().reset(at.into());
            self.armed_for = Some(at);
        }
        if timer.as_mut().poll(cx).is_pending() {
            return false;
        }
        self.armed_for = None;
        true
    }

    /// Closes the socket once everything was written, in a way that lets the peer read it. `lingerer` is asked for once.
    pub(crate) fn poll_close(&mut self, cx: &mut Context<'_>, lingerer: impl FnOnce() -> Option<Lingerer>) -> Poll<()> {
        let closing = self.closing.get_or_insert_with(|| Box::new(Closing::new(lingerer())));
        closing.poll(&mut self.io, cx)
    }

    /// Closes the socket without regard for a peer that still reads, if it is about to be closed.
    pub(crate) fn stop_lingering(&mut self) {
        self.closing.iter_mut().for_each(|closing| closing.end());
    }
}

fn borrow_buffer(rest: BytesMut) -> BytesMut {
    if !rest.is_empty() {
        return rest;
    }
    SPARE.with_borrow_mut(Vec::pop).unwrap_or_else(|| BytesMut::with_capacity(READ_BYTES))
}

fn return_buffer(buffer: BytesMut) {
    SPARE.with_borrow_mut(|spare| {
        if spare.len() < SPARE_BUFFERS {
            spare.push(buffer);
        }
    });
}
