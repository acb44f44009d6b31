//! A call between the two endpoints, as both programs see it.

use bytes::Bytes;
use h2::client::ResponseFuture;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use halloo_http2::StreamId;

use super::flow::Flow;

/// One stream, with what `h2` gave out for it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) id: StreamId,
    /// From the client to the server.
    pub(crate) up: Flow,
    /// From the server to the client.
    pub(crate) down: Flow,
    /// `h2` is the client and waits for a head.
    pub(crate) response: Option<ResponseFuture>,
    /// `h2` is the server and has sent no head.
    pub(crate) respond: Option<SendResponse<Bytes>>,
    pub(crate) send: Option<SendStream<Bytes>>,
    pub(crate) recv: Option<RecvStream>,
    /// Bytes that `h2`'s program has read and keeps.
    pub(crate) h2_unread: usize,
    /// Bytes that our program has read and keeps.
    pub(crate) our_unread: usize,
    /// Our side has heard of the stream, or has opened it.
    pub(crate) is_known: bool,
    /// Our side is the server and has sent its head.
    pub(crate) has_our_head: bool,
    /// Our program has finished with it.
    pub(crate) is_finished: bool,
    pub(crate) life: Life,
}

/// Whether a stream may still be reset without a reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// Both programs want it: it has to end well.
    Wanted,
    /// One of them has given it up: it may end in any way.
    GivenUp,
}

impl Call {
    pub(crate) fn new(id: StreamId) -> Self {
        let seed = id.as_u32() as usize;
        Self {
            id,
            up: Flow::new(seed),
            down: Flow::new(seed + 1),
            response: None,
            respond: None,
            send: None,
            recv: None,
            h2_unread: 0,
            our_unread: 0,
            is_known: false,
            has_our_head: false,
            is_finished: false,
            life: Life::Wanted,
        }
    }

    pub(crate) fn give_up(&mut self) {
        self.life = Life::GivenUp;
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.life == Life::Wanted
    }

    /// Our engine has to take what our program sends, unless that has ended its direction.
    pub(crate) fn may_send(&self) -> bool {
        self.is_wanted() && self.is_known && !self.is_finished
    }

    pub(crate) fn is_done(&self) -> bool {
        !self.is_wanted() || (self.up.is_over && self.down.is_over)
    }
}
