//! A client's connection: one task that owns the socket, the HTTP/2 engine and its calls' exchanges.
//!
//! Calls arrive by mail, become streams when the peer allows, and stay here until their stream is closed. The
//! task plays the server's part of each exchange.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use bytes::Bytes;
use halloo_call::{
    Interest, LazyMetadata, ObservedConnection, Outcome, OutgoingCall, PIPE_LIMIT_BYTES, ResponderEnd, ResponseHead,
    Watch,
};
use halloo_core::{Deadline, Status};
use halloo_http2::{Connection, End, ErrorCode, Event, HeaderList, OpenError, Origin, StreamId};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::client::connect_error::ConnectErrorKind;
use crate::client::handle::{Closed, ConnectionState, PlacesFreed, ReturnedCalls, Shared};
use crate::client::outgoing_head::RequestTemplates;
use crate::client::places::Places;
use crate::client::replay::Replay;
use crate::clock::Millis;
use crate::deadlines::Deadlines;
use crate::id_map::IdMap;
use crate::mailbox::{CallWaker, Mail, Mailbox};
use crate::opening::sniff::Sniff;
use crate::oversize::Oversize;
use crate::response_head::{ResponseStart, no_trailers, read_head, read_trailers, reset_status};
use crate::server::request_head::lazy_metadata;
use crate::socket::wire::{ReadTurn, Wire};
use crate::task::{Side, poll_turns};

/// Reply bytes that the caller consumes before its connection hears of it.
const CREDIT_STEP_BYTES: usize = 8 * 1024;

/// Request bytes below this are copied to the output, and larger ones shared with it.
const COPIED_BYTES: usize = 4 * 1024;

/// A client's end of one connection; a future that runs it to its end.
#[derive(Debug)]
pub(crate) struct ClientDriver<Io> {
    wire: Wire<Io>,
    calls: Calls,
    sniff: Sniff,
    observed: Option<ObservedConnection>,
}

#[derive(Debug)]
struct Calls {
    table: IdMap<ClientCall>,
    /// The call of each open stream.
    streams: IdMap<u32>,
    /// Calls that wait for a stream, because the peer's MAX_CONCURRENT_STREAMS is reached.
    waiting: VecDeque<u32>,
    next_key: u32,
    /// When the connection has ended: the first stream of which nothing has left.
    unsent: StreamId,
    templates: RequestTemplates,
    target: String,
    returned: Option<ReturnedCalls>,
    /// `None`: callers do not count places.
    places: Option<PlacesFreed>,
    /// Places that callers can take: what the peer allows less what is in the table.
    offered: i64,
    mailbox: Arc<Mailbox<OutgoingCall>>,
    state: Arc<ConnectionState>,
    deadlines: Deadlines,
    chunks: Vec<Bytes>,
    fields: HeaderList,
    #[cfg(feature = "_tls")]
    tls: Option<crate::tls::TlsConnector>,
}

/// One call.
#[derive(Debug)]
struct ClientCall {
    responder: ResponderEnd,
    waker: Arc<CallWaker<OutgoingCall>>,
    deadline: Option<Deadline>,
    started: Instant,
    phase: Phase,
    /// What it takes to send the call again, until there is an answer.
    replay: Option<Replay>,
    /// Reply bytes whose flow-control credit was not returned yet.
    unreleased: usize,
    /// The request still has bytes to come.
    sending: bool,
}

#[derive(Debug)]
enum Phase {
    /// Not on the wire yet.
    Waiting,
    Open {
        id: StreamId,
        head_seen: bool,
    },
}

impl<Io: AsyncRead + AsyncWrite + Unpin> ClientDriver<Io> {
    pub(crate) fn new(io: Io, engine: Connection, templates: RequestTemplates, shared: Shared) -> Self {
        let calls = Calls {
            table: IdMap::default(),
            streams: IdMap::default(),
            waiting: VecDeque::new(),
            next_key: 0,
            unsent: StreamId::MAX,
            templates,
            target: shared.target,
            returned: shared.returned,
            places: shared.places,
            offered: 0,
            mailbox: shared.mailbox,
            state: shared.state,
            deadlines: Deadlines::default(),
            chunks: Vec::new(),
            fields: HeaderList::new(),
            #[cfg(feature = "_tls")]
            tls: shared.tls,
        };
        Self { wire: Wire::new(io, engine), calls, sniff: Sniff::default(), observed: shared.observed }
    }

    /// Handles what the engine has to tell; `true` if there was anything.
    #[inline]
    fn handle_events(&mut self) -> bool {
        let mut moved = false;
        let engine = &mut self.wire.engine;
        while let Some(event) = engine.poll_event() {
            moved = true;
            if let Event::Closed { error } = &event {
                let (closed, kind) = self
                    .sniff
                    .not_http2()
                    .or_else(|| self.sniff.silence(error.as_ref()))
                    .or_else(|| self.calls.tls_fault(&self.sniff, self.wire.io_error.as_ref()))
                    .map(|(reason, kind)| (Closed::new(reason), kind))
                    .unwrap_or_else(|| (closed(error.as_ref(), self.wire.io_error.as_ref()), ConnectErrorKind::Io));
                let failed = error.is_some() || kind != ConnectErrorKind::Io;
                if let (Some(observed), true) = (&mut self.observed, failed) {
                    observed.failed(&closed.reason);
                }
                self.calls.state.close(closed, kind);
                self.calls.unsent = self.wire.unsent;
            }
            self.calls.handle_event(engine, event);
        }
        moved
    }
}

fn closed(error: Option<&halloo_http2::Error>, io_error: Option<&std::io::Error>) -> Closed {
    use halloo_http2::Error as E;

    let (reason, because) = match (io_error, error) {
        (Some(error), _) => (format!("the connection broke: {error}"), Some(error.to_string())),
        (None, Some(error @ E::Silent { .. })) => (format!("the connection is lost: {error}"), Some(error.to_string())),
        (None, Some(E::Lost)) => {
            ("the server closed the connection".into(), Some("the server closed it without a word (no GOAWAY)".into()))
        }
        (None, Some(error)) => (format!("the connection was closed: {error}"), None),
        (None, None) => ("the connection was closed".into(), None),
    };
    Closed { because, ..Closed::new(reason) }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Side for ClientDriver<Io> {
    type Start = OutgoingCall;

    fn turn(&mut self, cx: &mut Context<'_>, mail: &mut Vec<Mail<OutgoingCall>>) -> bool {
        let now = crate::clock::now();
        let sniff = &mut self.sniff;
        let mut moved = self.wire.poll_read(cx, now, |bytes| sniff.read(bytes)) != ReadTurn::Idle;
        moved |= self.handle_events();
        let engine = &mut self.wire.engine;
        let freed = self.calls.freed(engine);
        if self.calls.mailbox.drain_and_free(mail, cx, freed) {
            self.calls.places.iter().for_each(PlacesFreed::tell);
        }
        moved |= !mail.is_empty();
        for mail in mail.drain(..) {
            match mail {
                Mail::Call(key) => self.calls.transmit_call(engine, key),
                Mail::Start(start) => self.calls.start(engine, start, now),
                Mail::Shutdown => {
                    self.calls.go_away(Closed::new("this client has closed the connection"));
                    engine.shutdown(now);
                    self.calls.open_waiting(engine);
                }
                Mail::Close => engine.close(ErrorCode::NoError, ""),
            }
        }
        self.calls.expire(engine, now);
        let deadline = self.calls.deadlines.next();
        self.wire.end_turn(cx, now, moved, deadline, || self.calls.trim())
    }

    fn is_over(&self) -> bool {
        self.wire.engine.is_closed()
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A write that failed has ended it after this turn's events.
        self.handle_events();
        self.calls.end();
        // Observers hear of the end before the server can.
        self.observed = None;
        self.wire.poll_close(cx, || None)
    }
}

impl<Io: AsyncRead + AsyncWrite + Unpin> Future for ClientDriver<Io> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        poll_turns(&mut *self, cx)
    }
}

impl<Io> Drop for ClientDriver<Io> {
    fn drop(&mut self) {
        self.calls.end();
    }
}

impl Calls {
    /// What TLS says of the socket's error: a server of TLS 1.3 judges a client's certificate when the client has
    /// begun to speak already.
    #[cfg(feature = "_tls")]
    fn tls_fault(&self, sniff: &Sniff, error: Option<&std::io::Error>) -> Option<(String, ConnectErrorKind)> {
        let side = self.tls.as_ref()?.side();
        let silent = || matches!(sniff, Sniff::Nothing).then(|| crate::tls::Fault::of_silence(side));
        let fault = error.and_then(|error| crate::tls::Fault::of_tls(error, side)).or_else(silent)?;
        Some((fault.reason, ConnectErrorKind::Tls { hint: fault.hint.map(Into::into) }))
    }

    #[cfg(not(feature = "_tls"))]
    #[expect(clippy::unused_self, reason = "it has nothing to say without TLS")]
    fn tls_fault(&self, _: &Sniff, _: Option<&std::io::Error>) -> Option<(String, ConnectErrorKind)> {
        None
    }

    /// The places that became free since the last time; below zero if the peer has lowered its limit.
    #[inline]
    fn freed(&mut self, engine: &Connection) -> i64 {
        let offer = i64::from(engine.peer_max_streams()) - self.table.len() as i64;
        offer - std::mem::replace(&mut self.offered, offer)
    }

    /// No call starts any more; those that run go on.
    fn go_away(&self, closed: Closed) {
        self.mailbox.places(Places::shut);
        self.state.go_away(closed);
    }

    fn start(&mut self, engine: &mut Connection, start: OutgoingCall, now: Instant) {
        self.offered -= 1;
        let key = self.next_key;
        self.next_key = self.next_key.wrapping_add(1);
        let deadline = start.head.call.deadline();
        if let Some(deadline) = deadline {
            // Before the insertion: the call is not in the table yet.
            let table = &self.table;
            self.deadlines.sweep(table.len(), |at, key| is_deadline_of(table, at, key));
            self.deadlines.insert(deadline.instant(), key);
        }
        let call = ClientCall {
            responder: start.responder,
            waker: CallWaker::new(&self.mailbox, key),
            deadline,
            started: now,
            phase: Phase::Waiting,
            replay: Some(Replay::new(start.head)),
            unreleased: 0,
            sending: true,
        };
        self.table.insert(key, call);
        self.waiting.push_back(key);
        self.open_waiting(engine);
        if let Some(ClientCall { phase: Phase::Waiting, .. }) = self.table.get(&key) {
            // Listens for its cancellation while it waits.
            self.transmit_call(engine, key);
        }
    }

    /// Opens streams for waiting calls, as many as the peer allows.
    fn open_waiting(&mut self, engine: &mut Connection) {
        while let Some(&key) = self.waiting.front() {
            let Some(call) = self.table.get_mut(&key) else {
                self.waiting.pop_front();
                continue;
            };
            let (Phase::Waiting, Some(replay)) = (&call.phase, &call.replay) else {
                self.waiting.pop_front();
                continue;
            };
            let time_left = call.deadline.map(|deadline| deadline.time_left(crate::clock::now()));
            let template = self.templates.write(&replay.head, time_left, &mut self.fields);
            match engine.send_request(Some(template), &self.fields, End::Open) {
                Ok(id) => {
                    self.waiting.pop_front();
                    call.phase = Phase::Open { id, head_seen: false };
                    self.streams.insert(id.as_u32(), key);
                    self.transmit_call(engine, key);
                }
                Err(OpenError::StreamLimit) => return,
                Err(OpenError::HeadersTooLarge) => {
                    let status = Oversize::new(engine, Some(template), &self.fields).request(&self.target);
                    self.finish(engine, key, Err(status));
                }
                Err(error) => {
                    self.waiting.pop_front();
                    if matches!(error, OpenError::Exhausted) {
                        self.go_away(Closed::new("the connection has used up its stream ids"));
                        engine.shutdown(crate::clock::now());
                    }
                    if let Some(call) = self.table.remove(&key) {
                        self.give_back(call);
                    }
                }
            }
        }
    }

    fn handle_event(&mut self, engine: &mut Connection, event: Event) {
        match event {
            Event::Headers { id, fields, end } => self.receive_head(engine, id, &fields, end),
            Event::Data { id, data, flow_bytes, end } => {
                self.receive_data(engine, id, data, flow_bytes);
                if end {
                    self.finish_stream(engine, id, Err(no_trailers()));
                }
            }
            Event::Trailers { id, fields } => self.finish_stream(engine, id, read_trailers(&fields)),
            Event::HeadersTooLarge { id, .. } => {
                let status = Status::resource_exhausted("the reply's metadata is larger than this client accepts")
                    .note("hint", "the server had better send large values in messages");
                self.finish_stream(engine, id, Err(status));
                engine.send_reset(id, ErrorCode::Cancel);
            }
            // `Closed` follows, and knows why.
            Event::Reset { by: Origin::Connection, .. } => {}
            Event::Reset { id, code: code @ ErrorCode::RefusedStream, by: Origin::Peer, why } => {
                self.refused(engine, id, reset_status(code, true, why));
            }
            Event::Reset { id, code, by, why } => {
                if code == ErrorCode::Cancel {
                    // The server keeps the same deadlines and may be quicker; then that is what has ended the call.
                    self.expire(engine, crate::clock::now());
                }
                self.finish_stream(engine, id, Err(reset_status(code, by == Origin::Peer, why)));
            }
            Event::Writable { id } => {
                if let Some(&key) = self.streams.get(&id.as_u32()) {
                    self.transmit_call(engine, key);
                }
            }
            Event::StreamsAvailable => self.open_waiting(engine),
            Event::Ready => {
                let freed = self.freed(engine);
                self.mailbox.places(|places| places.free(freed));
                self.state.ready();
            }
            Event::GoingAway { code, debug, .. } => {
                let text = if debug.is_empty() { "".into() } else { format!(" ({})", String::from_utf8_lossy(&debug)) };
                let reason = format!("the server is going away: {code}{text}");
                let because = Some(format!("it is going away, GOAWAY {code}{text}"));
                let too_many_pings = code == ErrorCode::EnhanceYourCalm && debug.as_ref() == b"too_many_pings";
                self.go_away(Closed { reason, by_goaway: true, too_many_pings, because });
                // None of them will be opened; they go back.
                self.open_waiting(engine);
            }
            Event::Closed { .. } => self.end(),
            _ => {}
        }
    }

    fn receive_head(&mut self, engine: &mut Connection, id: StreamId, fields: &Arc<HeaderList>, end: bool) {
        let Some(key) = self.streams.get(&id.as_u32()) else { return };
        let Some(call) = self.table.get_mut(key) else { return };
        match read_head(fields, end, &self.target, || Replay::subtype(call.replay.as_ref())) {
            ResponseStart::Rpc => {
                call.phase = Phase::Open { id, head_seen: true };
                call.replay = None;
                // What this side's own template brings is `:status` and `content-type`; only more is metadata.
                let metadata =
                    if fields.len() > 2 { lazy_metadata(Arc::clone(fields)) } else { LazyMetadata::default() };
                call.responder.send_head(ResponseHead::Rpc(metadata));
            }
            ResponseStart::Ended(outcome) => {
                self.finish_stream(engine, id, outcome);
                if !end {
                    engine.send_reset(id, ErrorCode::Cancel);
                }
            }
        }
    }

    fn receive_data(&mut self, engine: &mut Connection, id: StreamId, data: Bytes, flow_bytes: usize) {
        match self.streams.get(&id.as_u32()).and_then(|key| self.table.get_mut(key)) {
            Some(call) => {
                call.unreleased += flow_bytes;
                call.responder.push_response(data);
            }
            None => engine.release(id, flow_bytes),
        }
    }

    /// Moves what the caller has written to the engine, and what it has read to flow control.
    fn transmit_call(&mut self, engine: &mut Connection, key: u32) {
        let Some(call) = self.table.get_mut(&key) else { return };
        let id = match call.phase {
            Phase::Open { id, .. } => Some(id),
            Phase::Waiting => None,
        };
        call.waker.rearm();
        let waker = Waker::from(Arc::clone(&call.waker));
        let room = id.is_some_and(|id| call.sending && engine.send_backlog(id) < PIPE_LIMIT_BYTES);
        let chunks = &mut self.chunks;
        let watch = Watch { waker: &waker, interest: Interest::Any, credit_step: Some(CREDIT_STEP_BYTES) };
        let progress = call.responder.collect(Some(watch), room, |chunk| chunks.push(chunk));
        let Some(id) = id else {
            if let Some(status) = progress.cancelled {
                self.finish(engine, key, Err(status));
            }
            return;
        };
        let credit = progress.credit.min(call.unreleased);
        call.unreleased -= credit;
        if credit > 0 {
            engine.release(id, credit);
        }
        if let Some(status) = progress.cancelled {
            chunks.clear();
            engine.send_reset(id, ErrorCode::Cancel);
            self.finish(engine, key, Err(status));
            return;
        }
        let last = chunks.len().checked_sub(1);
        // A stream that is gone takes no more bytes; its `Reset` event is on its way.
        for (index, chunk) in chunks.drain(..).enumerate() {
            let end = if progress.finished && Some(index) == last { End::Stream } else { End::Open };
            let _ = match &mut call.replay {
                Some(replay) if replay.has_room(chunk.len()) => {
                    let sent = match chunk.len() {
                        // The engine would copy it as well.
                        ..COPIED_BYTES => engine.send_slice(id, &chunk, end),
                        _ => engine.send_data(id, chunk.clone(), end),
                    };
                    replay.keep(chunk);
                    sent
                }
                _ => {
                    call.replay = None;
                    engine.send_data(id, chunk, end)
                }
            };
        }
        if progress.finished && call.sending {
            call.sending = false;
            if last.is_none() {
                let _ = engine.send_data(id, Bytes::new(), End::Stream);
            }
        }
    }

    /// The server has not processed a call at all: it is sent again, once, if it can be.
    #[cold]
    fn refused(&mut self, engine: &mut Connection, id: StreamId, status: Status) {
        let Some(mut call) = self.streams.remove(&id.as_u32()).and_then(|key| self.table.remove(&key)) else { return };
        match (call.replay.take(), &self.returned) {
            (Some(mut replay), Some(returned)) if !replay.head.was_refused => {
                replay.head.was_refused = true;
                returned.take(replay.restore(call.responder));
            }
            _ => {
                engine.release(id, call.unreleased);
                call.responder.finish(Err(status));
            }
        }
    }

    fn finish_stream(&mut self, engine: &mut Connection, id: StreamId, outcome: Outcome) {
        if let Some(&key) = self.streams.get(&id.as_u32()) {
            self.finish(engine, key, outcome);
        }
    }

    fn finish(&mut self, engine: &mut Connection, key: u32, outcome: Outcome) {
        let Some(call) = self.table.remove(&key) else { return };
        if let Phase::Waiting = call.phase {
            self.waiting.retain(|waiting| *waiting != key);
        }
        if let Phase::Open { id, .. } = call.phase {
            self.streams.remove(&id.as_u32());
            // What the caller has not read yet is bounded by the stream's window and can grow no more.
            engine.release(id, call.unreleased);
            if call.sending {
                engine.send_reset(id, ErrorCode::Cancel);
            }
            engine.finish_stream(id);
        }
        call.responder.finish(outcome);
    }

    /// Gives back memory that a quiet connection does not need.
    fn trim(&mut self) {
        self.streams.shrink_to_fit();
        self.waiting.shrink_to_fit();
        self.table.shrink_to_fit();
        self.chunks.shrink_to_fit();
        self.fields = HeaderList::new();
    }

    /// Fails the calls whose deadline has passed.
    fn expire(&mut self, engine: &mut Connection, now: Instant) {
        while let Some((at, key)) = self.deadlines.pop_due(now) {
            let is_live = is_deadline_of(&self.table, at, key);
            let Some(call) = self.table.get(&key).filter(|_| is_live) else { continue };
            let waited = now.saturating_duration_since(call.started);
            let where_spent = match call.phase {
                Phase::Waiting => "waiting for a free stream",
                Phase::Open { head_seen: false, .. } => "waiting for the server",
                Phase::Open { head_seen: true, .. } => "receiving the reply",
            };
            if let Phase::Open { id, .. } = call.phase {
                engine.send_reset(id, ErrorCode::Cancel);
            }
            let status = Status::deadline_exceeded("the call's deadline passed")
                .note("spent", format!("{where_spent} at {} for {}", self.target, Millis(waited)));
            self.finish(engine, key, Err(status));
        }
    }

    /// Fails whatever is left.
    fn end(&mut self) {
        self.state.close(Closed::new("the connection was closed"), ConnectErrorKind::Io);
        for mail in self.mailbox.close() {
            if let Mail::Start(start) = mail {
                self.return_call(Replay::new(start.head), start.responder);
            }
        }
        self.streams.clear();
        self.waiting.clear();
        for (_, call) in std::mem::take(&mut self.table) {
            self.give_back(call);
        }
    }

    /// Ends a call that has nowhere to go on: one that never left goes back, any other fails.
    fn give_back(&self, call: ClientCall) {
        let has_left = matches!(call.phase, Phase::Open { id, .. } if id < self.unsent);
        match call.replay {
            Some(replay) if !has_left => self.return_call(replay, call.responder),
            _ => call.responder.finish(Err(self.unavailable())),
        }
    }

    fn return_call(&self, replay: Replay, responder: ResponderEnd) {
        match &self.returned {
            Some(returned) => returned.take(replay.restore(responder)),
            None => responder.finish(Err(self.unavailable())),
        }
    }

    fn unavailable(&self) -> Status {
        self.state.status(&self.target)
    }
}

fn is_deadline_of(table: &IdMap<ClientCall>, at: Instant, key: u32) -> bool {
    table.get(&key).and_then(|call| call.deadline).is_some_and(|deadline| deadline.instant() == at)
}
