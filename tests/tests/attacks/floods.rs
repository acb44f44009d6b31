//! Clients that want to wear the server out: each for a bounded count.

use std::time::Duration;

use halloo_tests::Letter;

use crate::raw::{
    ACK, CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS, PING, PRIORITY, RST_STREAM,
    Raw, SETTINGS, WINDOW_UPDATE, block, call_fields, call_fields_to, frame, put_length,
};
use crate::{beside_honest_calls, rig, rig_with};

/// A whole request for a handler that never ends.
fn hanging_call(stream: u32) -> Vec<u8> {
    let mut bytes = frame(HEADERS, END_HEADERS, stream, &block(&call_fields(&[])));
    bytes.extend(frame(DATA, END_STREAM, stream, b"\0\0\0\0\x06\x0a\x04hang"));
    bytes
}

#[tokio::test]
async fn rapid_reset() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let code = beside_honest_calls(&rig, async {
        for index in 0..2000 {
            raw.send(&hanging_call(2 * index + 1)).await;
            raw.send(&frame(RST_STREAM, 0, 2 * index + 1, &CANCEL.to_be_bytes())).await;
        }
        raw.goaway().await.0
    })
    .await;
    assert_eq!(code, ENHANCE_YOUR_CALM);
    rig.end().await;
}

#[tokio::test]
async fn resets_that_the_client_provokes() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let code = beside_honest_calls(&rig, async {
        for index in 0..2000 {
            raw.send(&hanging_call(2 * index + 1)).await;
            // An increment of 0 is a stream error.
            raw.send(&frame(WINDOW_UPDATE, 0, 2 * index + 1, &[0; 4])).await;
        }
        raw.goaway().await.0
    })
    .await;
    assert_eq!(code, ENHANCE_YOUR_CALM);
    rig.end().await;
}

#[tokio::test]
async fn more_streams_than_allowed_are_refused() {
    let rig = rig_with(|config| config.limits.max_concurrent_streams = 10).await;
    let mut raw = Raw::open(&rig).await;
    for index in 0..30 {
        raw.send(&hanging_call(2 * index + 1)).await;
    }
    let refused_stream = 7;
    assert_eq!(beside_honest_calls(&rig, raw.response(59)).await.reset, Some(refused_stream));
    assert_eq!(*rig.seen.running.borrow(), 10);
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn continuation_flood() {
    let rig = rig().await;
    for payload in [&b""[..], &block(&[("x", "y")])] {
        let mut raw = Raw::open(&rig).await;
        let code = beside_honest_calls(&rig, async {
            raw.send(&frame(HEADERS, 0, 1, &block(&call_fields(&[])))).await;
            for _ in 0..5000 {
                raw.send(&frame(CONTINUATION, 0, 1, payload)).await;
            }
            raw.goaway().await.0
        })
        .await;
        assert_eq!(code, ENHANCE_YOUR_CALM);
    }
    rig.end().await;
}

#[tokio::test]
async fn ping_flood() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let (code, text) = beside_honest_calls(&rig, async {
        for _ in 0..1000 {
            raw.send(&frame(PING, 0, 0, &[7; 8])).await;
        }
        raw.goaway().await
    })
    .await;
    assert_eq!((code, text.as_str()), (ENHANCE_YOUR_CALM, "too_many_pings"));
    rig.end().await;
}

/// The server stops reading, rather than keeping answers for a client that does not read them.
async fn flood_without_reading(bytes: &[u8]) {
    let rig = rig_with(|config| {
        config.limits.pings = None;
        config.limits.stalled_socket_timeout = Some(Duration::from_millis(200));
    })
    .await;
    let mut raw = Raw::open(&rig).await;
    raw.settle().await;
    let batch = bytes.repeat(1000);
    beside_honest_calls(&rig, async {
        // 256 MiB fit into no socket's buffers.
        for _ in 0..256 * 1024 * 1024 / batch.len() {
            if !raw.try_send(&batch) {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn ping_flood_without_reading() {
    flood_without_reading(&frame(PING, 0, 0, &[7; 8])).await;
}

#[tokio::test]
async fn settings_flood_without_reading() {
    flood_without_reading(&frame(SETTINGS, 0, 0, &[])).await;
}

#[tokio::test]
async fn settings_with_too_many_entries() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let entries = [0, 4, 0, 1, 0, 0].repeat(1000);
    raw.send(&frame(SETTINGS, 0, 0, &entries)).await;
    assert_eq!(beside_honest_calls(&rig, raw.goaway()).await.0, ENHANCE_YOUR_CALM);
    rig.end().await;
}

#[tokio::test]
async fn empty_data_flood() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let code = beside_honest_calls(&rig, async {
        raw.send(&frame(HEADERS, END_HEADERS, 1, &block(&call_fields_to("/post.Post/Collect", &[])))).await;
        for _ in 0..5000 {
            raw.send(&frame(DATA, 0, 1, b"")).await;
        }
        raw.goaway().await.0
    })
    .await;
    assert_eq!(code, ENHANCE_YOUR_CALM);
    rig.end().await;
}

#[tokio::test]
async fn useless_frames() {
    let rig = rig().await;
    for bytes in [frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1]), frame(0x99, 0, 0, b"unknown")] {
        let mut raw = Raw::open(&rig).await;
        let code = beside_honest_calls(&rig, async {
            for _ in 0..5000 {
                raw.send(&bytes).await;
            }
            raw.goaway().await.0
        })
        .await;
        assert_eq!(code, ENHANCE_YOUR_CALM);
    }
    rig.end().await;
}

#[tokio::test]
async fn window_update_flood() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    let code = beside_honest_calls(&rig, async {
        for _ in 0..5000 {
            raw.send(&frame(WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes())).await;
        }
        raw.goaway().await.0
    })
    .await;
    assert_eq!(code, ENHANCE_YOUR_CALM);
    rig.end().await;
}

/// A field that enters the dynamic table, and then references to it (RFC 7541 section 6.1: index 62).
fn bomb(value_bytes: usize, references: usize) -> Vec<u8> {
    let mut bytes = block(&call_fields(&[]));
    bytes.extend([0x40, 1, b'x']);
    put_length(&mut bytes, value_bytes);
    bytes.extend(vec![b'y'; value_bytes]);
    bytes.extend(vec![0x80 | 62; references]);
    bytes
}

#[tokio::test]
async fn hpack_bomb() {
    let rig = rig().await;
    // 3 KB of value and 2000 references to it would unfold into 6 MB.
    let mut raw = Raw::open(&rig).await;
    raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb(3000, 2000))).await;
    assert_eq!(beside_honest_calls(&rig, raw.goaway()).await.0, ENHANCE_YOUR_CALM);

    // A list that is a little too large is refused alone, and the table stays in step.
    let mut raw = Raw::open(&rig).await;
    raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb(3000, 8))).await;
    let response = beside_honest_calls(&rig, raw.response(1)).await;
    assert_eq!(response.status(), "8 the request's metadata is larger than this server accepts");
    let mut next = block(&call_fields(&[]));
    next.push(0x80 | 62);
    raw.send(&frame(HEADERS, END_HEADERS, 3, &next)).await;
    raw.send(&frame(DATA, END_STREAM, 3, &[0; 5])).await;
    assert_eq!(raw.response(3).await.status(), "0 ");
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn thousands_of_small_fields() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    // Each is one octet of the block, and a field of its own.
    raw.send(&frame(HEADERS, END_HEADERS | END_STREAM, 1, &bomb(1, 200))).await;
    let response = beside_honest_calls(&rig, raw.response(1)).await;
    assert_eq!(response.status(), "8 the request's metadata is larger than this server accepts");
    drop(raw);
    rig.end().await;
}

/// A client that asks for ever more and takes nothing.
async fn zero_window(raw: &mut Raw, streams: u32) {
    // Fields 1 and 2: an endless stream of 2000 bytes each.
    let mut letter = b"\x0a\x07endless\x12\xd0\x0f".to_vec();
    letter.extend([1; 2000]);
    let mut body = vec![0];
    body.extend(u32::try_from(letter.len()).unwrap().to_be_bytes());
    body.extend(letter);
    for index in 0..streams {
        let head = block(&call_fields_to("/post.Post/Follow", &[]));
        raw.send(&frame(HEADERS, END_HEADERS, 2 * index + 1, &head)).await;
        raw.send(&frame(DATA, END_STREAM, 2 * index + 1, &body)).await;
    }
}

const INITIAL_WINDOW_SIZE: u16 = 4;

#[tokio::test]
async fn zero_window_stall() {
    let rig = rig_with(|config| config.limits.stalled_window_timeout = Some(Duration::from_millis(100))).await;
    let mut raw = Raw::open_with(&rig, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    zero_window(&mut raw, 20).await;
    // The handlers wait, and are cancelled when nothing has moved for too long.
    let response = beside_honest_calls(&rig, raw.response(39)).await;
    assert!(response.reset.is_some() && response.data.is_empty(), "{response:?}");
    rig.seen.running(0).await;
    // The connection itself has done nothing wrong.
    raw.settle().await;
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn a_window_that_is_taken_back() {
    let rig = rig_with(|config| config.limits.stalled_window_timeout = Some(Duration::from_millis(100))).await;
    let mut raw = Raw::open_with(&rig, &[(INITIAL_WINDOW_SIZE, 60_000)]).await;
    zero_window(&mut raw, 1).await;
    rig.seen.started(2).await;
    // Below what was sent: the window is negative.
    let smaller = [&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &0_u32.to_be_bytes()].concat();
    raw.send(&frame(SETTINGS, 0, 0, &smaller)).await;
    let response = beside_honest_calls(&rig, raw.response(1)).await;
    assert!(response.reset.is_some() && response.data.len() <= 60_000, "{}", response.data.len());
    rig.seen.running(0).await;
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn a_client_that_reads_nothing_at_all() {
    let rig = rig_with(|config| config.limits.stalled_socket_timeout = Some(Duration::from_millis(200))).await;
    let mut raw = Raw::open_with(&rig, &[(INITIAL_WINDOW_SIZE, i32::MAX as u32)]).await;
    raw.send(&frame(WINDOW_UPDATE, 0, 0, &(i32::MAX as u32 - 65_535).to_be_bytes())).await;
    zero_window(&mut raw, 4).await;
    beside_honest_calls(&rig, rig.seen.started(5)).await;
    // The handlers are gone while the socket is still open, and unread.
    beside_honest_calls(&rig, async {
        loop {
            let running = *rig.seen.running.borrow();
            if running <= 1 {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    rig.seen.running(0).await;
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn a_settings_frame_that_is_never_acknowledged() {
    let rig = rig_with(|config| config.limits.settings_ack_timeout = Duration::from_millis(30)).await;
    let mut raw = Raw::silent(&rig).await;
    raw.send(crate::raw::PREFACE).await;
    raw.send(&frame(SETTINGS, 0, 0, &[])).await;
    let (code, _) = beside_honest_calls(&rig, raw.goaway()).await;
    assert_eq!(code, crate::raw::SETTINGS_TIMEOUT);
    rig.end().await;
}

#[tokio::test]
async fn acknowledgements_that_nobody_asked_for() {
    let rig = rig().await;
    let mut raw = Raw::open(&rig).await;
    beside_honest_calls(&rig, async {
        for _ in 0..5000 {
            raw.send(&frame(PING, ACK, 0, &[7; 8])).await;
        }
        raw.send(&frame(PING, 0, 0, &[1; 8])).await;
        // Whether it hangs up or shrugs, it does not break.
        while let Some(frame) = raw.next().await {
            if frame.kind == PING && frame.payload == [1; 8] {
                break;
            }
        }
    })
    .await;
    drop(raw);
    rig.end().await;
}

#[tokio::test]
async fn connections_that_vanish_mid_call_leave_nothing() {
    let rig = rig().await;
    for _ in 0..50 {
        let mut raw = Raw::open(&rig).await;
        raw.send(&hanging_call(1)).await;
        raw.send(&hanging_call(3)).await;
        drop(raw);
    }
    rig.client.answer(Letter::default()).await.unwrap();
    rig.end().await;
}
