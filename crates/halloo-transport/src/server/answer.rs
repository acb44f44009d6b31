//! One response on its way to the engine: its head, its bytes, its end (server side).
//!
//! A stream that is gone takes nothing more; its `Reset` event is on its way, so failures here are not news.

use std::sync::Arc;

use bytes::Bytes;
use halloo_call::{Outcome, RareHead, ResponseHead, ResponseSink};
use halloo_core::DrainedPiece;
use halloo_http2::{Block, Connection, End, ErrorCode, HeaderList, SendError, StreamId, Template};

use crate::oversize::Oversize;
use crate::response_head::{
    ok_trailers, proto_head, push_metadata, write_failure, write_head, write_trailers, write_trailers_only,
};

/// How far a response is.
#[derive(Debug)]
pub(crate) enum Response {
    /// Nothing was sent to a request that is not an RPC.
    UnsentHttp,
    /// Nothing was sent to an RPC.
    Unsent(Option<Arc<RareHead>>),
    /// The head was sent; for an RPC, trailers will follow.
    Open { rpc: bool },
    /// The head was more than the client accepts, and what was sent in its place has ended the response. The handler does
    /// not know yet.
    Refused,
    /// The last byte went to the engine, or the stream is gone.
    Ended,
}

/// Moves one call's response to the engine.
pub(crate) struct ResponseWriter<'a> {
    engine: &'a mut Connection,
    id: StreamId,
    response: &'a mut Response,
    fields: &'a mut HeaderList,
}

impl<'a> ResponseWriter<'a> {
    pub(crate) fn new(
        engine: &'a mut Connection,
        id: StreamId,
        response: &'a mut Response,
        fields: &'a mut HeaderList,
    ) -> Self {
        Self { engine, id, response, fields }
    }

    /// Ends the response.
    pub(crate) fn end(mut self, outcome: &Outcome) {
        let ended = match (&*self.response, outcome) {
            (Response::Ended | Response::Refused, _) => Ok(()),
            (Response::UnsentHttp, _) => {
                // Nobody has answered a request that is not an RPC; an RPC's answer would not be one.
                self.fail();
                Ok(())
            }
            (Response::Unsent(rare), Err(status)) => {
                let subtype = RareHead::subtype_of(rare.as_ref());
                let template = write_trailers_only(subtype, status, self.fields);
                let mut sent = self.engine.send_headers(self.id, template, self.fields, End::Stream);
                if sent == Err(SendError::HeadersTooLarge) {
                    let small = Oversize::new(self.engine, template, self.fields).failure(status.code());
                    let template = write_trailers_only(subtype, &small, self.fields);
                    sent = self.send_instead(template);
                }
                sent
            }
            (Response::Unsent(_), Ok(_)) => {
                self.head(ResponseHead::default());
                match self.response {
                    Response::Open { .. } => self.end_open(true, outcome),
                    _ => Ok(()),
                }
            }
            (Response::Open { rpc }, _) => self.end_open(*rpc, outcome),
        };
        self.settle(ended);
        *self.response = Response::Ended;
    }

    fn end_open(&mut self, rpc: bool, outcome: &Outcome) -> Result<(), SendError> {
        match outcome {
            outcome if rpc => self.end_rpc(outcome),
            Ok(trailers) if trailers.is_empty() => self.engine.send_data(self.id, Bytes::new(), End::Stream),
            Ok(trailers) => {
                self.fields.clear();
                push_metadata(trailers, self.fields);
                let sent = self.engine.send_headers(self.id, None, self.fields, End::Stream);
                if sent == Err(SendError::HeadersTooLarge) {
                    self.fail();
                }
                sent
            }
            Err(_) => {
                self.fail();
                Ok(())
            }
        }
    }

    fn end_rpc(&mut self, outcome: &Outcome) -> Result<(), SendError> {
        let template = write_trailers(outcome, self.fields);
        let sent = self.engine.send_headers(self.id, template, self.fields, End::Stream);
        if sent != Err(SendError::HeadersTooLarge) {
            return sent;
        }
        let oversize = Oversize::new(self.engine, template, self.fields);
        let small = match outcome {
            Ok(_) => oversize.trailers(),
            Err(status) => oversize.failure(status.code()),
        };
        let template = write_failure(&small, self.fields);
        self.send_instead(template)
    }

    /// Ends a response that is none, or breaks off.
    fn fail(&mut self) {
        self.engine.send_reset(self.id, ErrorCode::InternalError);
        *self.response = Response::Ended;
    }

    /// Ends the response with a short block in the place of one that the client does not accept. One that accepts not even
    /// that hears nothing.
    #[cold]
    fn send_instead(&mut self, template: Option<&Template>) -> Result<(), SendError> {
        let sent = self.engine.send_headers(self.id, template, self.fields, End::Stream);
        if sent == Err(SendError::HeadersTooLarge) {
            self.engine.send_reset(self.id, ErrorCode::InternalError);
        }
        sent
    }

    /// Ends a response whose head, which was to be this one, is more than the client accepts.
    #[cold]
    fn refuse_head(&mut self, head: &ResponseHead, template: Option<&Template>) {
        let oversize = Oversize::new(self.engine, template, self.fields);
        tracing::debug!(?oversize, "the head of a response is larger than its client accepts");
        let template = match (head, &*self.response) {
            (ResponseHead::Rpc(_), Response::Unsent(rare)) => {
                write_trailers_only(RareHead::subtype_of(rare.as_ref()), &oversize.headers(), self.fields)
            }
            _ => {
                self.fields.clear();
                self.fields.push(b":status", b"500");
                None
            }
        };
        // A stream that is gone needs no answer.
        let _ = self.send_instead(template);
        *self.response = Response::Refused;
    }

    /// A whole response was more than its client accepts: its trailers, unless even the usual head is.
    #[cold]
    fn refuse_whole(&mut self, outcome: &Outcome) {
        let head_bytes = proto_head().fields().list_bytes();
        if self.engine.peer_max_header_list_bytes().is_some_and(|limit| limit < head_bytes) {
            return self.fail();
        }
        // A stream that is gone needs no answer.
        let _ = self.end_rpc(outcome);
    }

    fn settle(&mut self, sent: Result<(), SendError>) {
        if sent.is_err() {
            *self.response = Response::Ended;
        }
    }
}

impl ResponseSink for ResponseWriter<'_> {
    /// Takes what most calls are answered with: a reply without headers, to a request without rare parts.
    #[inline]
    fn whole(&mut self, head: &ResponseHead, bytes: &[u8], outcome: &Outcome) -> bool {
        static NO_FIELDS: HeaderList = HeaderList::new();
        let (Response::Unsent(None), ResponseHead::Rpc(metadata)) = (&*self.response, head) else {
            return false;
        };
        if !metadata.is_unset() {
            return false;
        }
        let head = Block { template: Some(proto_head()), fields: &NO_FIELDS };
        let trailers = match outcome {
            Ok(metadata) if metadata.is_empty() => Block { template: Some(ok_trailers()), fields: &NO_FIELDS },
            _ => Block { template: write_trailers(outcome, self.fields), fields: self.fields },
        };
        // A stream that is gone needs no answer.
        let sent = self.engine.send_response(self.id, head, bytes, trailers);
        *self.response = Response::Ended;
        if sent == Err(SendError::HeadersTooLarge) {
            self.refuse_whole(outcome);
        }
        true
    }

    fn head(&mut self, head: ResponseHead) {
        let rare = match &*self.response {
            Response::UnsentHttp => None,
            Response::Unsent(rare) => rare.as_ref(),
            _ => return,
        };
        let template = match &head {
            ResponseHead::Rpc(metadata) => {
                let template = write_head(RareHead::subtype_of(rare), metadata.read(), self.fields);
                push_accepted(rare, self.fields);
                template
            }
            ResponseHead::Http { status, headers } if (200..1000).contains(status) => {
                self.fields.clear();
                self.fields.push(b":status", status.to_string().as_bytes());
                for (name, value) in headers {
                    if !self.fields.push_legal(name, value) {
                        tracing::debug!(name = %name.escape_ascii(), "HTTP/2 forbids a field of a response; it is left out");
                    }
                }
                None
            }
            ResponseHead::Http { status, .. } => {
                tracing::warn!(status, "a request was answered with a status that no response ends with");
                return self.fail();
            }
        };
        let sent = self.engine.send_headers(self.id, template, self.fields, End::Open);
        if sent == Err(SendError::HeadersTooLarge) {
            return self.refuse_head(&head, template);
        }
        *self.response = Response::Open { rpc: matches!(head, ResponseHead::Rpc(_)) };
        self.settle(sent);
    }

    fn piece(&mut self, piece: DrainedPiece<'_>) {
        if !matches!(self.response, Response::Open { .. }) {
            return;
        }
        let sent = match piece {
            DrainedPiece::Lent(bytes) => self.engine.send_slice(self.id, bytes, End::Open),
            DrainedPiece::Whole(bytes) => self.engine.send_data(self.id, bytes, End::Open),
        };
        self.settle(sent);
    }
}

/// Says what requests may be compressed with, to a client that speaks of compression.
fn push_accepted(rare: Option<&Arc<RareHead>>, fields: &mut HeaderList) {
    if let Some(accepted) = rare.and_then(|rare| rare.accepted_encodings.as_ref()) {
        // The names of algorithms are the program's.
        fields.push_legal(b"grpc-accept-encoding", accepted.as_bytes());
    }
}
