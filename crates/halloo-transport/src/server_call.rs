//! One call of a server's connection: from its head to the end of its handler and its response.
//!
//! The table of calls belongs to the connection; what a call does when something arrives, or when its handler has
//! something to say, is here.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Instant;

use bytes::Bytes;
use halloo_call::{CallerEnd, Dispatch, HttpRequest, Interest, PIPE_LIMIT_BYTES, ResponderEnd, Watch};
use halloo_core::{Deadline, Peer, Status};
use halloo_http2::{Connection, HeaderList, StreamId};

use crate::answer::{Answer, Response};
use crate::handler_task::{poll_inline, spawn};
use crate::mailbox::{CallWaker, Mailbox};
use crate::request_head::{RequestHead, RpcHead};

/// Request bytes that a handler consumes before its connection hears of it.
const CREDIT_STEP_BYTES: usize = 8 * 1024;

/// Nobody posts a start to a server.
pub(crate) type NoStart = std::convert::Infallible;

/// What all calls of a connection share.
pub(crate) struct Setting {
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) mailbox: Arc<Mailbox<NoStart>>,
    /// Scratch space for one header block.
    pub(crate) fields: HeaderList,
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
    Waiting(Work, ResponderEnd),
    /// It runs in a task of its own.
    Running(Arc<CallWaker<NoStart>>),
    Ended,
}

/// What a handler will be given.
#[derive(Debug)]
enum Work {
    Rpc(Arc<RpcHead>, Arc<HeaderList>),
    Http(Box<HttpRequest>),
}

impl ServerCall {
    pub(crate) fn new(
        id: StreamId,
        head: RequestHead,
        deadline: Option<Deadline>,
        (caller, responder): (CallerEnd, ResponderEnd),
    ) -> Self {
        let subtype = match &head {
            RequestHead::Rpc(rpc, _) | RequestHead::Refused(rpc, _) => Some(rpc.subtype.clone()),
            RequestHead::Http(_) => None,
        };
        let handler = match head {
            RequestHead::Rpc(head, fields) => Handler::Waiting(Work::Rpc(head, fields), responder),
            RequestHead::Http(request) => Handler::Waiting(Work::Http(request), responder),
            RequestHead::Refused(_, status) => {
                responder.finish(Err(status));
                Handler::Ended
            }
        };
        Self { id, caller, handler, response: Response::Unsent(subtype), deadline, unreleased: 0 }
    }

    pub(crate) fn deadline(&self) -> Option<Deadline> {
        self.deadline
    }

    /// Whether nobody works on the request yet.
    pub(crate) fn is_waiting(&self) -> bool {
        matches!(self.handler, Handler::Waiting(..))
    }

    pub(crate) fn finish_request(&self) {
        self.caller.finish_request();
    }

    pub(crate) fn receive(&mut self, data: Bytes, flow_bytes: usize, end: bool) {
        self.unreleased += flow_bytes;
        self.caller.push_request(data, end);
    }

    /// Hands a waiting request to its handler, and looks at what that has made of it.
    pub(crate) fn run(&mut self, turn: &mut Turn<'_, '_>, setting: &mut Setting, complete: bool) {
        if let Handler::Waiting(..) = self.handler
            && let Handler::Waiting(work, responder) = std::mem::replace(&mut self.handler, Handler::Ended)
        {
            let handling = match work {
                Work::Rpc(head, fields) => {
                    let incoming = head.incoming(fields, self.deadline, &setting.peer);
                    setting.dispatch.respond(head.route(), incoming, responder)
                }
                Work::Http(request) => setting.dispatch.respond_http(*request, responder),
            };
            let is_inline = complete && handling.placement().is_inline();
            if let Some(handling) = if is_inline { poll_inline(handling, turn.cx) } else { Some(handling) } {
                let waker = CallWaker::new(&setting.mailbox, self.id.as_u32());
                self.handler = Handler::Running(Arc::clone(&waker));
                spawn(handling, self.caller.handler_watch(), waker);
                setting.has_spawned = true;
            }
        }
        self.look(turn.engine, &mut setting.fields);
    }

    /// Moves what the handler has written to the engine, and what it has read to flow control.
    pub(crate) fn look(&mut self, engine: &mut Connection, fields: &mut HeaderList) {
        let waker = self.watch();
        let watch =
            waker.as_ref().map(|waker| Watch { waker, interest: Interest::Any, credit_step: Some(CREDIT_STEP_BYTES) });
        let room = engine.send_backlog(self.id) < PIPE_LIMIT_BYTES;
        let mut answer = Answer::new(engine, self.id, &mut self.response, fields);
        let progress = self.caller.collect_into(watch, room, &mut answer);
        if let Some(outcome) = progress.outcome {
            answer.end(&outcome);
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
            Handler::Running(waker) => {
                waker.rearm();
                Some(Waker::from(Arc::clone(waker)))
            }
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
    pub(crate) fn end(self, engine: &mut Connection) -> CallerEnd {
        engine.release(self.id, self.unreleased);
        engine.finish_stream(self.id);
        self.caller
    }
}
