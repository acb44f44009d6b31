//! RFC 9113 sections 5.2 and 6.9: windows in both directions.

use crate::support::{Pair, Peer, check_client, check_server, fields, request, response};
use bytes::{Buf, Bytes};
use halloo_http2::{Config, Connection, End, Event, StreamId};
use std::collections::HashMap;

#[test]
fn data_leaves_in_frames_up_to_both_windows() {
    check_client(
        "! request
        < HEADERS 1
        ! data 1 70000 END_STREAM
        < DATA 1 16384
        < DATA 1 16384
        < DATA 1 16384
        < DATA 1 16383
        > WINDOW_UPDATE 1 10000
        > WINDOW_UPDATE 0 4000
        < DATA 1 4000
        > WINDOW_UPDATE 0 400
        < DATA 1 400
        > WINDOW_UPDATE 0 400
        < DATA 1 65 END_STREAM",
    );
}

#[test]
fn every_write_counts_against_both_windows() {
    check_client(
        "> SETTINGS 4=10
        < SETTINGS ACK
        ! request
        < HEADERS 1
        ! data 1 6
        < DATA 1 6
        ! data 1 6
        < DATA 1 4
        > SETTINGS 4=100000
        < SETTINGS ACK
        < DATA 1 2
        ! data 1 16000
        < DATA 1 16000
        ! data 1 16000
        < DATA 1 16000
        ! data 1 16000
        < DATA 1 16000
        ! data 1 17530
        < DATA 1 16384
        < DATA 1 1139",
    );
}

#[test]
fn a_window_may_turn_negative_and_recovers() {
    check_client(
        "! request
        < HEADERS 1
        ! data 1 60000
        < DATA 1 16384
        < DATA 1 16384
        < DATA 1 16384
        < DATA 1 10848
        * Writable 1
        > SETTINGS 4=1000
        < SETTINGS ACK
        ! data 1 7 END_STREAM
        > WINDOW_UPDATE 1 59000
        > WINDOW_UPDATE 1 5
        < DATA 1 5
        > SETTINGS 4=1001
        < SETTINGS ACK
        < DATA 1 1
        > SETTINGS 4=65535
        < SETTINGS ACK
        < DATA 1 1 END_STREAM",
    );
}

#[test]
fn the_end_of_a_stream_needs_no_window() {
    check_client(
        "> SETTINGS 4=0
        < SETTINGS ACK
        ! request
        < HEADERS 1
        ! data 1 0 END_STREAM
        < DATA 1 0 END_STREAM
        ! request
        < HEADERS 3
        ! trailers 3
        < HEADERS 3 END_STREAM",
    );
}

#[test]
fn trailers_and_end_wait_behind_data() {
    check_client(
        "> SETTINGS 4=4
        < SETTINGS ACK
        ! request
        < HEADERS 1
        ! data 1 5
        < DATA 1 4
        ! data 1 1
        ! trailers 1
        ! trailers 1
        = Ended
        > WINDOW_UPDATE 1 9
        < DATA 1 2
        < HEADERS 1 END_STREAM
        ! request
        < HEADERS 3
        ! data 3 5
        < DATA 3 4
        ! data 3 0 END_STREAM
        > WINDOW_UPDATE 3 1
        < DATA 3 1 END_STREAM",
    );
}

#[test]
fn window_updates_are_checked() {
    check_server(
        "> HEADERS 1 REQUEST
        * Headers 1
        > WINDOW_UPDATE 1 0
        * Reset 1 PROTOCOL_ERROR by Local
        < RST_STREAM 1 PROTOCOL_ERROR
        > HEADERS 3 REQUEST
        * Headers 3
        > WINDOW_UPDATE 3 2147483647
        * Reset 3 FLOW_CONTROL_ERROR by Local
        < RST_STREAM 3 FLOW_CONTROL_ERROR
        > WINDOW_UPDATE 0 2147418112
        > WINDOW_UPDATE 0 1
        * Closed Connection(ConnectionWindowOverflow)
        < GOAWAY 3 FLOW_CONTROL_ERROR the connection window grew past 2^31-1 (RFC 9113 section 6.9.1)",
    );
    check_server(
        "> WINDOW_UPDATE 0 0
        * Closed Connection(ConnectionIncrementZero)
        < GOAWAY 0 PROTOCOL_ERROR WINDOW_UPDATE of 0 on the connection (RFC 9113 section 6.9)",
    );
}

#[test]
fn settings_may_not_overflow_a_window() {
    check_server(
        "> HEADERS 1 REQUEST
        * Headers 1
        > WINDOW_UPDATE 1 65535
        > SETTINGS 4=2147483647
        * Reset 1 FLOW_CONTROL_ERROR by Connection
        * Closed Connection(SettingsWindowOverflow)
        < GOAWAY 1 FLOW_CONTROL_ERROR SETTINGS made a stream window grow past 2^31-1 (RFC 9113 section 6.9.2)",
    );
}

/// Windows small enough to be filled by a script, with nothing measured.
#[test]
fn settings_move_the_windows_of_open_streams_only() {
    check_server(
        "> HEADERS 1 REQUEST
        * Headers 1
        > WINDOW_UPDATE 1 2147418112
        > RST_STREAM 1 CANCEL
        * Reset 1 CANCEL by Peer
        > SETTINGS 4=65536
        < SETTINGS ACK",
    );
}

fn small(stream: u32, connection: u32) -> Config {
    let mut config = Config::default();
    (config.stream_window_bytes, config.max_stream_window_bytes) = (stream, stream);
    (config.connection_window_bytes, config.max_connection_window_bytes) = (connection, connection);
    config
}

#[test]
fn data_beyond_the_stream_window_resets_the_stream() {
    Peer::of_server(small(10, 65_535)).check(
        "> HEADERS 1 REQUEST
        * Headers 1
        > DATA 1 10
        * Data 1 10
        > DATA 1 1
        * Reset 1 FLOW_CONTROL_ERROR by Local
        < RST_STREAM 1 FLOW_CONTROL_ERROR",
    );
}

#[test]
fn data_beyond_the_connection_window_ends_the_connection() {
    Peer::of_server(small(1 << 20, 65_535)).check(
        "> HEADERS 1 REQUEST
        * Headers 1
        > DATA 1 16384
        * Data 1 16384
        > DATA 1 16384
        * Data 1 16384
        > DATA 1 16384
        * Data 1 16384
        > DATA 1 16383
        * Data 1 16383
        > DATA 1 1
        * Reset 1 FLOW_CONTROL_ERROR by Connection
        * Closed Connection(ConnectionWindowExceeded)
        < GOAWAY 1 FLOW_CONTROL_ERROR DATA beyond the connection window (RFC 9113 section 6.9.1)",
    );
}

#[test]
fn a_small_window_holds_from_the_acknowledgement_on() {
    let mut peer = Peer::silent(Connection::server, small(100, 65_535));
    peer.observe();
    peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    peer.check(
        "> SETTINGS
        * Ready
        < SETTINGS ACK
        > HEADERS 1 REQUEST
        * Headers 1
        > DATA 1 300
        * Data 1 300
        > SETTINGS ACK
        ! release 1 300
        < WINDOW_UPDATE 1 300
        > DATA 1 100
        * Data 1 100
        > DATA 1 1
        * Reset 1 FLOW_CONTROL_ERROR by Local
        < RST_STREAM 1 FLOW_CONTROL_ERROR",
    );
}

#[test]
fn stream_credit_comes_back_in_halves_when_bytes_are_released() {
    Peer::of_server(small(100, 65_535)).check(
        "> HEADERS 1 REQUEST
        * Headers 1
        > DATA 1 80
        * Data 1 80
        ! release 1 49
        ! release 1 1
        < WINDOW_UPDATE 1 50
        ! release 1 30
        > DATA 1 70 END_STREAM
        * Data 1 70 END_STREAM
        ! release 1 70",
    );
}

#[test]
fn padding_comes_back_at_once() {
    Peer::of_server(small(100, 65_535)).check(
        "> HEADERS 1 REQUEST
        * Headers 1
        > DATA 1 0 PAD=39
        > DATA 1 0 PAD=39
        < WINDOW_UPDATE 1 80
        > DATA 1 10 PAD=59
        * Data 1 10
        < WINDOW_UPDATE 1 60
        > DATA 1 80
        * Data 1 80
        > DATA 1 10
        * Data 1 10
        > DATA 1 1
        * Reset 1 FLOW_CONTROL_ERROR by Local
        < RST_STREAM 1 FLOW_CONTROL_ERROR",
    );
}

#[test]
fn connection_credit_comes_back_on_receipt_until_too_much_is_unread() {
    let mut config = small(60_000, 65_535);
    config.max_connection_window_bytes = 100_000;
    Peer::of_server(config).check(
        "> HEADERS 1 REQUEST
        * Headers 1
        > HEADERS 3 REQUEST
        * Headers 3
        > DATA 1 16384
        * Data 1 16384
        < PING halloBDP
        < WINDOW_UPDATE 0 16384
        > DATA 1 16384
        * Data 1 16384
        < WINDOW_UPDATE 0 16384
        > DATA 1 16384
        * Data 1 16384
        > DATA 3 16384
        * Data 3 16384
        > DATA 3 16384
        * Data 3 16384
        ! release 1 20000
        < WINDOW_UPDATE 0 21697
        ! release 1 29152
        < WINDOW_UPDATE 1 49152
        < WINDOW_UPDATE 0 27455
        ! release 3 32768
        < WINDOW_UPDATE 3 32768",
    );
}

#[test]
fn data_on_streams_that_are_gone_comes_back_to_the_connection() {
    Peer::of_server(small(1 << 20, 65_535)).check(
        "> HEADERS 1 REQUEST
        * Headers 1
        > DATA 1 16000
        * Data 1 16000
        ! reset 1
        < RST_STREAM 1 CANCEL
        ! finish 1
        > DATA 1 384
        ! release 1 16000
        < WINDOW_UPDATE 0 16384",
    );
}

#[test]
fn windows_grow_with_the_measured_bandwidth() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 REQUEST");
    for _ in 0..4 {
        peer.flood("DATA 1 16384", 4);
        peer.engine.release(StreamId::new(1), 4 * 16384);
        peer.observe();
    }
    assert!(peer.transcript.contains(&"< PING halloBDP".to_owned()));
    peer.transcript.clear();
    peer.now += std::time::Duration::from_millis(20);
    peer.flood("DATA 1 16384", 1);
    peer.run("> PING ACK halloBDP");
    peer.flood("DATA 1 16384", 4);
    peer.engine.release(StreamId::new(1), 5 * 16384);
    peer.observe();
    // 208 KiB came within the round trip: more than two thirds of the stream's window, less than that of the
    // connection's.
    let granted: Vec<u32> =
        peer.transcript.iter().filter_map(|l| l.strip_prefix("< WINDOW_UPDATE 1 ")?.parse().ok()).collect();
    assert!(granted.len() == 1 && granted[0] > 200_000, "{granted:?} {:?}", peer.transcript);
}

#[test]
fn a_stream_that_nobody_reads_starves_no_other() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let body = Bytes::from(vec![7; 400_000]);
    let ids: Vec<StreamId> = (0..100)
        .map(|_| {
            let id = pair.client.send_request(None, &request(), End::Open).unwrap();
            pair.client.send_data(id, body.clone(), End::Stream).unwrap();
            id
        })
        .collect();
    let paused = ids[0];
    let mut received: HashMap<StreamId, usize> = HashMap::new();
    let mut ended = 0;
    while pair.step(50_000) {
        for event in pair.server_events() {
            if let Event::Data { id, flow_bytes, end, .. } = event {
                *received.entry(id).or_default() += flow_bytes;
                if id != paused {
                    pair.server.release(id, flow_bytes);
                }
                ended += usize::from(end);
            }
        }
    }
    assert_eq!(ended, 99);
    assert_eq!(received[&paused], 256 << 10);
    assert!(ids[1..].iter().all(|id| received[id] == body.len()));
}

#[test]
fn streams_take_turns() {
    check_client(
        "> WINDOW_UPDATE 0 1000000
        ! request
        < HEADERS 1
        ! request
        < HEADERS 3
        > SETTINGS 4=0
        < SETTINGS ACK
        ! data 1 40000
        ! data 3 40000
        > SETTINGS 4=100000
        < SETTINGS ACK
        < DATA 1 16384
        < DATA 3 16384
        < DATA 1 16384
        < DATA 3 16384
        < DATA 1 7232
        < DATA 3 7232
        * Writable 1
        * Writable 3",
    );
}

#[test]
fn small_writes_join_and_large_ones_keep_their_memory() {
    let mut peer = Peer::of_client(Config::default());
    let id = peer.engine.send_request(None, &request(), End::Open).unwrap();
    for _ in 0..10 {
        peer.engine.send_data(id, Bytes::from_static(b"small"), End::Open).unwrap();
    }
    let large = Bytes::from(vec![1; 5000]);
    peer.engine.send_data(id, large.clone(), End::Open).unwrap();
    peer.engine.send_data(id, Bytes::from_static(b"end"), End::Open).unwrap();
    peer.engine.send_data(id, Bytes::new(), End::Stream).unwrap();
    let out = peer.engine.poll_transmit(peer.now);
    let mut slices = [std::io::IoSlice::new(&[]); 8];
    let count = out.chunks_vectored(&mut slices);
    assert!(slices[..count].iter().any(|slice| slice.as_ptr() == large.as_ptr()));
    assert_eq!(slices[..count].iter().map(|slice| slice.len()).sum::<usize>(), out.len());
    peer.observe();
    assert_eq!(peer.transcript, ["< HEADERS 1", "< DATA 1 50", "< DATA 1 5000", "< DATA 1 3 END_STREAM"]);
}

#[test]
fn a_frame_that_is_partly_written_is_not_changed_any_more() {
    let mut peer = Peer::of_client(Config::default());
    peer.run("! request");
    let id = StreamId::new(1);
    peer.engine.send_data(id, Bytes::from_static(b"one"), End::Open).unwrap();
    let mut wire = Vec::new();
    let out = peer.engine.poll_transmit(peer.now);
    wire.extend_from_slice(&out.chunk()[..4]);
    out.advance(4);
    peer.engine.send_data(id, Bytes::from_static(b"two"), End::Stream).unwrap();
    let out = peer.engine.poll_transmit(peer.now);
    wire.extend_from_slice(out.chunk());
    assert_eq!(wire, b"\0\0\x03\0\0\0\0\0\x01one\0\0\x03\0\x01\0\0\0\x01two");
}

#[test]
fn the_output_stays_bounded_and_the_backlog_says_so() {
    let mut peer = Peer::of_client(Config::default());
    peer.run("> SETTINGS 4=2147483647\n> WINDOW_UPDATE 0 2147418112\n! request");
    let id = StreamId::new(1);
    for _ in 0..64 {
        peer.engine.send_data(id, Bytes::from(vec![0; 16384]), End::Open).unwrap();
    }
    let waiting = peer.engine.poll_transmit(peer.now).len();
    assert!((256 << 10..300 << 10).contains(&waiting), "{waiting}");
    let frames = waiting / (16384 + 9);
    assert_eq!(peer.engine.send_backlog(id) + frames * 16384, 64 * 16384);
    peer.transcript.clear();
    while !peer.engine.poll_transmit(peer.now).is_empty() {
        peer.observe();
    }
    assert_eq!(peer.engine.send_backlog(id), 0);
    assert!(peer.transcript.contains(&"* Writable 1".to_owned()));
}

#[test]
fn a_reset_drops_what_waits() {
    check_client(
        "> SETTINGS 4=0
        < SETTINGS ACK
        ! request
        < HEADERS 1
        ! data 1 100
        ! trailers 1
        ! reset 1
        < RST_STREAM 1 CANCEL
        > SETTINGS 4=100
        < SETTINGS ACK
        ! request
        < HEADERS 3
        ! data 3 5 END_STREAM
        < DATA 3 5 END_STREAM",
    );
}

#[test]
fn a_response_may_overtake_nothing_of_its_own() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let id = pair.client.send_request(None, &request(), End::Stream).unwrap();
    pair.settle();
    pair.server.send_headers(id, None, &response(), End::Open).unwrap();
    pair.server.send_data(id, Bytes::from(vec![3; 2_000_000]), End::Open).unwrap();
    pair.server.send_headers(id, None, &fields(&[("grpc-status", "0")]), End::Stream).unwrap();
    pair.server.finish_stream(id);
    let mut bytes = 0;
    let mut trailers = false;
    while pair.step(10_000) {
        for event in pair.client_events() {
            match event {
                Event::Data { id, flow_bytes, .. } => {
                    assert!(!trailers);
                    bytes += flow_bytes;
                    pair.client.release(id, flow_bytes);
                }
                Event::Trailers { .. } => trailers = true,
                _ => {}
            }
        }
    }
    assert_eq!((bytes, trailers), (2_000_000, true));
    assert_eq!((pair.client.open_streams(), pair.server.open_streams()), (0, 0));
}
