//! RFC 9113 chapter 6: each frame type, its lengths, its stream and its values.

use crate::support::{Peer, check_client, check_server};
use halloo_http2::Config;

/// Sends one frame after a request on stream 1; the connection must end with this code.
#[track_caller]
fn ends(frame: &str, code: &str) {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 REQUEST");
    peer.run(&format!("> {frame}"));
    let goaway = peer.goaway().unwrap_or_else(|| panic!("{frame} is accepted"));
    assert!(goaway.starts_with(&format!("< GOAWAY 1 {code}")), "{frame}: {goaway}");
    assert!(peer.engine.is_closed());
}

/// Sends one frame after a request on stream 1; that stream must be reset with this code.
#[track_caller]
fn resets(frame: &str, code: &str) {
    check_server(&format!(
        "> HEADERS 1 REQUEST\n* Headers 1\n> {frame}\n* Reset 1 {code} by Local\n< RST_STREAM 1 {code}"
    ));
}

#[test]
fn stream_frames_need_a_stream() {
    for kind in [0, 1, 2, 3] {
        ends(&format!("FRAME {kind} 0 0 0000000000"), "PROTOCOL_ERROR");
    }
}

#[test]
fn connection_frames_need_the_connection() {
    for kind in [4, 6, 7] {
        ends(&format!("FRAME {kind} 0 1 0000000000000000"), "PROTOCOL_ERROR");
    }
}

#[test]
fn lengths_are_exact() {
    ends("FRAME 3 0 1 000000", "FRAME_SIZE_ERROR");
    ends("FRAME 3 0 1 0000000000", "FRAME_SIZE_ERROR");
    ends("FRAME 4 0 0 0000000000", "FRAME_SIZE_ERROR");
    ends("FRAME 4 1 0 000000000000", "FRAME_SIZE_ERROR");
    ends("FRAME 6 0 0 00", "FRAME_SIZE_ERROR");
    ends("FRAME 6 0 0 000000000000000000", "FRAME_SIZE_ERROR");
    ends("FRAME 7 0 0 00000000000000", "FRAME_SIZE_ERROR");
    ends("FRAME 8 0 0 000000", "FRAME_SIZE_ERROR");
    ends("FRAME 8 0 1 0000000000", "FRAME_SIZE_ERROR");
    ends("FRAME 1 37 3 00000000", "FRAME_SIZE_ERROR");
    ends("FRAME 0 8 1", "FRAME_SIZE_ERROR");
    resets("FRAME 2 0 1 00000000", "FRAME_SIZE_ERROR");
    resets("FRAME 2 0 1 000000000000", "FRAME_SIZE_ERROR");
}

#[test]
fn padding_is_cut_off() {
    check_server(
        "> HEADERS 1 REQUEST PAD=9
        * Headers 1
        > DATA 1 5 PAD=250
        * Data 1 5
        > DATA 1 0 PAD=0
        > DATA 1 1 END_STREAM PAD=3
        * Data 1 1 END_STREAM",
    );
}

#[test]
fn padding_fits_into_its_frame() {
    ends("FRAME 0 8 1 01", "PROTOCOL_ERROR");
    ends("FRAME 0 8 1 050000", "PROTOCOL_ERROR");
    ends("FRAME 1 12 3 0500", "PROTOCOL_ERROR");
    // There was room for the priority fields, but for the padding.
    ends("FRAME 1 44 3 01000000000f", "PROTOCOL_ERROR");
    ends("FRAME 1 44 3 000000000f", "FRAME_SIZE_ERROR");
}

#[test]
fn priority_has_no_effect_but_for_itself() {
    check_server("> HEADERS 1 REQUEST DEP=3\n* Headers 1\n> PRIORITY 1 7\n> PRIORITY 9 1");
    resets("PRIORITY 1 1", "PROTOCOL_ERROR");
    check_server("> HEADERS 1 REQUEST DEP=1\n< RST_STREAM 1 PROTOCOL_ERROR");
    // An idle stream must not be reset (RFC 9113 section 6.4).
    ends("PRIORITY 5 5", "PROTOCOL_ERROR");
    ends("FRAME 2 0 5 00", "FRAME_SIZE_ERROR");
}

#[test]
fn the_peers_reset_reaches_the_driver_with_its_code() {
    check_server("> HEADERS 1 REQUEST\n* Headers 1\n> RST_STREAM 1 INTERNAL_ERROR\n* Reset 1 INTERNAL_ERROR by Peer");
    check_server("> HEADERS 1 REQUEST\n* Headers 1\n> FRAME 3 0 1 00001234\n* Reset 1 error code 0x1234 by Peer");
}

#[test]
fn settings_values_have_bounds() {
    ends("SETTINGS 2=2", "PROTOCOL_ERROR");
    ends("SETTINGS 4=2147483648", "FLOW_CONTROL_ERROR");
    ends("SETTINGS 5=16383", "PROTOCOL_ERROR");
    ends("SETTINGS 5=16777216", "PROTOCOL_ERROR");
    check_server("> SETTINGS 2=1 4=2147483647 5=16777215 6=1 99=7\n< SETTINGS ACK");
    let mut peer = Peer::of_client(Config::default());
    peer.run("> SETTINGS 2=1");
    assert!(peer.goaway().unwrap().contains("PROTOCOL_ERROR"));
}

#[test]
fn the_last_of_repeated_settings_counts() {
    check_client(
        "> SETTINGS 3=5 3=0\n< SETTINGS ACK\n! request\n= StreamLimit\n> SETTINGS 3=1\n* StreamsAvailable\n< SETTINGS ACK",
    );
}

#[test]
fn push_is_an_error_from_either_side() {
    ends("FRAME 5 4 1 0000000288", "PROTOCOL_ERROR");
    let mut peer = Peer::of_client(Config::default());
    peer.run("! request\n> FRAME 5 4 1 0000000288");
    assert!(peer.goaway().unwrap().contains("PROTOCOL_ERROR"));
}

#[test]
fn pings_are_answered_and_awaited() {
    check_server("> PING abcdefgh\n< PING ACK abcdefgh");
    check_server("! ping\n< PING usersown\n> PING ACK usersown\n* PingAck usersown\n> PING ACK usersown");
}

#[test]
fn goaway_refuses_streams_above_its_last() {
    check_client(
        "! request END_STREAM
        < HEADERS 1 END_STREAM
        ! request END_STREAM
        < HEADERS 3 END_STREAM
        > GOAWAY 1 NO_ERROR
        * GoingAway 1 NO_ERROR
        * Reset 3 REFUSED_STREAM by Peer
        ! request
        = GoingAway
        > HEADERS 1 RESPONSE END_STREAM
        * Headers 1 END_STREAM
        * Closed
        < GOAWAY 0 NO_ERROR
        ! request
        = Closed",
    );
}

#[test]
fn goaway_in_two_steps_refuses_nothing_at_first() {
    check_client(
        "! request END_STREAM
        < HEADERS 1 END_STREAM
        > GOAWAY 2147483647 NO_ERROR
        * GoingAway 2147483647 NO_ERROR
        > GOAWAY 0 ENHANCE_YOUR_CALM
        * GoingAway 0 ENHANCE_YOUR_CALM
        * Reset 1 REFUSED_STREAM by Peer
        * Closed GoneAway(EnhanceYourCalm)
        < GOAWAY 0 NO_ERROR",
    );
}

#[test]
fn a_server_shuts_down_in_two_steps() {
    check_server(
        "> HEADERS 1 REQUEST
        * Headers 1
        ! shutdown
        < GOAWAY 2147483647 NO_ERROR
        < PING hallooBy
        > HEADERS 3 END_STREAM REQUEST
        * Headers 3 END_STREAM
        > PING ACK hallooBy
        < GOAWAY 3 NO_ERROR
        > HEADERS 5 END_STREAM REQUEST
        > DATA 7 3
        ! response 3 END_STREAM
        < HEADERS 3 END_STREAM
        ! finish 3
        > DATA 1 5 END_STREAM
        * Data 1 5 END_STREAM
        ! response 1 END_STREAM
        < HEADERS 1 END_STREAM
        ! finish 1
        * Closed",
    );
}

#[test]
fn a_shutdown_does_not_wait_for_its_ping_for_ever() {
    check_server(
        "! shutdown
        < GOAWAY 2147483647 NO_ERROR
        < PING hallooBy
        ! wait 5000
        * Closed
        < GOAWAY 0 NO_ERROR",
    );
}

#[test]
fn a_client_shuts_down_when_its_streams_are_done() {
    check_client(
        "! request END_STREAM
        < HEADERS 1 END_STREAM
        ! shutdown
        < GOAWAY 0 NO_ERROR
        ! request
        = GoingAway
        > HEADERS 1 RESPONSE END_STREAM
        * Headers 1 END_STREAM
        * Closed",
    );
}

/// Some peers, Python's h2 among them, break the connection off at a GOAWAY, whatever is under way.
#[test]
fn a_client_that_goes_after_the_server_has_said_so_says_it_at_the_end() {
    check_client(
        "! request END_STREAM
        < HEADERS 1 END_STREAM
        > GOAWAY 1 NO_ERROR
        * GoingAway 1 NO_ERROR
        ! shutdown
        ! request
        = GoingAway
        > HEADERS 1 RESPONSE END_STREAM
        * Headers 1 END_STREAM
        * Closed
        < GOAWAY 0 NO_ERROR",
    );
}

#[test]
fn closing_resets_what_is_open() {
    check_server(
        "> HEADERS 1 REQUEST
        * Headers 1
        ! close
        * Reset 1 INTERNAL_ERROR by Connection
        * Closed Closed(InternalError)
        < GOAWAY 1 INTERNAL_ERROR going home
        > DATA 1 5
        ! close",
    );
}

#[test]
fn the_end_of_input_resets_what_is_open() {
    check_client(
        "! request
        < HEADERS 1
        ! eof
        * Reset 1 CONNECT_ERROR by Connection
        * Closed Lost
        ! eof",
    );
    check_server("! eof\n* Closed");
}
