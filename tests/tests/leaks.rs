//! Ten thousand calls, each given up at a random point, leave no memory behind. A binary of its own: it counts every
//! allocated byte of the process, in which both sides live.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::Duration;

use halloo::http2::Http2Config;
use halloo_tests::{Letter, PostClient};
use support::rig::{Rig, Setup, Transport};
use support::soon;
use tokio::time::MissedTickBehavior;

const CONCURRENCY: u64 = 100;
const CALLS: usize = 10_000;

/// Threads of the runtime.
const WORKERS: usize = 2;

/// What one read buffer of the transport takes. They belong to threads, not to connections or calls: how many a thread
/// has made depends on which tasks the kernel let it run. So they are counted apart from what calls leave.
const READ_BUFFER_BYTES: usize = 32 * 1024;

/// The read buffers that threads may keep, four each (`SPARE_BUFFERS` of the transport).
const MAX_READ_BUFFERS: isize = 4 * WORKERS as isize;

/// What may be left while the connection lives: less than a word a call, so that no queue, table or cycle can have kept
/// one. Compared with a connection that has carried one call, it is the tables of HPACK and the capacity that others
/// keep: some 45 KiB.
const CONNECTED_TOLERANCE_BYTES: isize = 60_000;

/// What may be left when client and server have gone: less than a byte a call. It is what the runtime and statics keep
/// once they were used: some 3 KiB.
const TOLERANCE_BYTES: isize = 8 * 1024;

/// All that is allocated but read buffers.
static ALLOCATED_BYTES: AtomicIsize = AtomicIsize::new(0);
static READ_BUFFERS: AtomicIsize = AtomicIsize::new(0);

/// Counts what is allocated.
struct Counting;

/// The counter of an allocation of `bytes`, and what it counts.
fn counter(bytes: usize) -> (&'static AtomicIsize, isize) {
    if bytes == READ_BUFFER_BYTES { (&READ_BUFFERS, 1) } else { (&ALLOCATED_BYTES, bytes.cast_signed()) }
}

#[expect(unsafe_code, reason = "a global allocator cannot be written without")]
mod counting {
    use super::*;

    // SAFETY: every call goes to the system's allocator as it is; counting changes nothing of it.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let (counter, amount) = counter(layout.size());
            counter.fetch_add(amount, Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            let (counter, amount) = counter(layout.size());
            counter.fetch_sub(amount, Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { System.dealloc(pointer, layout) }
        }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Makes one call of a kind that `random` picks; most of them would never end.
async fn call(client: &PostClient, random: u64) -> Result<(), halloo::Status> {
    let text = ["hang", "x", "tell", "fail"][(random >> 2) as usize % 4];
    let letter = Letter::default().with_text(text).with_number(3).with_parcel(vec![1; (random >> 4) as usize % 2000]);
    match random % 4 {
        0 => drop(client.answer(letter).metadata("t-a", "1").timeout(Duration::from_secs(60)).await?),
        1 => {
            let mut replies = client.follow(letter).metadata("h-a", "1").await?;
            while replies.next().await?.is_some() {}
        }
        2 => {
            let (mut requests, reply) = client.collect().await?;
            for _ in 0..5 {
                requests.send(letter.clone()).await?;
            }
            requests.finish();
            reply.await?;
        }
        _ => {
            let (mut requests, mut replies) = client.chat().await?;
            for _ in 0..200 {
                requests.send(letter.clone()).await?;
                replies.next().await?;
            }
        }
    }
    Ok(())
}

/// Makes `calls` calls, `CONCURRENCY` at a time, each cancelled within 40 ms.
async fn round(rig: &Rig, calls: usize) {
    let left = Arc::new(AtomicUsize::new(calls));
    let tasks: Vec<_> = (0..CONCURRENCY)
        .map(|index| {
            let (left, client) = (Arc::clone(&left), rig.client.clone());
            tokio::spawn(async move {
                let mut random = 1_000_003 + index;
                while left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let point = Duration::from_micros((random >> 40) % 40_000);
                    // Either way is fine; what counts is what is left.
                    let _ = tokio::time::timeout(point, call(&client, random >> 33)).await;
                }
            })
        })
        .collect();
    for task in tasks {
        soon(task).await.unwrap();
    }
    rig.seen.running(0).await;
    rig.seen.failed.send_replace(Vec::new());
    // Whatever is still on its way has arrived when a call that began later has ended.
    rig.client.answer(Letter::default()).await.unwrap();
}

/// Waits until at most `bytes` are allocated besides read buffers, for so long that it will never come if it has not:
/// timers are swept and a connection gives back what it does not need within a second of quiet. Returns what is left
/// then.
async fn settled_bytes(bytes: isize) -> isize {
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    // However late a look is, the tasks that give memory back have their time before the next one.
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..200 {
        if ALLOCATED_BYTES.load(Ordering::Relaxed) <= bytes {
            break;
        }
        looks.tick().await;
    }
    ALLOCATED_BYTES.load(Ordering::Relaxed)
}

/// Makes `calls` calls on a rig of their own and looks at what they leave on its connection.
async fn cycle(transport: Transport, calls: usize) {
    // A server that gets no time sees calls and their resets at once, as in an attack, and would end the connection.
    let mut config = Http2Config::default();
    config.limits.resets.min_requests = u32::MAX;
    let rig = Setup::new(transport).server(|server| server.http2(config)).rig().await;
    rig.client.answer(Letter::default()).await.unwrap();
    let before = ALLOCATED_BYTES.load(Ordering::Relaxed);
    round(&rig, calls).await;
    let left = settled_bytes(before + CONNECTED_TOLERANCE_BYTES).await - before;
    assert!(left <= CONNECTED_TOLERANCE_BYTES, "{left} bytes are left of {calls} calls");
    // Returns at once: the tables of streams are empty.
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_calls_leave_nothing() {
    for transport in [Transport::Tcp, Transport::InProcess] {
        let before = ALLOCATED_BYTES.load(Ordering::Relaxed);
        cycle(transport, CALLS).await;
        let left = settled_bytes(before + TOLERANCE_BYTES).await - before;
        assert!(left <= TOLERANCE_BYTES, "{left} bytes are left of {CALLS} calls, client and server gone");
        let read_buffers = READ_BUFFERS.load(Ordering::Relaxed);
        assert!(read_buffers <= MAX_READ_BUFFERS, "{WORKERS} threads keep {read_buffers} read buffers");
        eprintln!("{left} bytes left, and {read_buffers} read buffers");
    }
}
