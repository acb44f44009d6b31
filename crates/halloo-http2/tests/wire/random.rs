//! Random sequences: two engines under any driver, and one engine under any peer. Nothing panics, all drains.

use crate::support::{Frame, Pair, Peer, fields, request, response};
use bytes::Bytes;
use halloo_http2::{Config, Connection, End, ErrorCode, Event, Origin, StreamId};
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

/// What a driver may do next; numbers choose among the streams that it knows.
#[derive(Clone, Debug)]
enum Step {
    Request(bool),
    Data { client: bool, stream: usize, len: usize, end: bool },
    Head(usize),
    Trailers { client: bool, stream: usize },
    Reset { client: bool, stream: usize },
    Finish(usize),
    Release { client: bool },
    Move(usize),
    Ping(bool),
    Trim,
}

fn step() -> impl Strategy<Value = Step> {
    let stream = 0_usize..8;
    prop_oneof![
        3 => any::<bool>().prop_map(Step::Request),
        6 => (any::<bool>(), stream.clone(), prop_oneof![0_usize..40, 0_usize..90_000], prop::bool::weighted(0.2))
            .prop_map(|(client, stream, len, end)| Step::Data { client, stream, len, end }),
        3 => stream.clone().prop_map(Step::Head),
        1 => (any::<bool>(), stream.clone()).prop_map(|(client, stream)| Step::Trailers { client, stream }),
        1 => (any::<bool>(), stream.clone()).prop_map(|(client, stream)| Step::Reset { client, stream }),
        1 => stream.prop_map(Step::Finish),
        2 => any::<bool>().prop_map(|client| Step::Release { client }),
        5 => prop_oneof![1_usize..50, 1_usize..100_000].prop_map(Step::Move),
        1 => any::<bool>().prop_map(Step::Ping),
        1 => Just(Step::Trim),
    ]
}

/// What the drivers of both sides remember.
#[derive(Default)]
struct Ledger {
    streams: Vec<StreamId>,
    served: HashSet<StreamId>,
    unread: [HashMap<StreamId, usize>; 2],
    closed: bool,
}

impl Ledger {
    fn collect(&mut self, pair: &mut Pair) {
        for (side, events) in [pair.client_events(), pair.server_events()].into_iter().enumerate() {
            for event in events {
                match event {
                    Event::Data { id, flow_bytes, .. } => *self.unread[side].entry(id).or_default() += flow_bytes,
                    Event::Headers { id, .. } if side == 1 => {
                        self.served.insert(id);
                    }
                    Event::Reset { by, .. } => assert_ne!(by, Origin::Local, "neither side breaks a rule"),
                    Event::Closed { error } => {
                        assert_eq!(error, None);
                        self.closed = true;
                    }
                    _ => {}
                }
            }
        }
    }

    fn release(&mut self, pair: &mut Pair, side: usize) {
        let engine = if side == 0 { &mut pair.client } else { &mut pair.server };
        for (id, bytes) in self.unread[side].drain() {
            engine.release(id, bytes);
        }
    }

    fn stream(&self, nth: usize) -> StreamId {
        let back = self.streams.len().checked_sub(1 + nth % self.streams.len().max(1));
        back.map_or(StreamId::new(77), |at| self.streams[at])
    }

    fn run(&mut self, pair: &mut Pair, step: &Step) {
        let end = |end: bool| if end { End::Stream } else { End::Open };
        fn side(pair: &mut Pair, client: bool) -> &mut Connection {
            if client { &mut pair.client } else { &mut pair.server }
        }
        match *step {
            Step::Request(last) => self.streams.extend(pair.client.send_request(None, &request(), end(last))),
            Step::Data { client, stream, len, end: last } => {
                let data = Bytes::from(vec![5; len]);
                let _ = side(pair, client).send_data(self.stream(stream), data, end(last));
            }
            Step::Head(stream) => {
                let _ = pair.server.send_headers(self.stream(stream), None, &response(), End::Open);
            }
            Step::Trailers { client, stream } => {
                let trailers = fields(&[("grpc-status", "0")]);
                let id = self.stream(stream);
                // A response of trailers only has a status.
                let _ = match client {
                    true => pair.client.send_headers(id, None, &trailers, End::Stream),
                    false if pair.server.send_data(id, Bytes::new(), End::Open).is_ok() => {
                        pair.server.send_headers(id, None, &trailers, End::Stream)
                    }
                    false => pair.server.send_headers(id, None, &response(), End::Stream),
                };
            }
            Step::Reset { client, stream } => {
                side(pair, client).send_reset(self.stream(stream), ErrorCode::Cancel);
            }
            Step::Finish(stream) => {
                let id = self.stream(stream);
                self.served.remove(&id);
                pair.server.finish_stream(id);
            }
            Step::Release { client } => self.release(pair, usize::from(!client)),
            Step::Move(bytes) => {
                pair.step(bytes);
            }
            Step::Ping(client) => side(pair, client).send_ping([1; 8]),
            Step::Trim => {
                pair.client.trim();
                pair.server.trim();
            }
        }
        self.collect(pair);
    }

    /// Reads everything and ends every stream: both tables must empty, and all credit come back.
    fn drain(&mut self, pair: &mut Pair) {
        for round in 0..1000 {
            self.release(pair, 0);
            self.release(pair, 1);
            for id in std::mem::take(&mut self.streams) {
                let _ = pair.client.send_data(id, Bytes::new(), End::Stream);
                self.streams.push(id);
            }
            for id in self.served.clone() {
                let _ = pair.server.send_headers(id, None, &response(), End::Open);
                let _ = pair.server.send_data(id, Bytes::new(), End::Stream);
            }
            let moved = pair.step(usize::MAX);
            self.collect(pair);
            if !moved && self.unread.iter().all(HashMap::is_empty) {
                break;
            }
            assert!(round < 999, "the pair does not come to rest");
        }
        for id in self.served.drain() {
            pair.server.finish_stream(id);
        }
        pair.settle();
        self.collect(pair);
    }
}

/// Random drivers ping and reset as no honest one does.
fn loose() -> Config {
    let mut config = Config::default();
    config.limits.pings = None;
    config.limits.resets.min_requests = u32::MAX;
    config
}

fn tight() -> Config {
    let mut config = loose();
    config.stream_window_bytes = 5_000;
    config.max_stream_window_bytes = 20_000;
    config.connection_window_bytes = 65_535;
    config.max_connection_window_bytes = 100_000;
    config.limits.max_concurrent_streams = 6;
    config.limits.max_output_bytes = 30_000;
    config
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn any_drivers_come_to_rest(steps in prop::collection::vec(step(), 0..150), small in any::<bool>()) {
        let config = || if small { tight() } else { loose() };
        let mut pair = Pair::new(config(), config());
        let mut ledger = Ledger::default();
        for step in steps {
            ledger.run(&mut pair, &step);
        }
        ledger.drain(&mut pair);
        assert!(!ledger.closed);
        assert_eq!((pair.client.open_streams(), pair.server.open_streams()), (0, 0));
        pair.client.shutdown(pair.now);
        pair.server.shutdown(pair.now);
        pair.settle();
        ledger.collect(&mut pair);
        // The client is gone before it could answer the server's PING.
        while pair.jump() {
            pair.settle();
        }
        assert!(pair.client.is_closed() && pair.server.is_closed());
    }

    #[test]
    fn any_peer_is_survived(
        frames in prop::collection::vec(frame(), 0..80),
        client in any::<bool>(),
        cuts in prop::collection::vec(1_usize..40, 0..8),
    ) {
        let mut peer = if client { Peer::of_client(tight()) } else { Peer::of_server(tight()) };
        if client {
            peer.run("! request\n! request END_STREAM\n! data 1 100\n! data 1 9000 END_STREAM");
        }
        for (n, frame) in frames.iter().enumerate() {
            let bytes = frame.to_bytes();
            let cut = cuts.get(n % cuts.len().max(1)).map_or(bytes.len(), |cut| bytes.len() - cut % bytes.len());
            peer.send(&bytes[..cut]);
            peer.send(&bytes[cut..]);
            if n % 3 == 0 {
                peer.run("! response 1\n! data 1 100\n! release 1 50\n! trailers 3\n! finish 3");
            }
        }
        peer.wait(std::time::Duration::from_secs(200));
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        Peer::of_server(Config::default()).send(&bytes);
        Peer::of_client(Config::default()).send(&bytes);
    }
}

/// A frame with likely types, streams and lengths, and some header blocks that make sense.
fn frame() -> impl Strategy<Value = Frame> {
    let stream = prop_oneof![0_u32..6, Just(0x7fff_ffff)];
    let payload = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        prop::collection::vec(0_u8..3, 4..=8),
        Just(Frame::parse("HEADERS 1 REQUEST").payload),
        Just(Frame::parse("HEADERS 1 RESPONSE").payload),
        (0_usize..3000).prop_map(|len| vec![0; len]),
    ];
    (0_u8..11, any::<u8>(), stream, payload).prop_map(|(kind, flags, stream, payload)| Frame {
        kind,
        flags,
        stream,
        payload,
    })
}
