//! A whole response of the usual kind in one go: head, one small message, trailers (server side).
//! Whatever keeps a part of it from leaving at once makes it three sends, which is what it means in any case.

use crate::connection::Connection;
use crate::error::SendError;
use crate::event::{End, StreamId};
use crate::headers::Block;
use crate::stream::{Sending, State, Stream, WHOLE_BYTES};

impl Connection {
    /// Sends a whole response: a final head, one message, trailers. Means the same as
    /// [`send_headers`](Self::send_headers), [`send_slice`](Self::send_slice) and `send_headers` with `End::Stream`, and
    /// costs less when all of it may leave at once: `data` is under 4 KiB, windows and output allow it, and no other
    /// stream waits.
    ///
    /// # Errors
    /// See [`SendError`]; parts before the one that failed were sent. A 1xx `head` with data is `OutOfOrder`.
    ///
    /// ```
    /// # use bytes::BytesMut;
    /// # use halloo_http2::{Block, Config, Connection, End, HeaderList, Template};
    /// # use std::time::Instant;
    /// # let now = Instant::now();
    /// # let mut client = Connection::client(Config::default(), now);
    /// # let mut server = Connection::server(Config::default(), now);
    /// # let mut request = HeaderList::new();
    /// # for (name, value) in [(":method", "POST"), (":scheme", "http"), (":path", "/")] {
    /// #     request.push(name.as_bytes(), value.as_bytes());
    /// # }
    /// # let id = client.send_request(None, &request, End::Stream).unwrap();
    /// # server.handle_input(now, &mut BytesMut::from(bytes::Buf::chunk(client.poll_transmit(now))));
    /// let mut head = HeaderList::new();
    /// head.push(b":status", b"200");
    /// let mut trailers = HeaderList::new();
    /// trailers.push(b"grpc-status", b"0");
    /// let (head, trailers, none) = (Template::new(head), Template::new(trailers), HeaderList::new());
    ///
    /// let block = |template| Block { template: Some(template), fields: &none };
    /// server.send_response(id, block(&head), b"hello", block(&trailers)).unwrap();
    /// ```
    #[inline]
    pub fn send_response(
        &mut self,
        id: StreamId,
        head: Block<'_>,
        data: &[u8],
        trailers: Block<'_>,
    ) -> Result<(), SendError> {
        let key = self.streams.find(id.as_u32()).ok_or(SendError::Gone)?;
        let stream = self.streams.get_mut(key);
        let len = data.len();
        let leaves_at_once = is_unanswered(stream)
            && len < WHOLE_BYTES
            && len <= self.peer.max_frame
            && len <= stream.send_window.available()
            && len <= self.send_window.available()
            && self.schedule.is_empty()
            && !head.is_informational();
        if !leaves_at_once {
            return self.send_parts(id, head, data, trailers);
        }
        self.push_headers(id, head, End::Open)?;
        if len > 0 {
            if self.out.len() >= self.config.limits.max_output_bytes {
                return self.send_rest(id, data, trailers);
            }
            self.streams.get_mut(key).send_window.consume(len);
            self.send_window.consume(len);
            self.out.push_whole_copy(id, data);
            self.count_data(len);
        }
        if let Err(too_large) = self.push_headers(id, trailers, End::Stream) {
            self.streams.get_mut(key).set_sending(Sending::Body);
            return Err(too_large.into());
        }
        self.end_send(key);
        Ok(())
    }

    #[cold]
    fn send_parts(&mut self, id: StreamId, head: Block<'_>, data: &[u8], trailers: Block<'_>) -> Result<(), SendError> {
        self.send_block(id, head, End::Open)?;
        self.send_copy(id, data, End::Open)?;
        self.send_block(id, trailers, End::Stream)
    }

    /// Goes on behind a head that was pushed, where the output has no room for data.
    #[cold]
    fn send_rest(&mut self, id: StreamId, data: &[u8], trailers: Block<'_>) -> Result<(), SendError> {
        let key = self.streams.find(id.as_u32()).ok_or(SendError::Gone)?;
        self.streams.get_mut(key).set_sending(Sending::Body);
        self.send_copy(id, data, End::Open)?;
        self.send_block(id, trailers, End::Stream)
    }
}

/// Whether nothing but informational heads was sent on the stream. Then nothing is queued on it either.
#[inline]
fn is_unanswered(stream: &Stream) -> bool {
    matches!(stream.state, State::Active { send: Sending::Head, .. })
}
