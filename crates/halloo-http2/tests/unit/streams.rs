//! Tests of `src/streams.rs`.

use super::*;
use crate::event::StreamId;
use crate::schedule::Schedule;
use crate::stream::{Receiving, Sending};
use crate::window::{RecvWindow, SendWindow};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::Instant;

fn stream(id: u32) -> Stream {
    Stream {
        id: StreamId::new(id),
        state: State::Active { recv: Receiving::Body, send: Sending::Body },
        recv_window: RecvWindow::new(0),
        send_window: SendWindow::new(0),
        promised: None,
        is_head: false,
        is_finished: false,
        opened: Instant::now(),
        stalled_since: None,
        backlog: None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn the_table_is_a_map_and_the_schedule_a_queue(
        steps in prop::collection::vec((0_u8..5, 1_u32..40), 0..300),
    ) {
        let mut streams = Streams::new();
        let mut schedule = Schedule::default();
        let mut model = BTreeMap::new();
        let mut line: Vec<u32> = Vec::new();
        for (action, id) in steps {
            let known = model.get(&id).copied();
            match (action, known) {
                (0, None) => {
                    model.insert(id, streams.insert(stream(id)));
                }
                (1, Some(key)) => {
                    schedule.remove(&mut streams, key);
                    streams.remove(key);
                    model.remove(&id);
                    line.retain(|waiting| *waiting != id);
                }
                (2, Some(key)) => {
                    schedule.push(&mut streams, key);
                    if !line.contains(&id) {
                        line.push(id);
                    }
                }
                (3, _) => {
                    let next = schedule.pop(&mut streams).map(|key| streams.get(key).id.as_u32());
                    prop_assert_eq!(next, (!line.is_empty()).then(|| line.remove(0)));
                }
                _ => {}
            }
            prop_assert_eq!(streams.find(id), model.get(&id).copied());
            prop_assert_eq!(streams.len(), model.len());
            prop_assert_eq!(schedule.is_empty(), line.is_empty());
        }
        let ids: Vec<u32> = streams.keys().map(|key| streams.get(key).id.as_u32()).collect();
        prop_assert_eq!(ids.len(), model.len());
    }
}

#[test]
fn ids_that_were_reset_are_remembered_for_a_while() {
    let mut streams = Streams::new();
    for id in 1..=RESET_HERE as u32 + 1 {
        streams.remember_reset(id);
    }
    assert_eq!(streams.cause(1), None);
    assert_eq!(streams.cause(2), Some(Cause::ResetHere));
    assert_eq!(streams.reset_here.len(), RESET_HERE);
}
