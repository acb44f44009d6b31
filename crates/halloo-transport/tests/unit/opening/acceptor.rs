//! Tests of `src/opening/acceptor.rs`.

use tokio::net::TcpStream;

use super::*;

#[test]
fn the_way_a_connection_began_takes_no_room_in_its_task() {
    assert_eq!(size_of::<Conversation<TcpStream>>(), size_of::<ServerConnection<TcpStream>>());
}

#[test]
fn ages_are_spread_by_a_tenth() {
    let age = Duration::from_secs(1000);
    assert_eq!(spread(age, 0).as_secs(), 900);
    assert_eq!(spread(age, u64::MAX / 2).as_secs(), 1000);
    assert_eq!(spread(age, u64::MAX).as_secs(), 1100);
    assert_eq!(spread(Duration::MAX, u64::MAX), Duration::MAX);
}
