//! RFC 9113 chapter 5: stream states, ids and concurrency.

use crate::support::{Pair, Peer, check_client, check_server, request, response};
use bytes::Bytes;
use halloo_http2::{Config, End, Error, Event};
use std::time::Duration;

#[test]
fn idle_streams_take_only_headers_and_priority() {
    for frame in ["DATA 1 3", "RST_STREAM 1 CANCEL", "WINDOW_UPDATE 1 3", "DATA 2 3", "WINDOW_UPDATE 2 1"] {
        check_server(&format!(
            "> {frame}
            * Closed Connection(IdleStream)
            < GOAWAY 0 PROTOCOL_ERROR a frame names a stream that was never opened (RFC 9113 section 5.1)"
        ));
    }
    check_server("> PRIORITY 1 3\n> PRIORITY 2 3");
}

#[test]
fn a_half_closed_stream_takes_no_more_data_or_headers() {
    for frame in ["DATA 1 3", "DATA 1 0 END_STREAM", "HEADERS 1 END_STREAM x=y"] {
        check_server(&format!(
            "> HEADERS 1 END_STREAM REQUEST
            * Headers 1 END_STREAM
            > {frame}
            * Reset 1 STREAM_CLOSED by Local
            < RST_STREAM 1 STREAM_CLOSED"
        ));
    }
    check_server(
        "> HEADERS 1 END_STREAM REQUEST\n* Headers 1 END_STREAM\n> WINDOW_UPDATE 1 5\n> PRIORITY 1 3\n> PING
        < PING ACK pingpong",
    );
}

#[test]
fn frames_that_crossed_our_reset_are_ignored() {
    check_server(
        "> HEADERS 1 REQUEST
        * Headers 1
        ! reset 1
        < RST_STREAM 1 CANCEL
        > DATA 1 10
        > WINDOW_UPDATE 1 10
        > HEADERS 1 END_STREAM x=y
        > RST_STREAM 1 CANCEL
        ! finish 1
        > DATA 1 10
        > HEADERS 1 END_STREAM x=y
        > WINDOW_UPDATE 1 10
        > PING
        < PING ACK pingpong",
    );
}

#[test]
fn data_after_the_peers_own_reset_is_a_stream_error() {
    for finish in ["! finish 1\n", ""] {
        check_server(&format!(
            "> HEADERS 1 REQUEST
            * Headers 1
            > RST_STREAM 1 CANCEL
            * Reset 1 CANCEL by Peer
            {finish}> DATA 1 3
            < RST_STREAM 1 STREAM_CLOSED
            > DATA 1 3
            > HEADERS 1 END_STREAM x=y"
        ));
    }
}

#[test]
fn data_and_headers_on_a_finished_stream_end_the_connection() {
    for finish in ["! finish 1\n", ""] {
        for frame in ["HEADERS 1 END_STREAM REQUEST", "DATA 1 3", "DATA 1 0 END_STREAM"] {
            check_server(&format!(
                "> HEADERS 1 END_STREAM REQUEST
                * Headers 1 END_STREAM
                ! response 1 END_STREAM
                < HEADERS 1 END_STREAM
                {finish}> {frame}
                * Closed Connection(ClosedStream)
                < GOAWAY 1 STREAM_CLOSED DATA or HEADERS on a stream that has ended (RFC 9113 section 5.1)"
            ));
        }
    }
    for frame in ["HEADERS 1 END_STREAM RESPONSE", "HEADERS 1 END_STREAM x=y", "DATA 1 3", "DATA 1 0 END_STREAM"] {
        check_client(&format!(
            "! request END_STREAM
            < HEADERS 1 END_STREAM
            > HEADERS 1 END_STREAM RESPONSE
            * Headers 1 END_STREAM
            > {frame}
            * Closed Connection(ClosedStream)
            < GOAWAY 0 STREAM_CLOSED DATA or HEADERS on a stream that has ended (RFC 9113 section 5.1)"
        ));
    }
}

#[test]
fn window_updates_and_resets_on_finished_streams_are_ignored() {
    check_server(
        "> HEADERS 1 END_STREAM REQUEST
        * Headers 1 END_STREAM
        ! response 1 END_STREAM
        < HEADERS 1 END_STREAM
        ! finish 1
        > WINDOW_UPDATE 1 4
        > RST_STREAM 1 CANCEL
        > PRIORITY 1 3",
    );
}

#[test]
fn stream_ids_only_grow() {
    check_server(
        "> HEADERS 5 END_STREAM REQUEST
        * Headers 5 END_STREAM
        > HEADERS 3 END_STREAM REQUEST
        * Reset 5 PROTOCOL_ERROR by Connection
        * Closed Connection(StreamIdReused)
        < GOAWAY 5 PROTOCOL_ERROR a stream id that is not greater than all before (RFC 9113 section 5.1.1)",
    );
}

#[test]
fn clients_open_odd_streams_only() {
    check_server(
        "> HEADERS 2 END_STREAM REQUEST
        * Closed Connection(WrongParity)
        < GOAWAY 0 PROTOCOL_ERROR a stream id that this peer may not open (RFC 9113 section 5.1.1)",
    );
}

#[test]
fn servers_open_no_streams() {
    for stream in [1, 2] {
        check_client(&format!(
            "> HEADERS {stream} RESPONSE
            * Closed Connection(IdleStream)
            < GOAWAY 0 PROTOCOL_ERROR a frame names a stream that was never opened (RFC 9113 section 5.1)"
        ));
    }
}

#[test]
fn streams_above_the_limit_are_refused_until_the_driver_has_finished_one() {
    let mut config = Config::default();
    config.limits.max_concurrent_streams = 1;
    Peer::of_server(config).check(
        "> HEADERS 1 REQUEST
        * Headers 1
        > HEADERS 3 END_STREAM REQUEST
        < RST_STREAM 3 REFUSED_STREAM
        > RST_STREAM 1 CANCEL
        * Reset 1 CANCEL by Peer
        > HEADERS 5 END_STREAM REQUEST
        < RST_STREAM 5 REFUSED_STREAM
        ! finish 1
        > HEADERS 7 END_STREAM REQUEST
        * Headers 7 END_STREAM
        > DATA 3 5
        > HEADERS 3 END_STREAM x=y",
    );
}

#[test]
fn a_stream_that_has_ended_well_makes_room_before_the_driver_has_finished_it() {
    let mut config = Config::default();
    config.limits.max_concurrent_streams = 1;
    Peer::of_server(config).check(
        "> HEADERS 1 END_STREAM REQUEST
        * Headers 1 END_STREAM
        ! response 1 END_STREAM
        < HEADERS 1 END_STREAM
        > HEADERS 3 END_STREAM REQUEST
        * Headers 3 END_STREAM
        > HEADERS 5 END_STREAM REQUEST
        < RST_STREAM 5 REFUSED_STREAM
        ! response 3 END_STREAM
        < HEADERS 3 END_STREAM
        > HEADERS 7 END_STREAM REQUEST
        < RST_STREAM 7 REFUSED_STREAM
        ! finish 1
        > HEADERS 9 END_STREAM REQUEST
        * Headers 9 END_STREAM",
    );
}

#[test]
fn a_client_keeps_to_the_servers_limit() {
    check_client(
        "> SETTINGS 3=1
        < SETTINGS ACK
        ! request END_STREAM
        < HEADERS 1 END_STREAM
        ! request END_STREAM
        = StreamLimit
        > HEADERS 1 RESPONSE END_STREAM
        * Headers 1 END_STREAM
        * StreamsAvailable
        ! request
        < HEADERS 3
        ! request
        = StreamLimit
        > SETTINGS 3=2
        * StreamsAvailable
        < SETTINGS ACK",
    );
}

#[test]
fn a_finished_response_resets_a_request_that_nobody_reads() {
    check_server(
        "> HEADERS 1 REQUEST
        * Headers 1
        ! response 1 END_STREAM
        < HEADERS 1 END_STREAM
        > DATA 1 10
        * Data 1 10
        ! finish 1
        < RST_STREAM 1 NO_ERROR
        > DATA 1 10
        > DATA 1 10 END_STREAM",
    );
}

#[test]
fn a_finished_response_leaves_whole_before_the_request_is_reset() {
    check_server(
        "> SETTINGS 4=0
        < SETTINGS ACK
        > HEADERS 1 REQUEST
        * Headers 1
        ! response 1
        < HEADERS 1
        ! data 1 5
        ! trailers 1
        ! finish 1
        > DATA 1 3
        > WINDOW_UPDATE 1 5
        < DATA 1 5
        < HEADERS 1 END_STREAM
        < RST_STREAM 1 NO_ERROR",
    );
}

#[test]
fn a_response_that_nobody_ends_is_reset() {
    check_server("> HEADERS 1 REQUEST\n* Headers 1\n! finish 1\n< RST_STREAM 1 INTERNAL_ERROR");
}

#[test]
fn a_client_that_finishes_early_cancels() {
    check_client("! request END_STREAM\n< HEADERS 1 END_STREAM\n! finish 1\n< RST_STREAM 1 CANCEL\n! finish 1");
}

#[test]
fn sending_on_dead_or_ended_streams_is_an_error() {
    check_server(
        "! data 1 3
        = Gone
        > HEADERS 1 REQUEST
        * Headers 1
        ! data 1 3
        = OutOfOrder
        ! response 1
        < HEADERS 1
        ! response 1
        = OutOfOrder
        ! data 1 3 END_STREAM
        < DATA 1 3 END_STREAM
        ! data 1 3
        = Ended
        ! trailers 1
        = Ended
        > RST_STREAM 1 CANCEL
        * Reset 1 CANCEL by Peer
        ! data 1 3
        = Gone
        ! trailers 1
        = Gone
        ! reset 1
        ! release 1 99",
    );
}

#[test]
fn ten_thousand_cancelled_calls_leave_nothing_behind() {
    let mut pair = Pair::new(Config::default(), Config::default());
    for n in 0..10_000_usize {
        let id = pair.client.send_request(None, &request(), End::Open).unwrap();
        let steps = n * 7919 % 11;
        pair.client.send_data(id, Bytes::from(vec![0; n % 3000]), End::Open).unwrap();
        for step in 0..steps {
            pair.step(1 + n * 31 % 997);
            match step {
                3 => drop(pair.server.send_headers(id, None, &response(), End::Open)),
                5 => drop(pair.server.send_data(id, Bytes::from(vec![0; n % 5000]), End::Open)),
                7 => drop(pair.client.send_data(id, Bytes::new(), End::Stream)),
                _ => {}
            }
        }
        pair.now += Duration::from_millis(20);
        pair.client.send_reset(id, halloo_http2::ErrorCode::Cancel);
        pair.settle();
        for event in pair.server_events() {
            match event {
                Event::Data { id, flow_bytes, .. } => pair.server.release(id, flow_bytes),
                Event::Reset { id, .. } => pair.server.finish_stream(id),
                _ => {}
            }
        }
        for event in pair.client_events() {
            if let Event::Data { id, flow_bytes, .. } = event {
                pair.client.release(id, flow_bytes);
            }
        }
        assert_eq!((pair.client.open_streams(), pair.server.open_streams()), (0, 0));
    }
    // All credit has come back: a whole connection window passes.
    let id = pair.client.send_request(None, &request(), End::Open).unwrap();
    pair.client.send_data(id, Bytes::from(vec![0; 256 << 10]), End::Open).unwrap();
    pair.settle();
    assert_eq!(pair.client.send_backlog(id), 0);
    assert!(pair.client_events().iter().all(|event| matches!(event, Event::Writable { .. })));
}

#[test]
fn the_peers_goaway_code_is_the_reason_of_the_end() {
    let mut peer = Peer::of_client(Config::default());
    peer.run("! request\n> GOAWAY 1 INTERNAL_ERROR\n! eof");
    let closed = Error::GoneAway(halloo_http2::ErrorCode::InternalError);
    assert_eq!(peer.transcript.last(), Some(&format!("* Closed {closed:?}")));
}

#[test]
fn the_end_of_the_connection_is_the_last_event() {
    check_client(
        "! request
        < HEADERS 1
        > GOAWAY 1 NO_ERROR
        * GoingAway 1 NO_ERROR
        > RST_STREAM 1 CANCEL
        * Reset 1 CANCEL by Peer
        * Closed
        < GOAWAY 0 NO_ERROR",
    );
}
