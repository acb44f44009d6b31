//! One connection of the load: keeps a number of calls under way and checks what comes back.
//!
//! It knows as much of HTTP/2 (RFC 9113) as a server needs to see, and gives up at anything else.

use std::io;

use halloo_bench::wire::{
    ACK, DATA, DEFAULT_WINDOW, END_STREAM, GOAWAY, HEAD_BYTES, HEADERS, PING, REPLY, RST_STREAM, Requests, SETTINGS,
    WINDOW_UPDATE, head, put_client_start, put_window_update,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SETTINGS_HEADER_TABLE_SIZE: u16 = 1;
const SETTINGS_MAX_CONCURRENT_STREAMS: u16 = 3;

/// The size of the compression table that the load counts on.
const TABLE_BYTES: u32 = 4096;

/// Received bytes after which the connection's window is opened again: half of what it was at first.
const REPLENISH: usize = 1 << 29;

/// A connection with calls under way.
#[derive(Debug)]
pub(crate) struct Connection {
    socket: TcpStream,
    input: Input,
    output: Vec<u8>,
    requests: Requests,
    max_running: u64,
    next_stream: u32,
    /// What the connection may still send.
    window: usize,
    received: usize,
    tally: Tally,
}

#[derive(Debug, Default)]
struct Tally {
    started: u64,
    ended: u64,
    replies: u64,
}

/// The bytes that were read and not handled.
#[derive(Debug)]
struct Input {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

struct Frame<'a> {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: &'a [u8],
}

impl Connection {
    /// Connects and shakes hands; a server that allows less than `max_running` calls at a time gets what it allows.
    pub(crate) async fn open(address: &str, requests: Requests, max_running: u64) -> io::Result<Self> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let mut output = Vec::new();
        put_client_start(&mut output);
        let mut connection = Self {
            socket,
            input: Input { bytes: Vec::new(), start: 0, end: 0 },
            output,
            requests,
            max_running,
            next_stream: 1,
            window: DEFAULT_WINDOW as usize,
            received: 0,
            tally: Tally::default(),
        };
        while !connection.handle_input(true)? {
            connection.write().await?;
            connection.read().await?;
        }
        Ok(connection)
    }

    /// Makes so many calls.
    pub(crate) async fn call(mut self, calls: u64) -> io::Result<Self> {
        while self.tally.ended < calls {
            let body_bytes = self.requests.body_bytes();
            while self.tally.started < calls
                && self.tally.started - self.tally.ended < self.max_running
                && self.window >= body_bytes
            {
                self.requests.put(self.next_stream, &mut self.output);
                self.next_stream += 2;
                self.window -= body_bytes;
                self.tally.started += 1;
            }
            self.write().await?;
            self.read().await?;
            self.handle_input(false)?;
        }
        if self.tally.replies != self.tally.ended {
            let Tally { ended, replies, .. } = self.tally;
            return Err(wrong(format!("{ended} calls ended, and only {replies} had a reply")));
        }
        self.write().await?;
        self.input = Input { bytes: Vec::new(), start: 0, end: 0 };
        self.output = Vec::new();
        Ok(self)
    }

    async fn write(&mut self) -> io::Result<()> {
        if !self.output.is_empty() {
            self.socket.write_all(&self.output).await?;
            self.output.clear();
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<()> {
        let Input { bytes, start, end } = &mut self.input;
        bytes.copy_within(*start..*end, 0);
        *end -= *start;
        *start = 0;
        if bytes.len() - *end < 32 << 10 {
            bytes.resize(*end + (64 << 10), 0);
        }
        let read = self.socket.read(&mut bytes[*end..]).await?;
        *end += read;
        if read == 0 { Err(wrong("the server closed the connection")) } else { Ok(()) }
    }

    /// Handles all whole frames, or those up to the first SETTINGS; returns whether there were any.
    fn handle_input(&mut self, until_settings: bool) -> io::Result<bool> {
        let mut any = false;
        let mut rest = &self.input.bytes[self.input.start..self.input.end];
        while let Some((frame, after)) = split_frame(rest) {
            rest = after;
            any = true;
            match frame.kind {
                DATA if frame.payload == REPLY => {
                    self.tally.replies += 1;
                    self.received += REPLY.len();
                }
                DATA if frame.payload.is_empty() => {}
                DATA => return Err(wrong(format!("the reply is {:?}", frame.payload.escape_ascii().to_string()))),
                HEADERS => {}
                SETTINGS if frame.flags & ACK == 0 => {
                    self.max_running = self.max_running.min(max_streams(frame.payload)?);
                    self.output.extend_from_slice(&head(0, SETTINGS, ACK, 0));
                }
                PING if frame.flags & ACK == 0 => {
                    self.output.extend_from_slice(&head(8, PING, ACK, 0));
                    self.output.extend_from_slice(frame.payload);
                }
                WINDOW_UPDATE if frame.stream == 0 => self.window += number(frame.payload) as usize,
                RST_STREAM => return Err(wrong(format!("a call was reset with code {}", number(frame.payload)))),
                GOAWAY => return Err(wrong(format!("GOAWAY: {}", frame.payload.escape_ascii()))),
                _ => {}
            }
            if frame.kind <= HEADERS && frame.flags & END_STREAM != 0 {
                self.tally.ended += 1;
            }
            if until_settings && frame.kind == SETTINGS {
                break;
            }
        }
        self.input.start = self.input.end - rest.len();
        if self.received >= REPLENISH {
            put_window_update(self.received as u32, &mut self.output);
            self.received = 0;
        }
        Ok(any)
    }
}

fn split_frame(input: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (head, rest) = input.split_first_chunk::<HEAD_BYTES>()?;
    let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let (payload, rest) = rest.split_at_checked(len)?;
    Some((Frame { kind: head[3], flags: head[4], stream: number(&head[5..]), payload }, rest))
}

/// The calls at a time that a SETTINGS frame allows.
fn max_streams(payload: &[u8]) -> io::Result<u64> {
    let mut allowed = u64::MAX;
    for setting in payload.chunks_exact(6) {
        let value = number(&setting[2..]);
        match u16::from_be_bytes([setting[0], setting[1]]) {
            SETTINGS_HEADER_TABLE_SIZE if value < TABLE_BYTES => {
                return Err(wrong("the server wants a smaller compression table"));
            }
            SETTINGS_MAX_CONCURRENT_STREAMS => allowed = u64::from(value),
            _ => {}
        }
    }
    Ok(allowed)
}

/// Four bytes as a number; the highest bit is reserved in all that is read here.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes) & 0x7fff_ffff)
}

fn wrong(what: impl Into<String>) -> io::Error {
    io::Error::other(what.into())
}
