//! Tests of `src/event.rs`.

use super::*;

const ONE: StreamId = StreamId::new(1);
const THREE: StreamId = StreamId::new(3);

fn begin(queue: &mut EventQueue, id: StreamId) {
    queue.push(Event::Request { id, fields: Arc::default(), body: None });
}

/// Each event's stream and body.
fn drain(queue: &mut EventQueue) -> Vec<(StreamId, Option<Bytes>)> {
    let events = std::iter::from_fn(|| queue.pop()).map(|event| match event {
        Event::Request { id, body, .. } => (id, body),
        Event::Data { id, data, .. } => (id, Some(data)),
        other => panic!("{other:?}"),
    });
    events.collect()
}

#[test]
fn a_body_that_comes_whole_right_behind_its_head_joins_it() {
    let mut queue = EventQueue::default();
    begin(&mut queue, ONE);
    queue.push_small_data(ONE, b"who", false);
    queue.push_small_data(ONE, b"le", true);
    begin(&mut queue, THREE);
    queue.push_large_data(THREE, Bytes::from_static(b"whole"), true);
    let whole = Some(Bytes::from_static(b"whole"));
    assert_eq!(drain(&mut queue), [(ONE, whole.clone()), (THREE, whole)]);
}

#[test]
fn a_body_that_comes_late_or_goes_on_is_an_event_of_its_own() {
    let mut queue = EventQueue::default();
    begin(&mut queue, ONE);
    begin(&mut queue, THREE);
    queue.push_small_data(ONE, b"late", true);
    queue.push_small_data(THREE, b"goes on", false);
    queue.push_large_data(THREE, Bytes::from_static(b"and on"), true);
    let [late, goes, on] = [b"late".as_slice(), b"goes on", b"and on"].map(|body| Some(Bytes::from_static(body)));
    assert_eq!(drain(&mut queue), [(ONE, None), (THREE, None), (ONE, late), (THREE, goes), (THREE, on)]);
}
