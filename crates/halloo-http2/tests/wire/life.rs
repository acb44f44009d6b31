//! Keepalive of both sides (gRFC A8, A9), and the limits of a server's patience with a connection (gRFC A9).

use crate::support::Peer;
use halloo_http2::{Config, Keepalive, Lifetime};
use std::time::Duration;

fn keepalive(seconds: u64, without_streams: bool) -> Config {
    let mut config = Config::default();
    let interval = Duration::from_secs(seconds);
    config.keepalive = Some(Keepalive { interval, without_streams, ..Keepalive::default() });
    config
}

fn client(seconds: u64, without_streams: bool) -> Peer {
    Peer::of_client(keepalive(seconds, without_streams))
}

fn server(change: impl FnOnce(&mut Lifetime)) -> Peer {
    let mut config = Config::default();
    change(&mut config.lifetime);
    Peer::of_server(config)
}

#[test]
fn a_peer_that_answers_is_asked_once_an_interval() {
    client(30, true).check(
        "! wait 29999
         ! wait 1
         < PING hallooKA
         ! wait 5000
         > PING ACK hallooKA
         ! wait 29999
         ! wait 1
         < PING hallooKA",
    );
}

#[test]
fn an_answer_at_the_same_instant_counts() {
    client(30, true).check(
        "! wait 30000
         < PING hallooKA
         > PING ACK hallooKA
         ! wait 29999
         ! wait 1
         < PING hallooKA",
    );
}

#[test]
fn a_silent_peer_is_given_up_with_its_calls() {
    let mut peer = client(30, false);
    peer.check(
        "! request
         < HEADERS 1
         ! wait 30000
         < PING hallooKA
         ! wait 19999
         ! wait 1
         * Reset 1 CONNECT_ERROR by Connection
         * Closed Silent { timeout: 20s }
         < GOAWAY 0 NO_ERROR keepalive_timeout",
    );
    assert!(peer.engine.is_closed());
}

#[test]
fn whatever_arrives_is_a_sign_of_life() {
    client(30, true).check(
        "! wait 29000
         > WINDOW_UPDATE 0 1
         ! wait 29999
         ! wait 1
         < PING hallooKA
         ! wait 15000
         > WINDOW_UPDATE 0 1
         ! wait 5000
         ! wait 24999
         ! wait 1
         < PING hallooKA",
    );
}

#[test]
fn the_users_pings_are_told_apart() {
    client(30, true).check(
        "! wait 30000
         < PING hallooKA
         ! ping
         < PING usersown
         > PING ACK hallooKA
         > PING ACK usersown
         * PingAck usersown",
    );
}

#[test]
fn without_streams_nobody_is_asked_until_one_is_opened() {
    let mut peer = client(30, false);
    peer.check("! wait 600000");
    assert_eq!(peer.engine.poll_timeout(), None, "an idle connection does nothing");
    peer.check(
        "! request
         < HEADERS 1
         ! wait 0
         < PING hallooKA
         ! wait 20000
         * Reset 1 CONNECT_ERROR by Connection
         * Closed Silent { timeout: 20s }
         < GOAWAY 0 NO_ERROR keepalive_timeout",
    );
}

#[test]
fn a_connection_without_keepalive_waits_for_ever() {
    let mut peer = Peer::of_client(Config::default());
    peer.check(
        "! request
         < HEADERS 1
         ! wait 86400000",
    );
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn times_that_no_clock_will_show_are_never() {
    let mut config = keepalive(u64::MAX, true);
    config.lifetime.max_idle = Some(Duration::MAX);
    config.lifetime.max_age = Some(Duration::MAX);
    let peer = Peer::of_server(config);
    assert_eq!(peer.engine.poll_timeout(), None);
}

#[test]
fn a_server_asks_whether_streams_are_open_or_not() {
    Peer::of_server(keepalive(7200, true)).check(
        "! wait 7200000
         < PING hallooKA
         > PING ACK hallooKA
         > HEADERS 1 END_STREAM REQUEST
         * Headers 1 END_STREAM
         ! wait 7200000
         < PING hallooKA
         ! wait 20000
         * Reset 1 CONNECT_ERROR by Connection
         * Closed Silent { timeout: 20s }
         < GOAWAY 1 NO_ERROR keepalive_timeout",
    );
}

#[test]
fn an_idle_connection_ends_and_a_used_one_does_not() {
    server(|lifetime| lifetime.max_idle = Some(Duration::from_secs(60))).check(
        "! wait 59999
         > HEADERS 1 END_STREAM REQUEST
         * Headers 1 END_STREAM
         ! wait 120000
         ! response 1 END_STREAM
         < HEADERS 1 END_STREAM
         ! finish 1
         ! wait 59999
         > PRIORITY 3 1
         ! wait 1
         < GOAWAY 2147483647 NO_ERROR max_idle
         < PING hallooBy
         > PING ACK hallooBy
         * Closed
         < GOAWAY 1 NO_ERROR max_idle",
    );
}

#[test]
fn a_client_gives_up_a_connection_that_it_does_not_use() {
    let mut config = Config::default();
    config.lifetime.max_idle = Some(Duration::from_secs(60));
    config.lifetime.max_age = Some(Duration::from_secs(1));
    Peer::of_client(config).check(
        "! wait 30000
         ! request END_STREAM
         < HEADERS 1 END_STREAM
         ! wait 60000
         > HEADERS 1 END_STREAM RESPONSE
         * Headers 1 END_STREAM
         ! wait 59999
         ! wait 1
         * Closed
         < GOAWAY 0 NO_ERROR max_idle",
    );
}

#[test]
fn a_connection_of_age_drains() {
    let mut peer = server(|lifetime| lifetime.max_age = Some(Duration::from_secs(60)));
    peer.check(
        "> HEADERS 1 END_STREAM REQUEST
         * Headers 1 END_STREAM
         ! wait 60000
         < GOAWAY 2147483647 NO_ERROR max_age
         < PING hallooBy
         > HEADERS 3 END_STREAM REQUEST
         * Headers 3 END_STREAM
         > PING ACK hallooBy
         < GOAWAY 3 NO_ERROR max_age
         ! wait 86400000
         ! response 1 END_STREAM
         < HEADERS 1 END_STREAM
         ! finish 1
         ! response 3 END_STREAM
         < HEADERS 3 END_STREAM
         ! finish 3
         * Closed",
    );
}

#[test]
fn the_grace_of_an_old_connection_ends_its_streams() {
    let mut peer = server(|lifetime| {
        lifetime.max_age = Some(Duration::from_secs(60));
        lifetime.max_age_grace = Some(Duration::from_secs(10));
    });
    peer.check(
        "> HEADERS 1 END_STREAM REQUEST
         * Headers 1 END_STREAM
         ! wait 60000
         < GOAWAY 2147483647 NO_ERROR max_age
         < PING hallooBy
         > PING ACK hallooBy
         < GOAWAY 1 NO_ERROR max_age
         ! wait 9999
         ! wait 1
         * Reset 1 NO_ERROR by Connection
         * Closed
         < GOAWAY 1 NO_ERROR max_age_grace",
    );
}

#[test]
fn a_shutdown_has_no_grace_of_its_own() {
    let mut peer = server(|lifetime| {
        lifetime.max_age = Some(Duration::from_secs(60));
        lifetime.max_age_grace = Some(Duration::from_secs(10));
    });
    peer.check(
        "> HEADERS 1 END_STREAM REQUEST
         * Headers 1 END_STREAM
         ! shutdown
         < GOAWAY 2147483647 NO_ERROR
         < PING hallooBy
         > PING ACK hallooBy
         < GOAWAY 1 NO_ERROR
         ! wait 86400000",
    );
}

#[test]
fn a_connection_that_has_served_enough_requests_drains() {
    server(|lifetime| lifetime.max_requests = Some(2)).check(
        "> HEADERS 1 END_STREAM REQUEST
         * Headers 1 END_STREAM
         > HEADERS 3 END_STREAM REQUEST
         * Headers 3 END_STREAM
         < GOAWAY 2147483647 NO_ERROR max_requests
         < PING hallooBy
         > HEADERS 5 END_STREAM REQUEST
         * Headers 5 END_STREAM
         > PING ACK hallooBy
         < GOAWAY 5 NO_ERROR max_requests",
    );
}
