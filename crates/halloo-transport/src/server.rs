//! A server's connection: one task that owns the socket, the HTTP/2 engine and its calls' exchanges.
//!
//! A turn reads what there is, hands requests to the dispatch, polls handlers that may run here, moves what
//! handlers have written to the engine, and writes once. Streams live here until their handler has ended.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use halloo_call::{
    CallerEnd, Dispatch, ExchangePool, Interest, Observation, ObservedConnection, PIPE_LIMIT_BYTES, ResponderEnd, Side,
    Watch,
};
use halloo_core::{Deadline, Peer, Status};
use halloo_http2::{Config, Connection, End, ErrorCode, Event, HeaderList, Origin, StreamId};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::answer::{Answer, Response};
use crate::deadlines::Deadlines;
use crate::handler_task::{poll_inline, spawn};
use crate::id_map::IdMap;
use crate::mailbox::{CallWaker, Mail, Mailbox};
use crate::request_head::{self, RequestHead, RpcHead};
use crate::response_head::write_trailers_only;
use crate::wire::{ReadTurn, Wire};

/// Turns before the task lets others run.
const TURNS_PER_POLL: usize = 16;

/// Request bytes that a handler consumes before its connection hears of it.
const CREDIT_STEP_BYTES: usize = 16 * 1024;

/// Nobody posts a start to a server.
type NoStart = std::convert::Infallible;

/// A server's end of one connection; a future that runs it to its end.
///
/// It resolves when the socket is closed and every handler has ended.
#[must_use = "a connection does nothing unless it is polled"]
pub struct ServerConnection<Io> {
    wire: Wire<Io>,
    calls: Calls,
    observed: Option<ObservedConnection>,
}

/// Speaks to a running [`ServerConnection`].
#[derive(Clone, Debug)]
pub struct ServerConnectionHandle {
    mailbox: Arc<Mailbox<NoStart>>,
}

impl ServerConnectionHandle {
    /// Lets the connection take no more calls and end when the running ones have (GOAWAY in two steps, RFC 9113
    /// section 6.8).
    pub fn shutdown(&self) {
        // A connection that has ended needs no telling.
        let _ = self.mailbox.post(Mail::Shutdown);
    }

    /// Ends the connection and cancels its calls with UNAVAILABLE.
    pub fn close(&self) {
        let _ = self.mailbox.post(Mail::Close);
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> ServerConnection<Io> {
    /// Serves `io`, whose other end is `peer`, with `dispatch`.
    pub fn new(io: Io, peer: Peer, config: Config, dispatch: Arc<dyn Dispatch>) -> Self {
        let now = now();
        Self {
            wire: Wire::new(io, Connection::server(config, now)),
            calls: Calls {
                table: IdMap::default(),
                incomplete: Vec::new(),
                dispatch,
                peer: Arc::new(peer),
                mailbox: Mailbox::new(),
                deadlines: Deadlines::default(),
                pool: ExchangePool::default(),
                fields: HeaderList::new(),
            },
            observed: None,
        }
    }

    /// Lets an observation know of the connection.
    pub fn observed(mut self, observation: &Observation) -> Self {
        self.observed = observation.connection(Side::Server, &self.calls.peer);
        self
    }

    /// A handle to end the connection with.
    pub fn handle(&self) -> ServerConnectionHandle {
        ServerConnectionHandle { mailbox: Arc::clone(&self.calls.mailbox) }
    }

    /// One turn; `true` if anything moved.
    fn turn(&mut self, cx: &mut Context<'_>, mail: &mut Vec<Mail<NoStart>>) -> bool {
        let now = now();
        let engine = &mut self.wire.engine;
        self.calls.mailbox.drain(mail, cx);
        let mut moved = !mail.is_empty();
        for mail in mail.drain(..) {
            match mail {
                Mail::Call(id) => self.calls.look(engine, id),
                Mail::Start(never) => match never {},
                Mail::Shutdown => engine.shutdown(now),
                Mail::Close => engine.close(ErrorCode::NoError, "the server has shut down"),
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
        let (_, wrote) = self.wire.poll_write(cx, now);
        moved |= wrote;
        if moved {
            self.wire.touch(now);
        } else if self.wire.trim(now) {
            self.calls.trim();
        }
        moved | self.poll_timers(cx, now)
    }

    /// Waits for whatever comes first; `true` if it has come.
    fn poll_timers(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        let timers = [self.wire.engine.poll_timeout(), self.calls.deadlines.next(), self.wire.trim_at()];
        let timeout = timers.into_iter().flatten().min();
        let fired = self.wire.poll_timer(cx, timeout);
        if fired {
            self.wire.engine.handle_timeout(now.max(timeout.unwrap_or(now)));
        }
        fired
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Future for ServerConnection<Io> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut mail = Vec::new();
        for _ in 0..TURNS_PER_POLL {
            let moved = this.turn(cx, &mut mail);
            if this.wire.engine.is_closed() && this.calls.table.is_empty() {
                std::task::ready!(this.wire.poll_close(cx));
                this.calls.mailbox.close();
                return Poll::Ready(());
            }
            if !moved {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The clock that the runtime's timers follow.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

impl<Io> fmt::Debug for ServerConnection<Io> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConnection").field("peer", &self.calls.peer).finish_non_exhaustive()
    }
}

/// What the work of one turn needs beside the calls.
struct Turn<'a, 'b> {
    engine: &'a mut Connection,
    now: Instant,
    cx: &'a mut Context<'b>,
}

/// A part of a request's body.
struct Part {
    data: Bytes,
    flow_bytes: usize,
    end: bool,
}

/// The calls of one connection.
struct Calls {
    table: IdMap<ServerCall>,
    /// Streams whose request was not complete when its head arrived.
    incomplete: Vec<u32>,
    dispatch: Arc<dyn Dispatch>,
    peer: Arc<Peer>,
    mailbox: Arc<Mailbox<NoStart>>,
    deadlines: Deadlines,
    pool: ExchangePool,
    /// Scratch space for one header block.
    fields: HeaderList,
}

/// One stream.
#[derive(Debug)]
struct ServerCall {
    caller: CallerEnd,
    handler: Handler,
    response: Response,
    deadline: Option<Deadline>,
    /// Request bytes whose flow-control credit was not returned yet.
    unreleased: usize,
}

#[derive(Debug)]
enum Handler {
    /// The request is not complete, and nobody works on it yet.
    Waiting(RequestHead, ResponderEnd),
    /// It runs in a task of its own.
    Running(Arc<CallWaker<NoStart>>),
    Ended,
}

impl Calls {
    fn handle_event(&mut self, turn: &mut Turn<'_, '_>, event: Event) {
        match event {
            Event::Headers { id, fields, end } => {
                let head = request_head::read(&fields, &*self.dispatch, turn.engine, &self.peer);
                self.open(turn, id, head, end);
                self.after_arrival(turn, id.as_u32(), end);
            }
            Event::HeadersTooLarge { id, .. } => self.refuse_head(turn.engine, id),
            Event::Data { id, data, flow_bytes, end } => self.receive(turn, id, Part { data, flow_bytes, end }),
            Event::Trailers { id, .. } => self.receive(turn, id, Part { data: Bytes::new(), flow_bytes: 0, end: true }),
            Event::Reset { id, code, by, .. } => {
                let why = match by {
                    Origin::Peer => Status::cancelled(format!("the client reset the call: {code}")),
                    Origin::Local => Status::cancelled(format!("the client broke the protocol: {code}")),
                    _ => Status::cancelled("the client's connection was lost"),
                };
                self.abandon(turn.engine, id.as_u32(), why);
            }
            Event::Writable { id } => self.look(turn.engine, id.as_u32()),
            Event::Closed { error: Some(error) } => {
                tracing::warn!(peer = %self.peer.address, %error, "connection ended by an error");
            }
            _ => {}
        }
    }

    fn open(&mut self, turn: &mut Turn<'_, '_>, id: StreamId, head: RequestHead, end: bool) {
        let key = id.as_u32();
        let (caller, responder) = self.pool.exchange();
        let mut call = ServerCall {
            caller,
            handler: Handler::Ended,
            response: Response::Unsent(None),
            deadline: None,
            unreleased: 0,
        };
        if end {
            call.caller.finish_request();
        }
        if let RequestHead::Rpc(rpc) | RequestHead::Refused(rpc, _) = &head {
            call.response = Response::Unsent(Some(rpc.subtype.clone()));
            call.deadline = rpc.deadline(turn.now);
            if let Some(deadline) = call.deadline {
                self.deadlines.insert(deadline.instant(), key);
                let table = &self.table;
                self.deadlines.sweep(table.len(), |at, id| is_deadline_of(table, at, id));
            }
        }
        if let RequestHead::Refused(_, status) = head {
            responder.finish(Err(status));
            self.table.insert(key, call);
            self.look(turn.engine, key);
            return;
        }
        call.handler = Handler::Waiting(head, responder);
        self.table.insert(key, call);
    }

    fn receive(&mut self, turn: &mut Turn<'_, '_>, id: StreamId, part: Part) {
        let key = id.as_u32();
        let Some(call) = self.table.get_mut(&key) else {
            turn.engine.release(id, part.flow_bytes);
            return;
        };
        call.unreleased += part.flow_bytes;
        call.caller.push_request(part.data, part.end);
        self.after_arrival(turn, key, part.end);
    }

    /// A request that is complete goes to its handler at once; others at the end of the turn.
    fn after_arrival(&mut self, turn: &mut Turn<'_, '_>, key: u32, complete: bool) {
        let Some(ServerCall { handler: Handler::Waiting(..), .. }) = self.table.get(&key) else { return };
        if complete {
            self.run(turn, key, true);
        } else {
            self.incomplete.push(key);
        }
    }

    fn dispatch_incomplete(&mut self, turn: &mut Turn<'_, '_>) {
        for key in std::mem::take(&mut self.incomplete) {
            self.run(turn, key, false);
        }
    }

    /// Hands a waiting request to its handler.
    fn run(&mut self, turn: &mut Turn<'_, '_>, key: u32, complete: bool) {
        let Some(call) = self.table.get_mut(&key) else { return };
        if !matches!(call.handler, Handler::Waiting(..)) {
            return;
        }
        let Handler::Waiting(head, responder) = std::mem::replace(&mut call.handler, Handler::Ended) else { return };
        let handling = match head {
            RequestHead::Rpc(rpc) | RequestHead::Refused(rpc, _) => {
                self.dispatch.respond(rpc.route(), RpcHead::incoming(&rpc, call.deadline, &self.peer), responder)
            }
            RequestHead::Http(request) => self.dispatch.respond_http(*request, responder),
        };
        let left =
            if complete && handling.placement().is_inline() { poll_inline(handling, turn.cx) } else { Some(handling) };
        if let Some(handling) = left {
            let waker = CallWaker::new(&self.mailbox, key);
            call.handler = Handler::Running(Arc::clone(&waker));
            spawn(handling, call.caller.handler_watch(), waker);
        }
        self.look(turn.engine, key);
    }

    /// Moves what a call's handler has written to the engine, and what it has read to flow control.
    fn look(&mut self, engine: &mut Connection, key: u32) {
        let id = StreamId::new(key);
        let Some(call) = self.table.get_mut(&key) else { return };
        let waker = call.watch();
        let watch =
            waker.as_ref().map(|waker| Watch { waker, interest: Interest::Any, credit_step: CREDIT_STEP_BYTES });
        let room = engine.send_backlog(id) < PIPE_LIMIT_BYTES;
        let mut answer = Answer::new(engine, id, &mut call.response, &mut self.fields);
        let progress = call.caller.collect_into(watch, room, &mut answer);
        if let Some(outcome) = progress.outcome {
            answer.end(&outcome);
        }
        let credit = progress.credit.min(call.unreleased);
        call.unreleased -= credit;
        if credit > 0 {
            engine.release(id, credit);
        }
        self.end_if_done(engine, key);
    }

    fn end_if_done(&mut self, engine: &mut Connection, key: u32) {
        let Some(call) = self.table.get(&key) else { return };
        let handler_ended = match &call.handler {
            Handler::Running(waker) => waker.has_handler_ended(),
            Handler::Ended => true,
            Handler::Waiting(..) => false,
        };
        if !handler_ended || !matches!(call.response, Response::Ended) {
            return;
        }
        let id = StreamId::new(key);
        engine.release(id, call.unreleased);
        engine.finish_stream(id);
        if let Some(call) = self.table.remove(&key) {
            self.pool.recycle(call.caller);
        }
    }

    /// The stream is gone: cancels the handler and forgets the call once the handler has ended.
    fn abandon(&mut self, engine: &mut Connection, key: u32, why: Status) {
        let Some(call) = self.table.get_mut(&key) else {
            engine.finish_stream(StreamId::new(key));
            return;
        };
        call.caller.cancel(why);
        call.response = Response::Ended;
        if let Handler::Waiting(..) = call.handler {
            call.handler = Handler::Ended;
        }
        self.end_if_done(engine, key);
    }

    /// Gives back memory that a quiet connection does not need.
    fn trim(&mut self) {
        self.pool.trim();
        self.incomplete.shrink_to_fit();
        self.table.shrink_to_fit();
        self.fields = HeaderList::new();
    }

    /// Ends the calls whose deadline has passed.
    fn expire(&mut self, engine: &mut Connection, now: Instant) {
        while let Some((at, key)) = self.deadlines.pop_due(now) {
            if !is_deadline_of(&self.table, at, key) {
                continue;
            }
            let Some(call) = self.table.get_mut(&key) else { continue };
            call.caller.cancel(Status::deadline_exceeded("the call's deadline passed on the server"));
            if let Handler::Waiting(..) = call.handler {
                call.handler = Handler::Ended;
            }
            self.look(engine, key);
        }
    }

    /// Answers a request whose header list was over the limit; nothing of it is known.
    fn refuse_head(&mut self, engine: &mut Connection, id: StreamId) {
        let status = Status::resource_exhausted("the request's metadata is larger than this server accepts");
        let template = write_trailers_only("proto", &status, &mut self.fields);
        // A stream that is gone by now needs no answer.
        let _ = engine.send_headers(id, template, &self.fields, End::Stream);
        engine.finish_stream(id);
    }
}

/// Whether `at` is still the deadline of call `key` (and not of an earlier one, or of none).
fn is_deadline_of(table: &IdMap<ServerCall>, at: Instant, key: u32) -> bool {
    table.get(&key).and_then(|call| call.deadline).is_some_and(|deadline| deadline.instant() == at)
}

impl ServerCall {
    /// The waker to register, for a handler that runs elsewhere.
    fn watch(&self) -> Option<Waker> {
        match &self.handler {
            Handler::Running(waker) => {
                waker.rearm();
                Some(Waker::from(Arc::clone(waker)))
            }
            _ => None,
        }
    }
}
