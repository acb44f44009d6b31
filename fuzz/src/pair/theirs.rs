//! The `h2` crate's endpoint: made patient, and polled by hand.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{self, SendRequest};
use h2::server::{self, SendResponse};
use h2::{PingPong, RecvStream};
use http::Request;

use super::pipe::Pipe;
use crate::input::Input;

/// Many resets, and many small frames, are what the programs here do all the time.
const PATIENCE: usize = 1 << 20;

/// The connection of either role.
pub(crate) enum Theirs {
    Client { connection: Box<client::Connection<Pipe, Bytes>>, requests: Option<SendRequest<Bytes>> },
    Server(Box<server::Connection<Pipe, Bytes>>),
}

/// What polling the connection brought.
pub(crate) enum Polled {
    Nothing,
    Accepted(Box<Request<RecvStream>>, SendResponse<Bytes>),
    /// It is over and must not be polled again.
    Over(Result<(), h2::Error>),
}

pub(crate) fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl Theirs {
    /// A client's connection; its preface and SETTINGS are written at once.
    pub(crate) fn client(input: &mut Input<'_>, pipe: Pipe) -> Self {
        let mut builder = client::Builder::new();
        builder
            .initial_window_size(input.choose(&[65_535, 1, 1000, 1 << 20]))
            .initial_connection_window_size(input.choose(&[65_535, 100_000, 1 << 20]))
            .max_frame_size(input.choose(&[16 << 10, 1 << 20]))
            .header_table_size(input.choose(&[4096, 0, 200, 65_536]))
            .max_header_list_size(1 << 20)
            .max_concurrent_reset_streams(PATIENCE)
            .reset_stream_duration(Duration::from_secs(3600))
            .max_pending_accept_reset_streams(PATIENCE)
            .max_local_error_reset_streams(None)
            .data_frame_budget(usize::MAX)
            .enable_push(false);
        match pin!(builder.handshake(pipe)).poll(&mut context()) {
            Poll::Ready(Ok((requests, connection))) => {
                Self::Client { connection: Box::new(connection), requests: Some(requests) }
            }
            _ => panic!("a client begins to speak at once"),
        }
    }

    /// What becomes a server's connection once the client's preface has arrived.
    pub(crate) fn server(
        input: &mut Input<'_>,
        pipe: Pipe,
    ) -> impl Future<Output = Result<server::Connection<Pipe, Bytes>, h2::Error>> {
        server::Builder::new()
            .initial_window_size(input.choose(&[65_535, 1, 1000, 1 << 20]))
            .initial_connection_window_size(input.choose(&[65_535, 100_000, 1 << 20]))
            .max_frame_size(input.choose(&[16 << 10, 1 << 20]))
            .header_table_size(input.choose(&[4096, 0, 200, 65_536]))
            .max_concurrent_streams(input.choose(&[100, 1, 3]))
            .max_header_list_size(1 << 20)
            .max_concurrent_reset_streams(PATIENCE)
            .reset_stream_duration(Duration::from_secs(3600))
            .max_pending_accept_reset_streams(PATIENCE)
            .max_local_error_reset_streams(None)
            .data_frame_budget(usize::MAX)
            .handshake(pipe)
    }

    pub(crate) fn poll(&mut self) -> Polled {
        match self {
            Self::Client { connection, .. } => match Pin::new(&mut **connection).poll(&mut context()) {
                Poll::Ready(outcome) => Polled::Over(outcome),
                Poll::Pending => Polled::Nothing,
            },
            Self::Server(connection) => match connection.poll_accept(&mut context()) {
                Poll::Ready(Some(Ok((request, respond)))) => Polled::Accepted(Box::new(request), respond),
                Poll::Ready(Some(Err(error))) => Polled::Over(Err(error)),
                Poll::Ready(None) => Polled::Over(Ok(())),
                Poll::Pending => Polled::Nothing,
            },
        }
    }

    pub(crate) fn ping_pong(&mut self) -> Option<PingPong> {
        match self {
            Self::Client { connection, .. } => connection.ping_pong(),
            Self::Server(connection) => connection.ping_pong(),
        }
    }

    pub(crate) fn set_target_window(&mut self, bytes: u32) {
        match self {
            Self::Client { connection, .. } => connection.set_target_window_size(bytes),
            Self::Server(connection) => connection.set_target_window_size(bytes),
        }
    }

    /// Sends SETTINGS; does nothing while the last ones are not acknowledged.
    pub(crate) fn set_initial_window(&mut self, bytes: u32) {
        let _ = match self {
            Self::Client { connection, .. } => connection.set_initial_window_size(bytes),
            Self::Server(connection) => connection.set_initial_window_size(bytes),
        };
    }

    /// Ends the connection when the streams have ended.
    pub(crate) fn shut_down(&mut self) {
        match self {
            Self::Client { requests, .. } => *requests = None,
            Self::Server(connection) => connection.graceful_shutdown(),
        }
    }
}
