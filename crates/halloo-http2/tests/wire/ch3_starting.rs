//! RFC 9113 chapter 3: preface and first SETTINGS.

use crate::support::{Pair, Peer, check_client, check_server, request, response};
use bytes::Bytes;
use halloo_http2::{Config, Connection, End, Event};

#[test]
fn a_unary_exchange_passes_both_engines() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let id = pair.client.send_request(None, &request(), End::Open).unwrap();
    pair.client.send_data(id, Bytes::from_static(b"hello"), End::Stream).unwrap();
    pair.settle();
    let events = pair.server_events();
    assert!(matches!(&events[..], [Event::Headers { end: false, .. }, Event::Data { end: true, .. }]), "{events:?}");
    pair.server.send_headers(id, None, &response(), End::Open).unwrap();
    pair.server.send_data(id, Bytes::from_static(b"world"), End::Open).unwrap();
    pair.server.send_headers(id, None, &crate::support::fields(&[("grpc-status", "0")]), End::Stream).unwrap();
    pair.server.release(id, 5);
    pair.server.finish_stream(id);
    pair.settle();
    let events = pair.client_events();
    assert!(
        matches!(
            &events[..],
            [Event::Headers { end: false, .. }, Event::Data { end: false, .. }, Event::Trailers { .. }]
        ),
        "{events:?}"
    );
    assert_eq!((pair.client.open_streams(), pair.server.open_streams()), (0, 0));
}

#[test]
fn a_server_speaks_first_settings_and_window() {
    let mut peer = Peer::silent(Connection::server, Config::default());
    peer.observe();
    assert_eq!(peer.transcript, ["< SETTINGS 4=262144 6=16384 3=1024", "< WINDOW_UPDATE 0 983041"]);
}

#[test]
fn a_client_speaks_first_preface_settings_and_window() {
    let mut peer = Peer::silent(Connection::client, Config::default());
    peer.observe();
    assert_eq!(peer.transcript, ["< SETTINGS 4=262144 6=16384 2=0", "< WINDOW_UPDATE 0 983041"]);
}

#[test]
fn ready_follows_the_first_settings() {
    let mut peer = Peer::silent(Connection::client, Config::default());
    peer.observe();
    peer.check("> SETTINGS 3=7\n* Ready\n< SETTINGS ACK");
    assert_eq!(peer.engine.peer_max_streams(), 7);
}

#[test]
fn another_protocol_is_refused_with_its_first_byte() {
    let mut peer = Peer::silent(Connection::server, Config::default());
    peer.send(b"GET");
    let goaway = peer.goaway().unwrap();
    assert!(goaway.contains("0 PROTOCOL_ERROR"), "{goaway}");
    assert!(peer.engine.is_closed());
}

#[test]
fn the_preface_may_come_byte_by_byte() {
    let mut peer = Peer::silent(Connection::server, Config::default());
    for byte in b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0" {
        peer.send(&[*byte]);
    }
    assert!(peer.transcript.contains(&"* Ready".to_owned()), "{:?}", peer.transcript);
}

#[test]
fn settings_come_first() {
    let mut peer = Peer::silent(Connection::client, Config::default());
    peer.observe();
    peer.check(
        "> PING
        * Closed Connection(SettingsNotFirst)
        < GOAWAY 0 PROTOCOL_ERROR the first frame is not SETTINGS (RFC 9113 section 3.4)",
    );
}

#[test]
fn settings_are_acknowledged_each_time() {
    check_server("> SETTINGS 4=10\n< SETTINGS ACK\n> SETTINGS 4=20\n< SETTINGS ACK");
    check_client("> SETTINGS 3=10\n< SETTINGS ACK");
}
