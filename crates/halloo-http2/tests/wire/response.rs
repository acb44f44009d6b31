//! A whole response in one call against the three sends that it stands for, under everything that may be in its way.

use crate::support::{Pair, Peer, check_server, fields, request, response};
use bytes::{Buf, Bytes};
use halloo_http2::{Block, Config, Connection, End, ErrorCode, HeaderList, SendError, StreamId, Template};
use proptest::prelude::*;

#[test]
fn a_response_leaves_at_once() {
    check_server(
        "> HEADERS 1 END_STREAM REQUEST\n* Headers 1 END_STREAM\n! answer 1 5\n< HEADERS 1\n< DATA 1 5\n\
         < HEADERS 1 END_STREAM\n! data 1 1\n= Gone",
    );
}

#[test]
fn a_response_without_data_has_no_frame_for_it() {
    check_server(
        "> HEADERS 1 END_STREAM REQUEST\n* Headers 1 END_STREAM\n! answer 1 0\n< HEADERS 1\n< HEADERS 1 END_STREAM",
    );
}

#[test]
fn a_request_that_goes_on_is_reset_when_nobody_reads_it() {
    check_server(
        "> HEADERS 1 REQUEST\n* Headers 1\n! answer 1 5\n< HEADERS 1\n< DATA 1 5\n< HEADERS 1 END_STREAM\n! finish 1\n\
         < RST_STREAM 1 NO_ERROR",
    );
}

#[test]
fn a_response_waits_for_the_windows() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> SETTINGS 4=3");
    peer.check(
        "> HEADERS 1 END_STREAM REQUEST\n* Headers 1 END_STREAM\n! answer 1 5\n< HEADERS 1\n< DATA 1 3\n\
         > WINDOW_UPDATE 1 10\n< DATA 1 2\n< HEADERS 1 END_STREAM",
    );
}

#[test]
fn a_response_does_not_overtake_other_streams() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> SETTINGS 4=1000000\n> HEADERS 1 END_STREAM REQUEST\n> HEADERS 3 END_STREAM REQUEST");
    peer.run("! response 1\n! data 1 65536");
    peer.check("! answer 3 5\n< HEADERS 3\n> WINDOW_UPDATE 0 100\n< DATA 1 1\n< DATA 3 5\n< HEADERS 3 END_STREAM");
}

#[test]
fn ended_and_unknown_streams_take_no_response() {
    check_server(
        "> HEADERS 1 REQUEST\n* Headers 1\n! answer 1 5\n< HEADERS 1\n< DATA 1 5\n< HEADERS 1 END_STREAM\n\
         ! answer 1 5\n= Ended\n! answer 3 5\n= Gone",
    );
    check_server("> HEADERS 1 REQUEST\n* Headers 1\n! response 1\n< HEADERS 1\n! answer 1 5\n= OutOfOrder");
    check_server(
        "> HEADERS 1 REQUEST\n* Headers 1\n> RST_STREAM 1 CANCEL\n* Reset 1 CANCEL by Peer\n! answer 1 5\n= Gone",
    );
}

#[test]
fn pending_table_sizes_come_before_the_head_alone() {
    let mut peer = Peer::of_server(Config::default());
    peer.run("> HEADERS 1 END_STREAM REQUEST\n> HEADERS 3 END_STREAM REQUEST\n> SETTINGS 1=0\n> SETTINGS 1=4096");
    let [none, head, trailers] = [HeaderList::new(), response(), fields(&[("grpc-status", "0")])];
    let (head, trailers) = (Template::new(head), Template::new(trailers));
    let block = |template| Block { template: Some(template), fields: &none };
    for (id, updates) in [(1, &[0x20, 0x3f, 0xe1, 0x1f][..]), (3, &[][..])] {
        peer.engine.send_response(StreamId::new(id), block(&head), b"x", block(&trailers)).unwrap();
        let out = peer.engine.poll_transmit(peer.now);
        let bytes = out.copy_to_bytes(out.remaining());
        assert!(bytes[9..].starts_with(updates) && bytes[9 + updates.len()] == 0x88, "{bytes:x?}");
    }
}

/// What lies between a request and its response.
#[derive(Clone, Debug)]
enum Step {
    Request(bool),
    Answer { stream: u32, len: usize, large_trailers: bool, informational: bool, templates: bool },
    Head(u32),
    Data { stream: u32, len: usize },
    Reset(u32),
    PeerReset(u32),
    Finish(u32),
    Settings(u16, u32),
    Window(u32, u32),
    Write(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let stream = || (0_u32..6).prop_map(|n| 2 * n + 1);
    let len = || prop_oneof![Just(0), 1_usize..40, 1_usize..9000, Just(4095), Just(4096)];
    prop_oneof![
        4 => any::<bool>().prop_map(Step::Request),
        6 => (stream(), len(), prop::bool::weighted(0.1), prop::bool::weighted(0.1), any::<bool>()).prop_map(
            |(stream, len, large_trailers, informational, templates)| Step::Answer {
                stream, len, large_trailers, informational, templates
            }
        ),
        1 => stream().prop_map(Step::Head),
        2 => (stream(), len()).prop_map(|(stream, len)| Step::Data { stream, len: len * 4 }),
        1 => stream().prop_map(Step::Reset),
        1 => stream().prop_map(Step::PeerReset),
        1 => stream().prop_map(Step::Finish),
        1 => prop_oneof![Just((1, 0)), Just((1, 100)), Just((1, 4096)), Just((4, 10)), Just((4, 60_000)),
            Just((5, 16_384)), Just((5, 20_000))].prop_map(|(name, value)| Step::Settings(name, value)),
        2 => (prop_oneof![Just(0), stream()], 1_u32..5000).prop_map(|(stream, more)| Step::Window(stream, more)),
        2 => prop_oneof![Just(usize::MAX), 1_usize..500].prop_map(Step::Write),
    ]
}

/// The parts of the responses.
struct Parts {
    head: Template,
    informational: Template,
    trailers: Template,
    large: HeaderList,
    none: HeaderList,
}

/// Sends the parts of a response one by one.
fn send_parts(
    engine: &mut Connection,
    id: StreamId,
    head: Block<'_>,
    data: &[u8],
    trailers: Block<'_>,
) -> Result<(), SendError> {
    engine.send_headers(id, head.template, head.fields, End::Open)?;
    engine.send_slice(id, data, End::Open)?;
    engine.send_headers(id, trailers.template, trailers.fields, End::Stream)
}

/// One engine, and all that it said.
struct Side {
    peer: Peer,
    whole: bool,
    said: Vec<String>,
    next: u32,
}

impl Side {
    fn new(whole: bool) -> Self {
        let mut config = Config::default();
        config.limits.max_output_bytes = 6000;
        Self { peer: Peer::of_server(config), whole, said: Vec::new(), next: 1 }
    }

    fn run(&mut self, step: &Step, parts: &Parts) {
        let engine = &mut self.peer.engine;
        match *step {
            Step::Request(end) => {
                let end = if end { "END_STREAM" } else { "" };
                self.peer.feed(&format!("HEADERS {} REQUEST {end}", self.next));
                self.next += 2;
            }
            Step::Answer { stream, len, large_trailers, informational, templates } => {
                let head = if informational { &parts.informational } else { &parts.head };
                let head = match templates {
                    true => Block { template: Some(head), fields: &parts.none },
                    false => Block { template: None, fields: head.fields() },
                };
                let trailers = if large_trailers { &parts.large } else { &parts.none };
                let trailers = Block { template: Some(&parts.trailers), fields: trailers };
                let send = if self.whole { Connection::send_response } else { send_parts };
                let sent = send(engine, StreamId::new(stream), head, &vec![b'y'; len], trailers);
                self.said.push(format!("{sent:?}"));
            }
            Step::Head(stream) => {
                let _ = engine.send_headers(StreamId::new(stream), Some(&parts.head), &parts.none, End::Open);
            }
            Step::Data { stream, len } => {
                let _ = engine.send_data(StreamId::new(stream), Bytes::from(vec![b'z'; len]), End::Open);
            }
            Step::Reset(stream) => engine.send_reset(StreamId::new(stream), ErrorCode::Cancel),
            Step::PeerReset(stream) if stream < self.next => self.peer.feed(&format!("RST_STREAM {stream} CANCEL")),
            Step::Finish(stream) => engine.finish_stream(StreamId::new(stream)),
            Step::Settings(name, value) => self.peer.feed(&format!("SETTINGS {name}={value}")),
            Step::Window(stream, more) if stream < self.next => {
                self.peer.feed(&format!("WINDOW_UPDATE {stream} {more}"));
            }
            Step::Write(most) => {
                let out = self.peer.engine.poll_transmit(self.peer.now);
                let written = out.copy_to_bytes(most.min(out.remaining()));
                self.said.push(format!("{written:x?}"));
            }
            Step::PeerReset(_) | Step::Window(..) => {}
        }
        while let Some(event) = self.peer.engine.poll_event() {
            self.said.push(format!("{event:?}"));
        }
        let backlogs = (0..12).map(|id| self.peer.engine.send_backlog(StreamId::new(id)));
        self.said.push(format!("{:?} {}", backlogs.collect::<Vec<_>>(), self.peer.engine.open_streams()));
    }
}

/// Byte for byte and event for event, one call is the three.
fn check_that_one_call_is_the_three(steps: &[Step]) {
    let parts = Parts {
        head: Template::new(response()),
        informational: Template::new(fields(&[(":status", "103")])),
        trailers: Template::new(fields(&[("grpc-status", "0")])),
        large: fields(&[("x-large", "\u{1}".repeat(20_000).as_str())]),
        none: HeaderList::new(),
    };
    let [mut whole, mut in_parts] = [true, false].map(Side::new);
    for step in steps.iter().chain([&Step::Window(0, 1 << 20), &Step::Write(usize::MAX)]) {
        whole.run(step, &parts);
        in_parts.run(step, &parts);
        assert_eq!(whole.said.last(), in_parts.said.last(), "at {step:?}");
    }
    assert_eq!(whole.said, in_parts.said);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn one_call_is_the_three(steps in prop::collection::vec(step(), 0..60)) {
        check_that_one_call_is_the_three(&steps);
    }
}

#[test]
fn a_head_may_fill_the_output() {
    let answer =
        |stream, len| Step::Answer { stream, len, large_trailers: false, informational: false, templates: false };
    // Between the first and the last of them, the output has its 6000 bytes before, within and behind the third head.
    for len in 1800..2000 {
        let requests = [(); 3].map(|()| Step::Request(true));
        check_that_one_call_is_the_three(&[&requests[..], &[answer(1, 4000), answer(3, len), answer(5, 5)]].concat());
    }
}

#[test]
fn a_client_understands_it() {
    let mut pair = Pair::new(Config::default(), Config::default());
    let id = pair.client.send_request(None, &request(), End::Stream).unwrap();
    pair.settle();
    let (head, trailers) = (response(), fields(&[("grpc-status", "0")]));
    let block = |fields| Block { template: None, fields };
    pair.server.send_response(id, block(&head), b"hello", block(&trailers)).unwrap();
    pair.settle();
    let events: Vec<_> = pair.client_events().iter().map(|event| format!("{event:?}")).collect();
    assert!(matches!(&events[..], [head, data, trailers]
        if head.starts_with("Headers") && data.contains("b\"hello\"") && trailers.contains("grpc-status: 0")));
}
