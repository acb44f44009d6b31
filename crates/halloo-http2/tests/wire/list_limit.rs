//! The peer's SETTINGS_MAX_HEADER_LIST_SIZE: what it has said it refuses is not sent (RFC 9113 sections 6.5.2 and 10.5.1).

use crate::support::{Peer, fields, request, response};
use halloo_http2::{Block, Config, End, HeaderList, OpenError, SendError, StreamId, Template};

static NONE: HeaderList = HeaderList::new();

fn limit(peer: &mut Peer, bytes: usize) {
    peer.run(&format!("> SETTINGS 6={bytes}"));
    assert_eq!(peer.engine.peer_max_header_list_bytes(), Some(bytes));
    peer.transcript.clear();
}

fn trailers() -> HeaderList {
    fields(&[("grpc-status", "0")])
}

/// A server with a request that waits for its answer, and a client that accepts lists of `bytes`.
fn asked(bytes: usize) -> (Peer, StreamId) {
    let mut peer = Peer::of_server(Config::default());
    limit(&mut peer, bytes);
    peer.run("> HEADERS 1 END_STREAM REQUEST");
    peer.transcript.clear();
    (peer, StreamId::new(1))
}

#[test]
fn a_request_is_as_large_as_the_server_accepts() {
    let own = fields(&[("x-request-id", "1234")]);
    for with_template in [false, true] {
        let template = with_template.then(|| Template::new(request()));
        let list = if with_template { own.clone() } else { request() };
        let size = list.list_bytes() + template.as_ref().map_or(0, |template| template.fields().list_bytes());
        let mut peer = Peer::of_client(Config::default());
        limit(&mut peer, size - 1);
        assert_eq!(peer.engine.send_request(template.as_ref(), &list, End::Stream), Err(OpenError::HeadersTooLarge));
        peer.observe();
        assert!(peer.transcript.is_empty(), "{:?}", peer.transcript);
        limit(&mut peer, size);
        // Neither the stream's id nor HPACK's state was used up.
        let id = peer.engine.send_request(template.as_ref(), &list, End::Stream).unwrap();
        assert_eq!(id, StreamId::new(1));
        peer.observe();
        assert_eq!(peer.transcript, ["< HEADERS 1 END_STREAM"]);
    }
}

#[test]
fn the_limit_holds_for_templates_whose_encoding_is_kept() {
    let template = Template::new(request());
    let mut peer = Peer::of_client(Config::default());
    for _ in 0..4 {
        peer.engine.send_request(Some(&template), &NONE, End::Stream).unwrap();
    }
    peer.observe();
    limit(&mut peer, template.fields().list_bytes() - 1);
    let refused = Err(OpenError::HeadersTooLarge);
    assert_eq!(peer.engine.send_request(Some(&template), &NONE, End::Stream), refused);
    limit(&mut peer, template.fields().list_bytes());
    peer.engine.send_request(Some(&template), &NONE, End::Stream).unwrap();
}

#[test]
fn without_a_setting_there_is_no_limit() {
    let mut peer = Peer::of_client(Config::default());
    assert_eq!(peer.engine.peer_max_header_list_bytes(), None);
    let mut large = request();
    large.push(b"x", &vec![b'x'; 1 << 20]);
    peer.engine.send_request(None, &large, End::Stream).unwrap();
}

#[test]
fn a_response_that_is_refused_leaves_room_for_a_smaller_one() {
    let (mut peer, id) = asked(response().list_bytes() + 10);
    let mut large = response();
    large.push(b"x", b"y");
    for end in [End::Open, End::Stream] {
        assert_eq!(peer.engine.send_headers(id, None, &large, end), Err(SendError::HeadersTooLarge));
    }
    peer.check("! response 1\n< HEADERS 1\n! trailers 1\n< HEADERS 1 END_STREAM");
}

#[test]
fn trailers_that_are_refused_leave_room_for_smaller_ones() {
    let mut large = trailers();
    large.push(b"x", &[b'x'; 200]);
    let limit = large.list_bytes() - 1;
    for len in [0, 10, 100_000] {
        // In three sends, some with data that has to wait, and in one.
        let (mut peer, id) = asked(limit);
        peer.run(&format!("! response 1\n! data 1 {len}"));
        assert_eq!(peer.engine.send_headers(id, None, &large, End::Stream), Err(SendError::HeadersTooLarge));
        peer.run("! trailers 1\n> WINDOW_UPDATE 1 100000\n> WINDOW_UPDATE 0 100000");
        assert!(peer.transcript.iter().any(|line| line == "< HEADERS 1 END_STREAM"), "{:?}", peer.transcript);

        let (mut peer, id) = asked(limit);
        let head = response();
        let block = |fields| Block { template: None, fields };
        let sent = peer.engine.send_response(id, block(&head), &vec![0; len], block(&large));
        assert_eq!(sent, Err(SendError::HeadersTooLarge));
        peer.run("! trailers 1\n> WINDOW_UPDATE 1 100000\n> WINDOW_UPDATE 0 100000");
        assert!(peer.transcript.iter().any(|line| line == "< HEADERS 1 END_STREAM"), "{:?}", peer.transcript);
    }
}

#[test]
fn trailers_that_wait_while_the_limit_is_lowered_end_in_a_reset() {
    let (mut peer, id) = asked(10_000);
    peer.run("! response 1\n! data 1 100000");
    let mut large = trailers();
    large.push(b"x", &[b'x'; 200]);
    peer.engine.send_headers(id, None, &large, End::Stream).unwrap();
    limit(&mut peer, 200);
    peer.run("> WINDOW_UPDATE 1 100000\n> WINDOW_UPDATE 0 100000");
    assert_eq!(peer.transcript.last().unwrap(), "< RST_STREAM 1 INTERNAL_ERROR");
    peer.assert_alive();
}
