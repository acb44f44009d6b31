//! RFC 9113 chapter 4: frame format, frame size, header blocks.

use crate::support::{Frame, Pair, Peer, check_client, check_server, fields, request};
use halloo_http2::{Config, End, Event};

#[test]
fn unknown_frame_types_are_ignored() {
    check_server("> FRAME 77 255 0 00ff\n> FRAME 10 0 5 00\n> PING\n< PING ACK pingpong");
}

#[test]
fn undefined_flags_are_ignored() {
    check_server("> FRAME 6 254 0 0102030405060708\n< PING ACK \u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}");
}

#[test]
fn the_reserved_bit_of_a_stream_id_is_ignored() {
    let mut peer = Peer::of_server(Config::default());
    let mut frame = Frame::parse("HEADERS 1 END_STREAM REQUEST").to_bytes();
    frame[5] |= 0x80;
    peer.send(&frame);
    assert_eq!(peer.transcript, ["* Headers 1 END_STREAM"]);
}

#[test]
fn the_largest_frame_passes_and_one_byte_more_does_not() {
    let mut peer = Peer::of_server(Config::default());
    peer.check("> HEADERS 1 REQUEST\n* Headers 1\n> DATA 1 16384\n* Data 1 16384");
    peer.check(
        "> DATA 1 16385
        * Reset 1 FRAME_SIZE_ERROR by Connection
        * Closed Connection(FrameTooLarge)
        < GOAWAY 1 FRAME_SIZE_ERROR a frame is larger than SETTINGS_MAX_FRAME_SIZE (RFC 9113 section 4.2)",
    );
}

#[test]
fn a_frame_that_is_too_large_is_known_by_its_head() {
    let mut peer = Peer::of_server(Config::default());
    peer.send(&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1]);
    assert!(peer.goaway().unwrap().contains("FRAME_SIZE_ERROR"));
}

#[test]
fn a_larger_frame_passes_where_it_was_advertised() {
    let mut config = Config::default();
    config.max_frame_bytes = 20_000;
    Peer::of_server(config).check("> HEADERS 1 REQUEST\n* Headers 1\n> DATA 1 20000\n* Data 1 20000");
}

#[test]
fn a_partial_frame_waits_and_says_what_it_needs() {
    let mut peer = Peer::of_server(Config::default());
    let frame = Frame::parse("HEADERS 1 END_STREAM REQUEST").to_bytes();
    peer.send(&frame[..4]);
    assert_eq!(peer.engine.needed_bytes(), 0);
    peer.send(&frame[4..12]);
    assert_eq!(peer.engine.needed_bytes(), frame.len() - 12);
    peer.send(&frame[12..]);
    assert_eq!(peer.engine.needed_bytes(), 0);
    assert_eq!(peer.transcript, ["* Headers 1 END_STREAM"]);
}

#[test]
fn a_header_block_may_continue() {
    check_server(
        "> HEADERS 1 OPEN END_STREAM :method=POST :scheme=http
        > CONTINUATION 1 OPEN :path=/s/m
        > CONTINUATION 1 te=trailers
        * Headers 1 END_STREAM",
    );
}

#[test]
fn nothing_may_interrupt_a_header_block() {
    for intruder in ["PING", "DATA 1 3", "HEADERS 1 REQUEST", "CONTINUATION 3 te=trailers", "FRAME 99 0 1 00"] {
        let mut peer = Peer::of_server(Config::default());
        peer.run("> HEADERS 1 OPEN :method=POST");
        peer.run(&format!("> {intruder}"));
        assert!(peer.goaway().is_some_and(|goaway| goaway.contains("PROTOCOL_ERROR")), "{intruder}");
    }
}

#[test]
fn a_broken_block_ends_the_connection() {
    check_server(
        "> FRAME 1 5 1 80
        * Closed Connection(Compression)
        < GOAWAY 0 COMPRESSION_ERROR a header block cannot be decoded (RFC 9113 section 4.3)",
    );
}

#[test]
fn a_block_on_a_reset_stream_still_reaches_hpack() {
    // The second block indexes the field that the first, on a stream reset here, put into the table.
    check_client(
        "! request
        < HEADERS 1
        ! request END_STREAM
        < HEADERS 3 END_STREAM
        ! reset 1
        < RST_STREAM 1 CANCEL
        > FRAME 1 4 1 884001610162
        > FRAME 1 5 3 88be
        * Headers 3 END_STREAM",
    );
}

#[test]
fn large_blocks_leave_as_continuations() {
    let mut config = Config::default();
    config.limits.max_header_list_bytes = 1 << 17;
    let mut pair = Pair::new(Config::default(), config);
    let mut list = request();
    let value = "~".repeat(30_000);
    list.push(b"x-large", value.as_bytes());
    let id = pair.client.send_request(None, &list, End::Stream).unwrap();
    pair.settle();
    match &pair.server_events()[..] {
        [Event::Headers { id: seen, fields, end: true }] => {
            assert_eq!(*seen, id);
            assert_eq!(fields.find(b"x-large"), Some(value.as_bytes()));
        }
        events => panic!("{events:?}"),
    }
}

#[test]
fn a_large_block_is_cut_at_the_peers_frame_size() {
    let mut peer = Peer::of_client(Config::default());
    let mut list = fields(&[(":method", "POST")]);
    list.push(b"x-large", "~".repeat(33_000).as_bytes());
    peer.engine.send_request(None, &list, End::Stream).unwrap();
    peer.observe();
    assert_eq!(peer.transcript, ["< HEADERS 1 END_STREAM OPEN", "< CONTINUATION 1 OPEN", "< CONTINUATION 1"]);
}
