//! One test a limit of `Limits`: what goes over it, and that honest peers stay under it.

use crate::support::{Frame, Peer};
use bytes::Bytes;
use halloo_http2::{Config, Connection, End, Limits, StreamId};
use std::time::Duration;

fn server(change: impl FnOnce(&mut Limits)) -> Peer {
    let mut config = Config::default();
    change(&mut config.limits);
    Peer::of_server(config)
}

/// Opens streams and resets them, `wait` apart, in rounds of `batch`.
fn reset_requests(peer: &mut Peer, times: u32, batch: u32, wait: Duration) {
    let ids: Vec<u32> = (0..times).map(|n| 2 * n + 1).collect();
    for ids in ids.chunks(batch as usize) {
        for id in ids {
            peer.send(&Frame::parse(&format!("HEADERS {id} REQUEST")).to_bytes());
        }
        peer.wait(wait);
        for id in ids {
            peer.send(&Frame::parse(&format!("RST_STREAM {id} CANCEL")).to_bytes());
            peer.engine.finish_stream(StreamId::new(*id));
        }
    }
}

#[test]
fn header_lists_over_the_limit_are_told_without_their_fields() {
    let mut peer = server(|limits| limits.max_header_list_bytes = 300);
    peer.check(&format!(
        "> HEADERS 1 END_STREAM REQUEST x={0}
            * HeadersTooLarge 1 END_STREAM
            ! response 1 END_STREAM
            < HEADERS 1 END_STREAM
            ! finish 1
            > HEADERS 3 REQUEST
            * Headers 3
            > HEADERS 3 END_STREAM x={0} y={0}
            * HeadersTooLarge 3 END_STREAM",
        "v".repeat(200)
    ));
}

#[test]
fn header_lists_far_over_the_limit_end_the_connection() {
    let mut peer = server(|limits| limits.max_header_list_bytes = 300);
    let mut block = Frame::parse("HEADERS 1 END_STREAM REQUEST x=y");
    // The last field, put into the table and referenced again and again.
    let at = block.payload.len() - 5;
    block.payload[at] = 0x40;
    block.payload.extend([0xbe; 60]);
    peer.send(&block.to_bytes());
    peer.assert_calmed("a header block is far too large");
}

#[test]
fn header_fields_are_counted() {
    let mut peer = Peer::of_server(Config::default());
    let crumbs = " c=".repeat(125);
    peer.check(&format!("> HEADERS 1 END_STREAM REQUEST{crumbs}\n* HeadersTooLarge 1 END_STREAM"));
    let crumbs = " c=".repeat(124);
    peer.check(&format!("> HEADERS 3 END_STREAM REQUEST{crumbs}\n* Headers 3 END_STREAM"));
}

#[test]
fn header_blocks_are_bounded_before_they_are_decoded() {
    let mut peer = server(|limits| limits.min_continuations = 1000);
    peer.run("> HEADERS 1 OPEN REQUEST");
    let fragment = Frame { kind: 9, flags: 0, stream: 1, payload: vec![0; 1000] };
    for _ in 0..40 {
        peer.send(&fragment.to_bytes());
    }
    peer.assert_calmed("a header block is far too large");
}

#[test]
fn continuations_are_counted() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 OPEN REQUEST");
    peer.flood("CONTINUATION 1 OPEN x=y", 5);
    peer.assert_alive();
    peer.flood("CONTINUATION 1 OPEN x=y", 1);
    peer.assert_calmed("too many CONTINUATION frames");
}

#[test]
fn empty_data_frames_have_an_allowance() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 REQUEST");
    for _ in 0..30 {
        peer.flood("DATA 1 0", 100);
        peer.wait(Duration::from_secs(1));
    }
    peer.assert_alive();
    peer.flood("DATA 1 0", 101);
    peer.assert_calmed("too many empty frames");
}

#[test]
fn empty_header_fragments_have_an_allowance() {
    let mut peer = server(|limits| limits.min_continuations = 1000);
    peer.run("> HEADERS 1 OPEN");
    peer.flood("FRAME 9 0 1", 99);
    peer.assert_alive();
    peer.flood("FRAME 9 0 1", 1);
    peer.assert_calmed("too many empty frames");
}

#[test]
fn rapid_resets_end_the_connection() {
    let mut peer = Peer::of_server(Config::default());
    reset_requests(&mut peer, 499, 10, Duration::ZERO);
    peer.assert_alive();
    let mut peer = Peer::of_server(Config::default());
    reset_requests(&mut peer, 501, 10, Duration::ZERO);
    peer.assert_calmed("too many streams were reset before they were served");
    let told = peer.transcript.iter().filter(|line| line.starts_with("* Reset 999 ")).count();
    assert_eq!(told, 1);
}

#[test]
fn requests_that_were_served_are_not_counted_as_reset() {
    let mut peer = Peer::of_server(Config::default());
    for n in 0..2000 {
        let id = 2 * n + 1;
        peer.send(&Frame::parse(&format!("HEADERS {id} REQUEST")).to_bytes());
        peer.engine.send_headers(StreamId::new(id), None, &crate::support::response(), End::Stream).unwrap();
        peer.engine.finish_stream(StreamId::new(id));
        peer.send(&Frame::parse(&format!("RST_STREAM {id} NO_ERROR")).to_bytes());
    }
    peer.assert_alive();
}

#[test]
fn a_client_that_cancels_on_deadlines_is_honest() {
    let mut peer = Peer::of_server(Config::default());
    reset_requests(&mut peer, 10_000, 1000, Duration::from_millis(20));
    peer.assert_alive();
    assert_eq!(peer.engine.open_streams(), 0);
}

#[test]
fn resets_that_the_peer_provokes_count_at_any_age() {
    for provocation in ["WINDOW_UPDATE ID 0", "PRIORITY ID ID", "FRAME 2 0 ID 00", "WINDOW_UPDATE ID 2147483647"] {
        let mut peer = server(|limits| limits.window_updates.base = u64::MAX);
        for n in 0..600 {
            let id = (2 * n + 1).to_string();
            peer.send(&Frame::parse(&format!("HEADERS {id} REQUEST")).to_bytes());
            peer.wait(Duration::from_millis(1));
            peer.send(&Frame::parse(&provocation.replace("ID", &id)).to_bytes());
        }
        peer.assert_calmed("too many streams were reset before they were served");
    }
}

#[test]
fn malformed_and_refused_requests_count_as_provoked() {
    let mut peer = Peer::of_server(Config::default());
    for n in 0..600 {
        peer.send(&Frame::parse(&format!("HEADERS {} END_STREAM x=y", 2 * n + 1)).to_bytes());
    }
    peer.assert_calmed("too many streams were reset before they were served");
    let mut peer = server(|limits| limits.max_concurrent_streams = 3);
    for n in 0..600 {
        peer.send(&Frame::parse(&format!("HEADERS {} REQUEST", 2 * n + 1)).to_bytes());
    }
    peer.assert_calmed("too many streams were reset before they were served");
}

#[test]
fn requests_above_a_limit_that_the_peer_does_not_know_are_refused_without_blame() {
    let mut peer = Peer::silent(Connection::server, Config::default());
    peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    peer.run("> SETTINGS");
    for n in 0..4000 {
        peer.send(&Frame::parse(&format!("HEADERS {} REQUEST", 2 * n + 1)).to_bytes());
    }
    peer.assert_alive();
    assert_eq!(peer.engine.open_streams(), 1024);
    peer.run("> SETTINGS ACK");
    for n in 4000..9000 {
        peer.send(&Frame::parse(&format!("HEADERS {} REQUEST", 2 * n + 1)).to_bytes());
    }
    peer.assert_calmed("too many streams were reset before they were served");
}

#[test]
fn frames_without_use_have_an_allowance() {
    for glitch in ["PRIORITY 1 3", "FRAME 99 0 0", "SETTINGS 3=5"] {
        let mut peer = Peer::of_server(Config::default());
        peer.flood(glitch, 1000);
        peer.assert_alive();
        peer.flood(glitch, 1);
        peer.assert_calmed("too many frames without use");
    }
}

#[test]
fn informational_responses_have_an_allowance() {
    let mut peer = Peer::of_client(Config::default());
    peer.run("! request");
    peer.flood("HEADERS 1 :status=103", 1001);
    peer.assert_calmed("too many frames without use");
}

#[test]
fn unread_small_data_has_a_budget() {
    let mut peer = server(|limits| limits.max_unread_overhead_bytes = 1 << 20);
    peer.run("> HEADERS 1 REQUEST\n> HEADERS 3 REQUEST");
    let mut pair = Frame::parse("DATA 1 1").to_bytes();
    pair.extend(Frame::parse("DATA 3 1").to_bytes());
    peer.send(&pair.repeat(2000));
    peer.assert_alive();
    peer.send(&pair.repeat(100));
    peer.assert_calmed("too many small DATA frames are unread");
}

#[test]
fn small_data_that_is_read_goes_on_for_ever() {
    let mut peer = server(|limits| limits.max_unread_overhead_bytes = 1 << 20);
    peer.run("> HEADERS 1 REQUEST");
    for _ in 0..20_000 {
        peer.send(&Frame::parse("DATA 1 64").to_bytes());
        peer.engine.release(StreamId::new(1), 64);
    }
    peer.assert_alive();
}

#[test]
fn small_data_of_one_batch_becomes_one_event() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 REQUEST");
    peer.transcript.clear();
    peer.flood("DATA 1 10", 100);
    assert_eq!(peer.transcript, ["* Data 1 1000"]);
}

#[test]
fn unread_overhead_of_streams_that_are_gone_is_given_back() {
    let mut peer = server(|limits| limits.max_unread_overhead_bytes = 1 << 20);
    for n in 0..10_000 {
        let id = 2 * n + 1;
        peer.send(&Frame::parse(&format!("HEADERS {id} REQUEST")).to_bytes());
        peer.send(&Frame::parse(&format!("DATA {id} 5 END_STREAM")).to_bytes());
        peer.engine.send_headers(StreamId::new(id), None, &crate::support::response(), End::Stream).unwrap();
        peer.engine.finish_stream(StreamId::new(id));
        peer.engine.release(StreamId::new(id), 5);
    }
    peer.assert_alive();
}

#[test]
fn answers_that_wait_stop_the_input() {
    let mut config = Config::default();
    config.limits.pings = None;
    let mut peer = Peer::of_server(config);
    let bytes = Frame::parse("PING").to_bytes().repeat(99);
    peer.engine.handle_input(peer.now, &mut bytes[..].into());
    assert!(peer.engine.wants_input());
    peer.engine.handle_input(peer.now, &mut Frame::parse("PING").to_bytes()[..].into());
    assert!(!peer.engine.wants_input());
    peer.observe();
    assert!(peer.engine.wants_input());
    assert_eq!(peer.transcript.len(), 100);
}

#[test]
fn output_that_is_not_read_stops_the_input_of_a_server() {
    let mut peer = server(|limits| limits.max_stuck_output_bytes = 1000);
    for n in 0..50 {
        let head = Frame::parse(&format!("HEADERS {} END_STREAM REQUEST", 2 * n + 1)).to_bytes();
        peer.engine.handle_input(peer.now, &mut head[..].into());
        let id = StreamId::new(2 * n + 1);
        let fields = crate::support::fields(&[(":status", "200"), ("x", &"v".repeat(100 + n as usize))]);
        peer.engine.send_headers(id, None, &fields, End::Stream).unwrap();
        peer.engine.finish_stream(id);
    }
    assert!(!peer.engine.wants_input());
    peer.observe();
    assert!(peer.engine.wants_input());
}

#[test]
fn settings_entries_are_counted() {
    let mut peer = Peer::of_server(Config::default());
    peer.run(&format!("> SETTINGS{}", " 3=1".repeat(32)));
    peer.assert_alive();
    peer.run(&format!("> SETTINGS{}", " 3=1".repeat(33)));
    peer.assert_calmed("too many entries in SETTINGS");
}

#[test]
fn window_updates_are_in_proportion_to_streams_and_data() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 END_STREAM REQUEST\n! response 1\n! data 1 5\n");
    peer.flood("WINDOW_UPDATE 0 1", 27);
    peer.assert_alive();
    peer.flood("WINDOW_UPDATE 0 1", 1);
    peer.assert_calmed("too many WINDOW_UPDATE frames");
}

#[test]
fn pings_too_soon_are_strikes_until_something_is_sent() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 END_STREAM REQUEST\n> PING\n> PING\n> PING\n! response 1\n> PING\n> PING\n> PING");
    peer.assert_alive();
    peer.run("> PING");
    peer.assert_calmed("too_many_pings");

    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 END_STREAM REQUEST");
    for _ in 0..10 {
        peer.run("> PING\n! wait 300000");
    }
    peer.assert_alive();
}

#[test]
fn a_strike_does_not_delay_the_next_ping_that_is_allowed() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 END_STREAM REQUEST\n> PING");
    // Every other one comes eight minutes after the one before it that was no strike.
    for _ in 0..4 {
        peer.run("! wait 240000\n> PING");
        peer.assert_alive();
    }
    peer.run("! wait 240000\n> PING");
    peer.assert_calmed("too_many_pings");
}

#[test]
fn pings_without_streams_have_two_hours() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> PING\n! wait 7199999\n> PING\n! wait 1\n> PING\n! wait 7200000\n> PING\n! wait 7199999\n> PING");
    peer.assert_alive();
    peer.run("> PING");
    peer.assert_calmed("too_many_pings");
}

#[test]
fn the_handshake_has_ten_seconds() {
    let mut peer = Peer::silent(Connection::server, Config::default());
    peer.send(b"PRI * HTTP/2.0\r\n");
    peer.wait(Duration::from_millis(9_900));
    peer.assert_alive();
    peer.wait(Duration::from_millis(200));
    assert!(peer.goaway().unwrap().contains("SETTINGS_TIMEOUT"));
}

#[test]
fn the_settings_acknowledgement_has_ten_seconds() {
    let mut peer = Peer::silent(Connection::client, Config::default());
    peer.run("> SETTINGS");
    peer.wait(Duration::from_millis(9_900));
    peer.assert_alive();
    peer.wait(Duration::from_millis(200));
    assert!(peer.goaway().unwrap().contains("SETTINGS_TIMEOUT"));
}

#[test]
fn a_header_block_has_thirty_seconds() {
    for start in ["HEADERS 1 OPEN :method=POST", "PART 1", "PART 3", "PART 11"] {
        let mut peer = Peer::of_server(Config::default());
        match start.strip_prefix("PART ") {
            Some(bytes) => peer.send(&Frame::parse("HEADERS 1 REQUEST").to_bytes()[..bytes.parse().unwrap()]),
            None => peer.run(&format!("> {start}")),
        }
        peer.wait(Duration::from_secs(29));
        peer.assert_alive();
        peer.wait(Duration::from_secs(2));
        peer.assert_calmed("not finished in time");
    }
}

#[test]
fn slow_data_and_slow_but_finished_blocks_are_honest() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 REQUEST");
    peer.send(&Frame::parse("DATA 1 100").to_bytes()[..50]);
    peer.wait(Duration::from_secs(600));
    peer.send(&Frame::parse("DATA 1 100").to_bytes()[50..]);
    for n in 1..5 {
        peer.run(&format!("> HEADERS {} OPEN REQUEST", 2 * n + 1));
        peer.wait(Duration::from_secs(20));
        peer.run(&format!("> CONTINUATION {} x=y", 2 * n + 1));
    }
    peer.assert_alive();
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn a_stream_without_window_is_reset_after_five_minutes() {
    let mut peer = Peer::of_server(Config::default());
    peer.check(
        "> SETTINGS 4=3
        < SETTINGS ACK
        > HEADERS 1 END_STREAM REQUEST
        * Headers 1 END_STREAM
        ! response 1
        < HEADERS 1
        ! data 1 10
        < DATA 1 3
        ! wait 299000
        > WINDOW_UPDATE 1 3
        < DATA 1 3
        ! wait 299000
        ! wait 1000
        * Reset 1 ENHANCE_YOUR_CALM by Local
        < RST_STREAM 1 ENHANCE_YOUR_CALM",
    );
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn a_connection_without_window_ends_after_five_minutes() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> SETTINGS 4=1000000\n> HEADERS 1 END_STREAM REQUEST\n! response 1\n! data 1 100000\n! wait 299000");
    peer.assert_alive();
    // Other traffic is no progress, and a single byte is.
    peer.run("> SETTINGS 3=5\n! wait 500");
    peer.run("> WINDOW_UPDATE 0 1\n! wait 299000");
    peer.assert_alive();
    peer.run("! wait 1100");
    peer.assert_calmed("nothing could be written");
}

#[test]
fn a_socket_that_takes_nothing_ends_after_a_minute() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 END_STREAM REQUEST");
    let id = StreamId::new(1);
    peer.engine.send_headers(id, None, &crate::support::response(), End::Open).unwrap();
    peer.engine.send_data(id, Bytes::from_static(b"unheard"), End::Open).unwrap();
    let _ = peer.engine.poll_transmit(peer.now);
    assert_eq!(peer.engine.poll_timeout(), Some(peer.now + Duration::from_secs(60)));
    peer.now += Duration::from_secs(60);
    peer.engine.handle_timeout(peer.now);
    assert!(!peer.engine.is_closed());
    // Nobody takes the GOAWAY either.
    peer.now += Duration::from_secs(60);
    peer.engine.handle_timeout(peer.now);
    assert!(peer.engine.is_closed());
    assert!(peer.engine.poll_transmit(peer.now).is_empty());
}

#[test]
fn unread_bytes_of_all_streams_are_bounded_together() {
    let mut peer = Peer::of_server(Config::default());
    let frame = |id: u32| Frame::parse(&format!("DATA {id} 16384")).to_bytes();
    let mut granted = 1_i64 << 20;
    let mut sent = 0_i64;
    for n in 0..100 {
        let id = 2 * n + 1;
        peer.send(&Frame::parse(&format!("HEADERS {id} REQUEST")).to_bytes());
        for _ in 0..16 {
            if granted < 16384 {
                break;
            }
            peer.send(&frame(id));
            granted -= 16384;
            sent += 16384;
            let updates = peer
                .transcript
                .drain(..)
                .filter_map(|line| line.strip_prefix("< WINDOW_UPDATE 0 ")?.parse::<i64>().ok());
            granted += updates.sum::<i64>();
        }
    }
    assert!(sent > 15 << 20 && sent <= 16 << 20, "{sent}");
    peer.assert_alive();
}
