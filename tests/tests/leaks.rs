//! Ten thousand calls, each given up at a random point, leave no memory behind. A binary of its own: it counts every
//! allocated byte of the process, in which both sides live.
#![allow(clippy::unwrap_used, reason = "a test ends where something unexpected happens")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use std::time::Duration;

use halloo_tests::{Letter, PostClient};
use support::rig::{Rig, Transport};
use support::soon;

const CONCURRENCY: u64 = 100;
const CALLS: usize = 10_000;

/// What may be left while the connection lives: less than a word a call, so that no queue, table or cycle can have kept
/// one. Buffers and tables of the connection keep the size that the load has given them, which differs from round to
/// round by some 30 KiB.
const CONNECTED_TOLERANCE_BYTES: isize = 60_000;

/// What may be left when client and server have gone: less than half a word a call. It is the read buffer of a worker
/// thread that had no connection to read in the first cycle (32 KiB), and what the runtime keeps.
const TOLERANCE_BYTES: isize = (32 + 4) * 1024;

static ALLOCATED_BYTES: AtomicIsize = AtomicIsize::new(0);

/// Counts what is allocated.
struct Counting;

#[expect(unsafe_code, reason = "a global allocator cannot be written without")]
mod counting {
    use super::*;

    // SAFETY: every call goes to the system's allocator as it is; counting changes nothing of it.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            ALLOCATED_BYTES.fetch_add(layout.size().cast_signed(), Ordering::Relaxed);
            // SAFETY: as above.
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            ALLOCATED_BYTES.fetch_sub(layout.size().cast_signed(), Ordering::Relaxed);
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

/// Makes `calls` calls, `CONCURRENCY` at a time, each cancelled within 40 ms: most live longer than the 10 ms below
/// which a server takes a reset for an attack.
async fn round(rig: &Rig, calls: usize, seed: u64) {
    let left = Arc::new(AtomicUsize::new(calls));
    let tasks: Vec<_> = (0..CONCURRENCY)
        .map(|index| {
            let (left, client) = (Arc::clone(&left), rig.client.clone());
            tokio::spawn(async move {
                let mut random = seed + index;
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

/// The bytes that are allocated once background work is done: timers are swept and buffers given back within a second.
async fn settled_bytes(at_most: isize) -> isize {
    let mut looks = tokio::time::interval(Duration::from_millis(100));
    for _ in 0..30 {
        if ALLOCATED_BYTES.load(Ordering::Relaxed) <= at_most {
            break;
        }
        looks.tick().await;
    }
    ALLOCATED_BYTES.load(Ordering::Relaxed)
}

/// Makes `calls` calls on a rig of their own and looks at what they leave on its connection.
async fn cycle(transport: Transport, calls: usize) {
    let rig = Rig::new(transport).await;
    round(&rig, CALLS / 10, 1).await;
    let before = ALLOCATED_BYTES.load(Ordering::Relaxed);
    round(&rig, calls, 1_000_003).await;
    let left = settled_bytes(before + CONNECTED_TOLERANCE_BYTES).await - before;
    assert!(left <= CONNECTED_TOLERANCE_BYTES, "{left} bytes are left of {calls} calls");
    // Returns at once: the tables of streams are empty.
    rig.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelled_calls_leave_nothing() {
    for transport in [Transport::Tcp, Transport::InProcess] {
        cycle(transport, CALLS / 10).await;
        let before = ALLOCATED_BYTES.load(Ordering::Relaxed);
        cycle(transport, CALLS).await;
        let left = settled_bytes(before + TOLERANCE_BYTES).await - before;
        assert!(left <= TOLERANCE_BYTES, "{left} bytes are left of {CALLS} calls, client and server gone");
        eprintln!("{left} bytes left");
    }
}
