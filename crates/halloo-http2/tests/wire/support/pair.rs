//! Two engines back to back, with a clock that jumps to the next deadline.

use bytes::{Buf, BytesMut};
use halloo_http2::{Config, Connection, Event, HeaderList};
use std::time::Instant;

/// A client and a server whose bytes reach each other at once.
pub(crate) struct Pair {
    pub(crate) client: Connection,
    pub(crate) server: Connection,
    pub(crate) now: Instant,
    to_client: BytesMut,
    to_server: BytesMut,
}

impl Pair {
    pub(crate) fn new(client: Config, server: Config) -> Self {
        let now = Instant::now();
        let client = Connection::client(client, now);
        let server = Connection::server(server, now);
        let mut pair = Self { client, server, now, to_client: BytesMut::new(), to_server: BytesMut::new() };
        pair.settle();
        pair.client_events();
        pair.server_events();
        pair
    }

    /// Moves bytes until neither side has any to say.
    pub(crate) fn settle(&mut self) {
        while self.step(usize::MAX) {}
    }

    /// Moves at most `limit` bytes each way; returns whether there were any.
    pub(crate) fn step(&mut self, limit: usize) -> bool {
        let moved = pour(self.client.poll_transmit(self.now), &mut self.to_server, limit)
            + pour(self.server.poll_transmit(self.now), &mut self.to_client, limit);
        self.server.handle_input(self.now, &mut self.to_server);
        self.client.handle_input(self.now, &mut self.to_client);
        moved > 0
    }

    /// Jumps to the next deadline of either side; returns whether there was one.
    pub(crate) fn jump(&mut self) -> bool {
        let Some(next) = [self.client.poll_timeout(), self.server.poll_timeout()].into_iter().flatten().min() else {
            return false;
        };
        self.now = self.now.max(next);
        self.client.handle_timeout(self.now);
        self.server.handle_timeout(self.now);
        true
    }

    pub(crate) fn client_events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.client.poll_event()).collect()
    }

    pub(crate) fn server_events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.server.poll_event()).collect()
    }
}

fn pour(from: &mut impl Buf, to: &mut BytesMut, limit: usize) -> usize {
    let mut moved = 0;
    while from.has_remaining() && moved < limit {
        let len = from.chunk().len().min(limit - moved);
        to.extend_from_slice(&from.chunk()[..len]);
        from.advance(len);
        moved += len;
    }
    moved
}

pub(crate) fn fields(pairs: &[(&str, &str)]) -> HeaderList {
    let mut list = HeaderList::new();
    for (name, value) in pairs {
        list.push(name.as_bytes(), value.as_bytes());
    }
    list
}

pub(crate) fn request() -> HeaderList {
    fields(&[
        (":method", "POST"),
        (":scheme", "http"),
        (":path", "/greeter.Greeter/SayHello"),
        (":authority", "localhost"),
        ("te", "trailers"),
    ])
}

pub(crate) fn response() -> HeaderList {
    fields(&[(":status", "200"), ("content-type", "application/grpc")])
}
