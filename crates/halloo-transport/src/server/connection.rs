//! A server's connection: one task that owns the socket, the HTTP/2 engine and its calls' exchanges.
//!
//! A turn reads what there is, hands requests to the dispatch, polls handlers that may run here, moves what
//! handlers have written to the engine, and writes once. Streams live here until their handler has ended.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::BytesMut;
use halloo_call::{Dispatch, ExchangePool, Observation, ObservedConnection, Side, log_failure};
use halloo_core::{Peer, Status};
use halloo_http2::{Config, Connection, End, ErrorCode, Event, HeaderList, StreamId};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::clock::now;
use crate::deadlines::Deadlines;
use crate::id_map::IdMap;
use crate::mailbox::{Mail, Mailbox};
use crate::response_head::{lost_stream, write_trailers_only};
use crate::server::call::{Arrival, BodyPart, ConnectionContext, NoStart, RequestBlock, ServerCall, Turn};
use crate::server::handler_task::InlinePolls;
use crate::server::request_head::{HeadReader, allows_padding, name_class};
use crate::socket::closing::Lingerers;
use crate::socket::wire::{ReadTurn, Wire};
use crate::task::{self, poll_turns};

/// A server's end of one connection; a future that runs it to its end.
///
/// It resolves when the socket is closed and every handler has ended.
#[must_use = "a connection does nothing unless it is polled"]
pub struct ServerConnection<Io> {
    wire: Wire<Io>,
    calls: Calls,
    observed: Option<ObservedConnection>,
    lingerers: Option<Arc<Lingerers>>,
}

/// Speaks to a running [`ServerConnection`].
#[derive(Clone, Debug)]
pub struct ServerConnectionHandle {
    mailbox: Arc<Mailbox<NoStart>>,
}

impl ServerConnectionHandle {
    pub(crate) fn new(mailbox: Arc<Mailbox<NoStart>>) -> Self {
        Self { mailbox }
    }

    /// Lets the connection take no more calls and end when the running ones have (GOAWAY in two steps, RFC 9113
    /// section 6.8).
    pub fn shutdown(&self) {
        // A connection that has ended needs no telling.
        let _ = self.mailbox.post(Mail::Shutdown);
    }

    /// Ends the connection at once and cancels its handlers; clients see UNAVAILABLE.
    pub fn close(&self) {
        let _ = self.mailbox.post(Mail::Close);
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> ServerConnection<Io> {
    /// Serves `io`, whose other end is `peer`, with `dispatch`.
    pub fn new(io: Io, peer: Peer, config: Config, dispatch: Arc<dyn Dispatch>) -> Self {
        Self::accepted_at(now(), io, peer, config, dispatch)
    }

    /// As [`new`](Self::new), for a connection whose times count from `accepted_at`.
    pub(crate) fn accepted_at(
        accepted_at: Instant,
        io: Io,
        peer: Peer,
        mut config: Config,
        dispatch: Arc<dyn Dispatch>,
    ) -> Self {
        config.name_class = name_class;
        config.allows_padding = allows_padding;
        config.joins_requests = true;
        let wire = Wire::new(io, Connection::server(config, accepted_at));
        Self { wire, calls: Calls::new(dispatch, peer), observed: None, lingerers: None }
    }

    /// Takes its mail from `mailbox`, which others may know already.
    pub(crate) fn mailbox(mut self, mailbox: Arc<Mailbox<NoStart>>) -> Self {
        self.calls.context.mailbox = mailbox;
        self
    }

    /// Lets a server that has too many connections close this one early when it lingers.
    pub(crate) fn lingering_among(mut self, lingerers: &Arc<Lingerers>) -> Self {
        self.lingerers = Some(Arc::clone(lingerers));
        self
    }

    /// Lets the engine have bytes that were read from the socket already.
    pub(crate) fn received(mut self, first: BytesMut) -> Self {
        self.wire.receive(now(), first);
        self
    }

    /// Lets an observation know of the connection.
    pub fn observed(mut self, observation: &Observation) -> Self {
        self.observed = observation.connection(Side::Server, &self.calls.context.peer);
        self
    }

    /// Returns a handle to end the connection with.
    pub fn handle(&self) -> ServerConnectionHandle {
        ServerConnectionHandle { mailbox: Arc::clone(&self.calls.context.mailbox) }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> task::Side for ServerConnection<Io> {
    type Start = NoStart;

    fn turn(&mut self, cx: &mut Context<'_>, mail: &mut Vec<Mail<NoStart>>) -> bool {
        let now = now();
        self.calls.context.mailbox.drain(mail, cx);
        let mut moved = !mail.is_empty();
        for mail in mail.drain(..) {
            match mail {
                Mail::Call(id) => self.calls.transmit_call(&mut self.wire.engine, id),
                Mail::Start(never) => match never {},
                Mail::Shutdown => self.wire.engine.shutdown(now),
                Mail::Close => {
                    self.wire.engine.close(ErrorCode::NoError, "the server has shut down");
                    self.wire.stop_lingering();
                }
            }
        }
        moved |= self.wire.poll_read(cx, now, |_| ()) != ReadTurn::Idle;
        let mut turn = Turn { engine: &mut self.wire.engine, now, cx };
        while let Some(event) = turn.engine.poll_event() {
            moved = true;
            if let (Event::Closed { error: Some(error) }, Some(observed)) = (&event, &mut self.observed) {
                observed.failed(error);
            }
            self.calls.handle_event(&mut turn, event);
        }
        self.calls.dispatch_incomplete(&mut turn);
        self.calls.expire(turn.engine, now);
        let deadline = self.calls.deadlines.next();
        self.wire.end_turn(cx, now, moved, deadline, || self.calls.trim())
    }

    fn is_over(&self) -> bool {
        self.wire.engine.is_closed()
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // The peer need not wait for handlers that are still to end.
        let (lingerers, mailbox) = (&self.lingerers, &self.calls.context.mailbox);
        let lingerer = || lingerers.as_ref().map(|lingerers| lingerers.lingerer(mailbox));
        let is_closed = self.wire.poll_close(cx, lingerer).is_ready();
        if !is_closed || !self.calls.table.is_empty() {
            return Poll::Pending;
        }
        mailbox.close();
        Poll::Ready(())
    }

    fn rest(&mut self, cx: &mut Context<'_>) {
        if std::mem::take(&mut self.calls.context.has_spawned) {
            // Tokio runs a lone spawned task next on this very thread and wakes no other. Should it block, nobody would
            // poll sockets meanwhile; a task that wakes itself is worth a thread to tokio.
            cx.waker().wake_by_ref();
        }
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Future for ServerConnection<Io> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        poll_turns(&mut *self, cx)
    }
}

impl<Io> fmt::Debug for ServerConnection<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConnection").field("peer", &self.calls.context.peer).finish_non_exhaustive()
    }
}

/// The calls of one connection.
struct Calls {
    table: IdMap<ServerCall>,
    /// Streams whose request was not complete when its head arrived.
    incomplete: Vec<u32>,
    deadlines: Deadlines,
    pool: ExchangePool,
    context: ConnectionContext,
}

impl Calls {
    fn new(dispatch: Arc<dyn Dispatch>, peer: Peer) -> Self {
        let context = ConnectionContext {
            dispatch,
            peer: Arc::new(peer),
            mailbox: Mailbox::new(),
            fields: HeaderList::new(),
            heads: HeadReader::default(),
            inline_polls: InlinePolls::default(),
            has_spawned: false,
        };
        Self {
            table: IdMap::default(),
            incomplete: Vec::new(),
            deadlines: Deadlines::default(),
            pool: ExchangePool::default(),
            context,
        }
    }

    fn handle_event(&mut self, turn: &mut Turn<'_, '_>, event: Event) {
        match event {
            Event::Request { id, fields, body } => self.open(turn, RequestBlock { id, fields, body }),
            Event::HeadersTooLarge { id, .. } => self.refuse_head(turn.engine, id),
            Event::Data { id, data, flow_bytes, end } => self.receive(turn, id, BodyPart { data, flow_bytes, end }),
            Event::Trailers { id, .. } => self.receive(turn, id, BodyPart::LAST),
            Event::Reset { id, code, by, why } => {
                let why = lost_stream(by, code, why);
                self.abandon(turn.engine, id, why);
            }
            Event::Writable { id } => self.transmit_call(turn.engine, id.as_u32()),
            Event::Closed { error: Some(error) } => {
                tracing::warn!(peer = %self.context.peer.address, %error, "connection ended by an error");
            }
            _ => {}
        }
    }

    /// A request whose body is complete and came right behind its head, as most do, goes to its handler at once.
    /// If that answers at once, too, the call never needs a place in the table.
    fn open(&mut self, turn: &mut Turn<'_, '_>, opening: RequestBlock) {
        let id = opening.id;
        let (caller, responder) = self.pool.exchange();
        let call = ServerCall::open(opening, caller, responder, turn, &mut self.context);
        if call.is_done() {
            self.pool.recycle(call.end(turn.engine));
        } else {
            self.keep(id.as_u32(), call);
        }
    }

    fn keep(&mut self, key: u32, call: ServerCall) {
        if call.is_waiting() {
            self.incomplete.push(key);
        }
        if let Some(deadline) = call.deadline() {
            // Before the insertion: the call is not in the table yet.
            let table = &self.table;
            self.deadlines.sweep(table.len(), |at, id| is_deadline_of(table, at, id));
            self.deadlines.insert(deadline.instant(), key);
        }
        self.table.insert(key, call);
    }

    /// A request that is complete goes to its handler at once; others at the end of the turn.
    fn receive(&mut self, turn: &mut Turn<'_, '_>, id: StreamId, part: BodyPart) {
        let Some(call) = self.table.get_mut(&id.as_u32()) else {
            turn.engine.release(id, part.flow_bytes);
            return;
        };
        let is_complete = part.end;
        call.receive(part);
        if is_complete && call.is_waiting() {
            call.run(Arrival::Whole, turn, &mut self.context);
            if call.is_done() {
                self.remove(turn.engine, id.as_u32());
            }
        }
    }

    fn dispatch_incomplete(&mut self, turn: &mut Turn<'_, '_>) {
        self.context.inline_polls.end_turn();
        for key in std::mem::take(&mut self.incomplete) {
            let Some(call) = self.table.get_mut(&key) else { continue };
            if call.is_waiting() {
                call.run(Arrival::Partial, turn, &mut self.context);
                if call.is_done() {
                    self.remove(turn.engine, key);
                }
            }
        }
    }

    /// Moves what a call's handler has written to the engine, and what it has read to flow control.
    fn transmit_call(&mut self, engine: &mut Connection, key: u32) {
        let Some(call) = self.table.get_mut(&key) else { return };
        call.transmit(engine, &mut self.context.fields);
        if call.is_done() {
            self.remove(engine, key);
        }
    }

    fn remove(&mut self, engine: &mut Connection, key: u32) {
        if let Some(call) = self.table.remove(&key) {
            self.pool.recycle(call.end(engine));
        }
    }

    /// The stream is gone: cancels the handler and forgets the call once the handler has ended.
    fn abandon(&mut self, engine: &mut Connection, id: StreamId, why: Status) {
        let Some(call) = self.table.get_mut(&id.as_u32()) else {
            engine.finish_stream(id);
            return;
        };
        call.abandon(why);
        if call.is_done() {
            self.remove(engine, id.as_u32());
        }
    }

    /// Gives back memory that a quiet connection does not need.
    fn trim(&mut self) {
        self.pool.trim();
        self.incomplete.shrink_to_fit();
        self.table.shrink_to_fit();
        self.context.fields = HeaderList::new();
    }

    /// Ends the calls whose deadline has passed.
    fn expire(&mut self, engine: &mut Connection, now: Instant) {
        while let Some((at, key)) = self.deadlines.pop_due(now) {
            if !is_deadline_of(&self.table, at, key) {
                continue;
            }
            if let Some(call) = self.table.get_mut(&key) {
                call.cancel(self.context.heads.route(call.route()).time_limits.passed());
            }
            self.transmit_call(engine, key);
        }
    }

    /// Answers a request whose header list, or whose trailers, were over the limit; nothing of them is known.
    fn refuse_head(&mut self, engine: &mut Connection, id: StreamId) {
        let status = Status::resource_exhausted("the request's metadata is larger than this server accepts");
        if let Some(call) = self.table.get_mut(&id.as_u32()) {
            call.cancel(status);
            self.transmit_call(engine, id.as_u32());
            return;
        }
        log_failure(None, &status);
        let template = write_trailers_only("proto", &status, &mut self.context.fields);
        // A stream that is gone by now needs no answer.
        let _ = engine.send_headers(id, template, &self.context.fields, End::Stream);
        engine.finish_stream(id);
    }
}

/// Whether `at` is still the deadline of call `key` (and not of an earlier one, or of none).
fn is_deadline_of(table: &IdMap<ServerCall>, at: Instant, key: u32) -> bool {
    table.get(&key).and_then(ServerCall::deadline).is_some_and(|deadline| deadline.instant() == at)
}
