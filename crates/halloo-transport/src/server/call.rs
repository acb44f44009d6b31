//! One call of a server's connection: from its head to the end of its handler and its response.
//!
//! The table of calls belongs to the connection; what a call does when something arrives, or when its handler has
//! something to say, is here.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use bytes::Bytes;
use halloo_call::{
    CallerEnd, Dispatch, Handling, HttpRequest, IncomingCall, Interest, PIPE_LIMIT_BYTES, ResponderEnd, RunningHandler,
    Watch, log_failure,
};
use halloo_core::{Deadline, Extensions, Peer, Status};
use halloo_http2::{Connection, HeaderList, StreamId};

use crate::mailbox::{CallWaker, Mailbox};
use crate::server::answer::{Response, ResponseWriter};
use crate::server::handler_task::{InlinePolls, spawn};
use crate::server::request_head::{HeadReader, RequestHead, RouteIndex, RpcHead, lazy_metadata};

/// Request bytes that a handler consumes before its connection hears of it.
const CREDIT_STEP_BYTES: usize = 8 * 1024;

/// Nobody posts a start to a server.
pub(crate) type NoStart = std::convert::Infallible;

/// What all calls of a connection share.
pub(crate) struct ConnectionContext {
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) mailbox: Arc<Mailbox<NoStart>>,
    /// Scratch space for one header block.
    pub(crate) fields: HeaderList,
    pub(crate) heads: HeadReader,
    pub(crate) inline_polls: InlinePolls,
    /// A handler was spawned since the connection's task last made way for it.
    pub(crate) has_spawned: bool,
}

/// What the work of one turn needs beside the calls.
pub(crate) struct Turn<'a, 'b> {
    pub(crate) engine: &'a mut Connection,
    pub(crate) now: Instant,
    pub(crate) cx: &'a mut Context<'b>,
}

/// One stream.
#[derive(Debug)]
pub(crate) struct ServerCall {
    id: StreamId,
    route: RouteIndex,
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
    Waiting(Box<Request>),
    /// It runs in a task of its own.
    Running(Arc<CallWaker<NoStart>>),
    Ended,
}

/// What is to be handled, and the end of the exchange that answers it.
#[derive(Debug)]
struct Request {
    work: RequestKind,
    responder: ResponderEnd,
}

#[derive(Debug)]
enum RequestKind {
    Rpc(IncomingCall),
    Http(Box<HttpRequest>),
}

/// How much of a request is there when its handler begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// All of it: the handler may be done at its first poll.
    Whole,
    /// The head, and perhaps a part of the body.
    Partial,
}

/// A part of a request's body.
#[derive(Debug)]
pub(crate) struct BodyPart {
    pub(crate) data: Bytes,
    pub(crate) flow_bytes: usize,
    pub(crate) end: bool,
}

impl BodyPart {
    /// An end without bytes.
    pub(crate) const LAST: Self = Self { data: Bytes::new(), flow_bytes: 0, end: true };
}

/// A header block that begins a call.
#[derive(Debug)]
pub(crate) struct RequestBlock {
    pub(crate) id: StreamId,
    pub(crate) fields: Arc<HeaderList>,
    /// All of the body, if it came with the head.
    pub(crate) body: Option<Bytes>,
}

impl ServerCall {
    /// Begins a call. A request that is complete goes to its handler at once, any other waits.
    pub(crate) fn open(
        opening: RequestBlock,
        caller: CallerEnd,
        responder: ResponderEnd,
        turn: &mut Turn<'_, '_>,
        context: &mut ConnectionContext,
    ) -> Self {
        let RequestBlock { id, fields, body } = opening;
        let unreleased = body.as_ref().map_or(0, Bytes::len);
        let arrival = if body.is_some() { Arrival::Whole } else { Arrival::Partial };
        let (mut call, work) = match context.heads.read(&fields, &*context.dispatch, turn.engine, &context.peer) {
            RequestHead::Http(route, request) => {
                responder.supply_request(body);
                (Self::new(id, route, caller, unreleased), RequestKind::Http(request))
            }
            RequestHead::Rpc(RpcHead { route, rare, timeout, fault }) => {
                let mut call = Self::new(id, route, caller, unreleased);
                call.deadline = timeout.map(|timeout| Deadline::after(turn.now, timeout));
                call.response = Response::Unsent(rare.clone());
                if let Some(status) = fault {
                    log_failure(None, &status);
                    responder.finish(Err(status));
                    call.transmit(turn.engine, &mut context.fields);
                    return call;
                }
                let incoming = IncomingCall {
                    rare,
                    metadata: lazy_metadata(fields),
                    deadline: call.deadline,
                    peer: Arc::clone(&context.peer),
                    extensions: Extensions::new(),
                    arrived: body,
                };
                if arrival == Arrival::Whole {
                    // Without the detour of a request that waits, whose every move costs.
                    let handling = context.dispatch.respond(context.heads.route(route), incoming, responder);
                    call.start(handling, arrival, turn, context);
                    call.release_rest(turn.engine);
                    return call;
                }
                (call, RequestKind::Rpc(incoming))
            }
        };
        call.handler = Handler::Waiting(Box::new(Request { work, responder }));
        if arrival == Arrival::Whole {
            call.run(arrival, turn, context);
            call.release_rest(turn.engine);
        }
        call
    }

    /// The body is with the handler, wherever that runs. What is done is released with its stream.
    #[inline(always)]
    fn release_rest(&mut self, engine: &mut Connection) {
        if !self.is_done() {
            engine.release(self.id, std::mem::take(&mut self.unreleased));
        }
    }

    fn new(id: StreamId, route: RouteIndex, caller: CallerEnd, unreleased: usize) -> Self {
        Self { id, route, caller, handler: Handler::Ended, response: Response::UnsentHttp, deadline: None, unreleased }
    }

    pub(crate) fn route(&self) -> RouteIndex {
        self.route
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Whether nobody works on the request yet.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.handler, Handler::Waiting(..))
    }

    pub(crate) fn receive(&mut self, part: BodyPart) {
        self.unreleased += part.flow_bytes;
        self.caller.push_request(part.data, part.end);
    }

    /// Hands a waiting request to its handler.
    pub(crate) fn run(&mut self, arrival: Arrival, turn: &mut Turn<'_, '_>, context: &mut ConnectionContext) {
        if self.is_waiting()
            && let Handler::Waiting(request) = std::mem::replace(&mut self.handler, Handler::Ended)
        {
            let Request { work, responder } = *request;
            let dispatch = &context.dispatch;
            let handling = match work {
                RequestKind::Rpc(call) => dispatch.respond(context.heads.route(self.route), call, responder),
                RequestKind::Http(http) => dispatch.respond_http(*http, responder),
            };
            self.start(handling, arrival, turn, context);
        }
    }

    /// Lets the handler run here or in a task of its own, and looks at what it has made of the request.
    #[inline(always)]
    fn start(
        &mut self,
        mut handling: Handling,
        arrival: Arrival,
        turn: &mut Turn<'_, '_>,
        context: &mut ConnectionContext,
    ) {
        let ConnectionContext { heads, mailbox, inline_polls, fields, has_spawned, .. } = context;
        let route = heads.route(self.route);
        let is_inline = arrival == Arrival::Whole && route.placement.is_inline();
        let is_done = is_inline && inline_polls.poll(&mut handling, self.deadline, &route.placement, turn.cx);
        if !is_done {
            let waker = CallWaker::new(mailbox, self.id.as_u32());
            self.handler = Handler::Running(Arc::clone(&waker));
            // This connection's timer serves its deadline.
            let running = RunningHandler::new(handling, self.caller.handler_watch(), self.deadline);
            spawn(running, Arc::clone(route), waker);
            *has_spawned = true;
        }
        self.transmit(turn.engine, fields);
    }

    /// Moves what the handler has written to the engine, and what it has read to flow control.
    #[inline(always)]
    pub(crate) fn transmit(&mut self, engine: &mut Connection, fields: &mut HeaderList) {
        if let Handler::Running(waker) = &self.handler {
            waker.rearm();
        }
        if matches!(self.response, Response::Unsent(None)) {
            let mut answer = ResponseWriter::new(engine, self.id, &mut self.response, fields);
            // What was read needs no credit once the call is over.
            if self.caller.collect_whole(&mut answer) {
                return;
            }
        }
        self.transmit_parts(engine, fields);
    }

    #[inline(never)]
    fn transmit_parts(&mut self, engine: &mut Connection, fields: &mut HeaderList) {
        let waker = self.watch();
        let watch =
            waker.as_ref().map(|waker| Watch { waker, interest: Interest::Any, credit_step: Some(CREDIT_STEP_BYTES) });
        let is_unsent = matches!(self.response, Response::UnsentHttp | Response::Unsent(_));
        let room = is_unsent || engine.send_backlog(self.id) < PIPE_LIMIT_BYTES;
        let mut answer = ResponseWriter::new(engine, self.id, &mut self.response, fields);
        let progress = self.caller.collect_into(watch, room, &mut answer);
        if let Some(outcome) = progress.outcome {
            answer.end(&outcome);
        }
        if matches!(self.response, Response::Refused) {
            // What the handler goes on to say would not be heard.
            self.cancel(Status::resource_exhausted("the reply's headers are larger than the client accepts"));
            self.response = Response::Ended;
        }
        let credit = progress.credit.min(self.unreleased);
        self.unreleased -= credit;
        if credit > 0 {
            engine.release(self.id, credit);
        }
    }

    /// The waker to register, for a handler that runs elsewhere.
    fn watch(&self) -> Option<Waker> {
        match &self.handler {
            Handler::Running(waker) => Some(Waker::from(Arc::clone(waker))),
            _ => None,
        }
    }

    /// Gives the call up in the client's place.
    pub(crate) fn cancel(&mut self, why: Status) {
        self.caller.cancel(why);
        if let Handler::Waiting(..) = self.handler {
            self.handler = Handler::Ended;
        }
    }

    /// Gives the call up: its stream is gone.
    pub(crate) fn abandon(&mut self, why: Status) {
        self.cancel(why);
        self.response = Response::Ended;
    }

    /// Whether handler and response have ended.
    pub(crate) fn is_done(&self) -> bool {
        let handler_ended = match &self.handler {
            Handler::Running(waker) => waker.has_handler_ended(),
            Handler::Ended => true,
            Handler::Waiting(..) => false,
        };
        handler_ended && matches!(self.response, Response::Ended)
    }

    /// Lets the engine forget the stream; returns what can be used again.
    #[inline(always)]
    pub(crate) fn end(self, engine: &mut Connection) -> CallerEnd {
        engine.release(self.id, self.unreleased);
        engine.finish_stream(self.id);
        self.caller
    }
}
