//! Tests of `src/send.rs`.

use super::*;
use crate::headers::HeaderList;
use crate::limits::Config;

#[test]
fn a_client_runs_out_of_stream_ids_without_harm() {
    let mut client = Connection::client(Config::default(), Instant::now());
    client.next_own = StreamId::MAX.as_u32();
    let fields = HeaderList::new();
    let last = client.send_request(None, &fields, End::Stream).unwrap();
    assert_eq!(last, StreamId::MAX);
    assert_eq!(client.send_request(None, &fields, End::Stream), Err(OpenError::Exhausted));
    assert!(!client.can_open());
}
