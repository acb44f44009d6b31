//! The end of a socket: the last words, then a half-closed socket whose input is read and dropped. A socket that is
//! closed at once answers what the peer still sends (a WINDOW_UPDATE is enough) with a reset, and a reset destroys
//! what the peer has not received yet (RFC 9112 section 9.6). All drivers close through this file.
//! ```text
//!  Shutdown ── written ──▶ Lingering ── the peer's end, silence, or the limit ──▶ Closed
//!      └────── the limit, or an error ────────────────────────────────────────────▲
//! ```

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::Sleep;

use crate::clock::now;
use crate::mailbox::{Mail, Mailbox};
use crate::server::call::NoStart;

/// How long the socket may take for the last words, such as those of TLS.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(5);

/// How long a peer may be silent before the socket is closed. grpc-go waits as long.
const SILENCE_LIMIT: Duration = Duration::from_secs(1);

/// How long a peer that keeps sending may read what is under way to it.
const LINGER_LIMIT: Duration = Duration::from_secs(30);

const DROPPED_BYTES: usize = 4 * 1024;

/// Reads before other tasks run.
const READS_PER_POLL: usize = 16;

/// One socket's way to its end. Dropped, it closes at once.
#[derive(Debug)]
pub(crate) struct Closing {
    phase: Phase,
    timer: Pin<Box<Sleep>>,
    /// Its place among those that a server can close early.
    lingerer: Option<Lingerer>,
}

#[derive(Debug)]
enum Phase {
    Shutdown,
    Lingering { since: Instant, heard: Instant },
    Closed,
}

impl Closing {
    /// Begins to close a socket to which everything was written.
    pub(crate) fn new(lingerer: Option<Lingerer>) -> Self {
        Self { phase: Phase::Shutdown, timer: Box::pin(tokio::time::sleep(LAST_WORDS_LIMIT)), lingerer }
    }

    /// Moves on; ready when the socket can be dropped.
    pub(crate) fn poll<Io>(&mut self, io: &mut Io, cx: &mut Context<'_>) -> Poll<()>
    where
        Io: AsyncRead + AsyncWrite + Unpin,
    {
        if let Phase::Shutdown = self.phase {
            self.phase = match Pin::new(&mut *io).poll_shutdown(cx) {
                Poll::Ready(Ok(())) => {
                    let since = now();
                    self.wait_until(since + SILENCE_LIMIT);
                    self.lingerer.iter_mut().for_each(Lingerer::enter);
                    Phase::Lingering { since, heard: since }
                }
                Poll::Ready(Err(_)) => Phase::Closed,
                Poll::Pending => {
                    ready!(self.timer.as_mut().poll(cx));
                    Phase::Closed
                }
            };
        }
        if let Phase::Lingering { since, heard } = self.phase {
            ready!(self.poll_linger(io, cx, since, heard));
            self.phase = Phase::Closed;
        }
        self.lingerer = None;
        Poll::Ready(())
    }

    /// Lets the next [`poll`](Self::poll) be the last.
    pub(crate) fn end(&mut self) {
        self.phase = Phase::Closed;
    }

    fn poll_linger<Io>(&mut self, io: &mut Io, cx: &mut Context<'_>, since: Instant, mut heard: Instant) -> Poll<()>
    where
        Io: AsyncRead + Unpin,
    {
        for _ in 0..READS_PER_POLL {
            let mut dropped = [std::mem::MaybeUninit::uninit(); DROPPED_BYTES];
            let mut dropped = ReadBuf::uninit(&mut dropped);
            match Pin::new(&mut *io).poll_read(cx, &mut dropped) {
                Poll::Ready(Ok(())) if !dropped.filled().is_empty() => heard = now(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => {
                    self.phase = Phase::Lingering { since, heard };
                    let until = (heard + SILENCE_LIMIT).min(since + LINGER_LIMIT);
                    // The timer is moved when it fires, not for every read.
                    while self.timer.as_mut().poll(cx).is_ready() {
                        if now() >= until {
                            return Poll::Ready(());
                        }
                        self.wait_until(until);
                    }
                    return Poll::Pending;
                }
            }
        }
        if now() >= since + LINGER_LIMIT {
            return Poll::Ready(());
        }
        self.phase = Phase::Lingering { since, heard };
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn wait_until(&mut self, at: Instant) {
        self.timer.as_mut().reset(at.into());
    }
}

/// Says `last_words`, which may be none, and closes.
pub(crate) async fn say_and_close<Io>(mut io: Io, last_words: &[u8], lingerer: Option<Lingerer>)
where
    Io: AsyncRead + AsyncWrite + Unpin,
{
    use tokio::io::AsyncWriteExt as _;

    let said = tokio::time::timeout(LAST_WORDS_LIMIT, io.write_all(last_words)).await;
    if let Ok(Ok(())) = said {
        let mut closing = Closing::new(lingerer);
        std::future::poll_fn(|cx| closing.poll(&mut io, cx)).await;
    }
}

/// The lingering connections of one server, the oldest first: those that give way when there are too many connections.
#[derive(Debug, Default)]
pub(crate) struct Lingerers {
    state: Mutex<State>,
    entered: Notify,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    connections: BTreeMap<u64, Arc<Mailbox<NoStart>>>,
}

impl Lingerers {
    /// Returns the place of a connection that may linger later.
    pub(crate) fn lingerer(self: &Arc<Self>, mailbox: &Arc<Mailbox<NoStart>>) -> Lingerer {
        Lingerer { all: Arc::clone(self), mailbox: Arc::clone(mailbox), key: None }
    }

    /// Waits until a connection lingers, and lets the oldest one close at once. Cancel safe.
    pub(crate) async fn end_oldest(&self) {
        loop {
            // One permit is kept for an entry between the look and the wait.
            if let Some((_, oldest)) = { self.lock().connections.pop_first() } {
                // One that has ended meanwhile needs no telling.
                let _ = oldest.post(Mail::Close);
                return;
            }
            self.entered.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place among the lingering ones, left when it is dropped.
#[derive(Debug)]
pub(crate) struct Lingerer {
    all: Arc<Lingerers>,
    mailbox: Arc<Mailbox<NoStart>>,
    /// `None` until it lingers.
    key: Option<u64>,
}

impl Lingerer {
    fn enter(&mut self) {
        let mut state = self.all.lock();
        let key = state.next;
        state.next += 1;
        state.connections.insert(key, Arc::clone(&self.mailbox));
        self.key = Some(key);
        drop(state);
        self.all.entered.notify_one();
    }
}

impl Drop for Lingerer {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.all.lock().connections.remove(&key);
        }
    }
}

#[cfg(test)]
#[path = "../../tests/unit/socket/closing.rs"]
mod tests;
