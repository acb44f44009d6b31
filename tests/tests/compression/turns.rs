//! Messages that are ready at once leave turns to other tasks, by what reading and writing them costs.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

use halloo::compression::{Compressor, Zstd};
use halloo::{ChannelBuilder, Router};
use halloo_tests::{Letter, PostClient, PostServer};

use crate::support::office::{Office, Seen};
use crate::support::soon;

const MESSAGES: u32 = 32;
const PARCEL_BYTES: usize = 1 << 20;
/// Bytes without compression after which others have a turn.
const BYTES_PER_TURN: usize = 64 * 1024;

/// Who works on messages that small bytes on the wire become.
#[derive(Clone, Copy, Debug)]
enum Work {
    ClientWrites,
    ServerReads,
    ServerWrites,
    ClientReads,
    UnaryRequest,
    UnaryReply,
}

struct Rig {
    post: PostClient,
    seen: Arc<Seen>,
    turns: Arc<AtomicUsize>,
}

impl Rig {
    /// Everything is in one thread: turns that others have are turns that the work has left to them.
    fn new() -> Self {
        let office = Office::default();
        let seen = Arc::clone(&office.seen);
        let compressor = Compressor { algorithm: Arc::new(Zstd), min_bytes: 1024 };
        let router = Router::new(PostServer::new(office)).compressor(compressor);
        let post = PostClient::new(ChannelBuilder::in_process(router).compress(Zstd).build().unwrap());
        let turns = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&turns);
        // Not `yield_now`, which waits for the next look at sockets and timers.
        tokio::spawn(poll_fn(move |cx| {
            counted.fetch_add(1, Ordering::Relaxed);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        }));
        Self { post, seen, turns }
    }

    async fn turns_during<T>(&self, work: impl Future<Output = T>) -> (usize, T) {
        let before = self.turns.load(Ordering::Relaxed);
        let result = soon(work).await;
        (self.turns.load(Ordering::Relaxed) - before, result)
    }

    /// The turns that others have while so many bytes are worked on.
    async fn turns_of(&self, work: Work) -> (usize, usize) {
        let letter = Letter::default().with_parcel(vec![0; PARCEL_BYTES]);
        let all = MESSAGES as usize * PARCEL_BYTES;
        match work {
            Work::ClientWrites | Work::ServerReads => {
                let (mut requests, reply) = self.post.collect().await.unwrap();
                requests.send(Letter::default().with_text("gate")).await.unwrap();
                let letters = std::iter::repeat_n(letter, MESSAGES as usize);
                let (written, sent) = self.turns_during(requests.send_all(letters)).await;
                sent.unwrap();
                requests.finish();
                self.seen.started(1).await;
                self.seen.gate.add_permits(1);
                let (read, reply) = self.turns_during(reply.into_future()).await;
                assert_eq!(reply.unwrap().parcel.len(), (MESSAGES as usize + 1) * 4);
                (if let Work::ClientWrites = work { written } else { read }, all)
            }
            Work::ServerWrites | Work::ClientReads => {
                let mut replies = self.post.follow(letter.with_number(MESSAGES)).await.unwrap();
                self.seen.started(1).await;
                let (written, ()) = self.turns_during(self.seen.running(0)).await;
                let (read, ()) = self.turns_during(async { while replies.next().await.unwrap().is_some() {} }).await;
                (if let Work::ServerWrites = work { written } else { read }, all)
            }
            Work::UnaryRequest => {
                let letter = letter.with_parcel(vec![0; 3 * PARCEL_BYTES]).with_text("facts");
                let call = self.post.answer(letter).into_future();
                let (turns, reply) = self.turns_during(call).await;
                reply.unwrap();
                // The reply has the parcel as well.
                (turns / 2, 3 * PARCEL_BYTES)
            }
            Work::UnaryReply => {
                let letter = Letter::default().with_text("big").with_number(3 * PARCEL_BYTES as u32);
                let (turns, reply) = self.turns_during(self.post.answer(letter).into_future()).await;
                assert_eq!(reply.unwrap().parcel.len(), 3 * PARCEL_BYTES);
                (turns, 3 * PARCEL_BYTES)
            }
        }
    }
}

#[tokio::test]
async fn others_have_turns_by_what_messages_cost() {
    for work in [
        Work::ClientWrites,
        Work::ServerReads,
        Work::ServerWrites,
        Work::ClientReads,
        Work::UnaryRequest,
        Work::UnaryReply,
    ] {
        let (turns, bytes) = Rig::new().turns_of(work).await;
        // The first message may be written before the count begins, and the last is paid by the call that asks for another.
        let expected = bytes / BYTES_PER_TURN * 9 / 10;
        assert!(turns >= expected, "{work:?}: {turns} turns for {bytes} bytes, at least {expected} expected");
    }
}
