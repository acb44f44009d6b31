//! Both endpoints, the wire between them and the calls under way; moves bytes, and takes what both sides report.

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{PingPong, RecvStream};
use halloo_http2::{Connection, Event, Origin, StreamId};
use http::Request;

use super::calls::Call;
use super::pipe::{Pipe, Wire};
use super::theirs::{Polled, Theirs, context};
use crate::config;
use crate::credit::Credit;
use crate::input::Input;

/// The two endpoints and their programs.
pub(crate) struct World {
    pub(crate) ours: Connection,
    pub(crate) theirs: Theirs,
    pub(crate) we_are_client: bool,
    pub(crate) now: Instant,
    pub(crate) calls: Vec<Call>,
    pub(crate) max_streams: usize,
    /// Somebody has begun to end the connection: calls that were not accepted may be refused.
    pub(crate) is_leaving: bool,
    pub(crate) pings: usize,
    pub(crate) h2_pings: Option<PingPong>,
    pub(crate) h2_ping_waits: bool,
    pub(crate) waits_for_stream: bool,
    pub(crate) h2_is_over: bool,
    we_are_over: bool,
    wire: Rc<RefCell<Wire>>,
    credit: Credit,
    inbox: BytesMut,
}

impl World {
    /// Makes both sides and lets them shake hands.
    pub(crate) fn new(input: &mut Input<'_>, we_are_client: bool) -> Self {
        let now = Instant::now();
        let config = config::choose_patient(input);
        let max_streams = config.limits.max_concurrent_streams as usize;
        let mut credit = Credit::new(we_are_client, &config);
        let wire = Rc::new(RefCell::new(Wire::default()));
        let pipe = Pipe(Rc::clone(&wire));
        let (ours, theirs) = if we_are_client {
            let mut ours = Connection::client(config, now);
            let mut handshake = pin!(Theirs::server(input, pipe));
            pour(ours.poll_transmit(now), &mut wire.borrow_mut().to_h2, &mut credit, usize::MAX);
            match handshake.as_mut().poll(&mut context()) {
                Poll::Ready(Ok(connection)) => (ours, Theirs::Server(Box::new(connection))),
                _ => panic!("the client's preface is there"),
            }
        } else {
            (Connection::server(config, now), Theirs::client(input, pipe))
        };
        let mut world = Self {
            ours,
            theirs,
            we_are_client,
            now,
            calls: Vec::new(),
            max_streams,
            is_leaving: false,
            pings: 0,
            h2_pings: None,
            h2_ping_waits: false,
            waits_for_stream: false,
            h2_is_over: false,
            we_are_over: false,
            wire,
            credit,
            inbox: BytesMut::new(),
        };
        world.settle();
        world.h2_pings = world.theirs.ping_pong();
        world
    }

    /// Moves bytes until neither side has any to say.
    pub(crate) fn settle(&mut self) {
        for rounds in 0.. {
            assert!(rounds < 100_000, "the two never fall silent");
            if !self.step(usize::MAX) {
                return;
            }
        }
    }

    /// Moves at most `limit` bytes each way; returns whether there were any.
    pub(crate) fn step(&mut self, limit: usize) -> bool {
        let mut moved =
            pour(self.ours.poll_transmit(self.now), &mut self.wire.borrow_mut().to_h2, &mut self.credit, limit);
        self.wire.borrow_mut().is_closed |= self.ours.is_closed();
        self.poll_theirs();
        if self.ours.wants_input() {
            let mut wire = self.wire.borrow_mut();
            let len = wire.from_h2.len().min(limit);
            let read = wire.from_h2.split_to(len);
            self.credit.use_up(&read);
            self.inbox.extend_from_slice(&read);
            moved += len;
            drop(wire);
            self.ours.handle_input(self.now, &mut self.inbox);
        }
        self.take_events();
        moved > 0
    }

    fn poll_theirs(&mut self) {
        while !self.h2_is_over {
            match self.theirs.poll() {
                Polled::Nothing => break,
                Polled::Accepted(request, respond) => self.accept(*request, respond),
                Polled::Over(outcome) => {
                    assert!(outcome.is_ok(), "h2 ends with {outcome:?}");
                    assert!(self.is_leaving, "h2 ends before anybody asked for it");
                    self.h2_is_over = true;
                }
            }
        }
        if let Some(pings) = &mut self.h2_pings
            && pings.poll_pong(&mut context()).is_ready()
        {
            self.h2_ping_waits = false;
        }
    }

    fn accept(&mut self, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let id = StreamId::new(respond.stream_id().as_u32());
        let call = self.call(id).expect("a call that we made");
        let recv = request.into_body();
        // The end of a request without a body is not told again.
        if recv.is_end_stream() && !call.up.is_over {
            call.up.end(false);
        }
        call.recv = Some(recv);
        call.respond = Some(respond);
    }

    pub(crate) fn call(&mut self, id: StreamId) -> Option<&mut Call> {
        self.calls.iter_mut().find(|call| call.id == id)
    }

    /// What our engine reports.
    pub(crate) fn take_events(&mut self) {
        while let Some(event) = self.ours.poll_event() {
            self.note(event);
        }
        if !self.we_are_client {
            // Those that have ended well may stay a while beside as many that run.
            assert!(self.ours.open_streams() <= 2 * self.max_streams);
        }
    }

    fn note(&mut self, event: Event) {
        assert!(!self.we_are_over, "{event:?} after the end");
        match event {
            Event::Headers { id, end, .. } => {
                let arriving = self.arriving(id, true);
                if end {
                    arriving.end(false);
                }
            }
            Event::Request { id, body, .. } => {
                let arriving = self.arriving(id, true);
                if let Some(body) = body {
                    arriving.arrive(&body);
                    arriving.end(false);
                    self.call(id).expect("it was there").our_unread += body.len();
                }
            }
            Event::Data { id, data, flow_bytes, end } => {
                let arriving = self.arriving(id, true);
                arriving.arrive(&data);
                if end {
                    arriving.end(false);
                }
                self.call(id).expect("it was there").our_unread += flow_bytes;
            }
            Event::Trailers { id, .. } => self.arriving(id, true).end(true),
            Event::Informational { id, .. } => _ = self.arriving(id, true),
            Event::HeadersTooLarge { .. } => panic!("nobody sends so many fields"),
            Event::Reset { id, code, by, why } => {
                let is_leaving = self.is_leaving;
                let call = self.call(id).expect("a call that was made");
                let was_wanted = call.is_wanted();
                call.give_up();
                assert_ne!(by, Origin::Local, "h2 broke a rule: {why:?}");
                assert!(!was_wanted || is_leaving, "{code} {by:?} {why:?} for a call that both wanted: {call:?}");
            }
            Event::PingAck { .. } => self.pings = self.pings.checked_sub(1).expect("the answer to a ping of ours"),
            Event::StreamsAvailable => self.waits_for_stream = false,
            Event::GoingAway { code, .. } => assert!(self.is_leaving, "h2 leaves with {code}"),
            Event::Closed { error } => {
                assert_eq!(error, None);
                assert!(self.is_leaving);
                self.we_are_over = true;
            }
            _ => {}
        }
    }

    /// The direction towards us of a call.
    fn arriving(&mut self, id: StreamId, is_known: bool) -> &mut super::flow::Flow {
        let we_are_client = self.we_are_client;
        let call = self.call(id).expect("a call that was made");
        call.is_known |= is_known;
        if we_are_client { &mut call.down } else { &mut call.up }
    }

    /// Everything was released: the window is open again.
    pub(crate) fn check_credit(&self) {
        self.credit.check_connection();
    }

    /// The end of the connection, as the sockets show it.
    pub(crate) fn close(&mut self) {
        self.settle();
        let is_shut = self.wire.borrow().is_shut;
        assert!(is_shut || self.ours.is_closed(), "nobody closes the connection");
        self.ours.handle_eof(self.now);
        self.take_events();
        self.settle();
        assert!(self.we_are_over && self.ours.is_closed(), "our end is not over");
        assert!(self.h2_is_over, "h2's end is not over");
    }
}

fn pour(from: &mut impl Buf, to: &mut BytesMut, credit: &mut Credit, limit: usize) -> usize {
    let mut moved = 0;
    while from.has_remaining() && moved < limit {
        let len = from.chunk().len().min(limit - moved);
        credit.give(&from.chunk()[..len]);
        to.extend_from_slice(&from.chunk()[..len]);
        from.advance(len);
        moved += len;
    }
    moved
}
