//! `engine-steps STEP [--count N]`: one step of the HTTP/2 engine, again and again, for callgrind to count.
//!
//! Each step is a function that is never inlined, so that callgrind can be told to count inside of it alone
//! (`--toggle-collect=engine_steps::decode_request`).

use std::error::Error;
use std::time::Instant;

use bytes::{Buf, Bytes, BytesMut};
use halloo_bench::options::Options;
use halloo_bench::wire::{ACK, DATA, Indexing, REPLY, Requests, SETTINGS, head, put_client_start};
use halloo_http2::{Block, Config, Connection, End, Event, HeaderList, StreamId, Template};

type Failure = Box<dyn Error>;

fn main() -> Result<(), Failure> {
    let options = Options::from_command_line(&["count"], &[])?;
    let count = options.number("count", 10_000)?;
    let mut bench = Bench::new(options.address == "decode_varied_request")?;
    match options.address.as_str() {
        "decode_request" | "decode_varied_request" | "encode_reply" => {
            for _ in 0..count {
                let stream = bench.request()?;
                bench.reply(stream)?;
            }
        }
        "send_response" => {
            for _ in 0..count {
                let stream = bench.request()?;
                send_response(&mut bench, stream)?;
                bench.engine.finish_stream(stream);
            }
        }
        "receive_message" | "send_message" => {
            let stream = bench.open_stream()?;
            for _ in 0..count {
                bench.exchange_messages(stream)?;
            }
        }
        other => return Err(format!("there is no step {other:?}").into()),
    }
    Ok(())
}

/// The engine's server side, with frames as input.
struct Bench {
    engine: Connection,
    now: Instant,
    requests: Requests,
    next_stream: u32,
    input: BytesMut,
    frames: Vec<u8>,
    response: Template,
    trailers: Template,
    message: Bytes,
}

impl Bench {
    fn new(vary: bool) -> Result<Self, Failure> {
        let now = Instant::now();
        let mut config = Config::default();
        config.joins_requests = true;
        let mut bench = Self {
            engine: Connection::server(config, now),
            now,
            requests: Requests::new("127.0.0.1:50051", vary, Indexing::Everything, 1),
            next_stream: 1,
            input: BytesMut::new(),
            frames: Vec::new(),
            response: template(&[(":status", "200"), ("content-type", "application/grpc")]),
            trailers: template(&[("grpc-status", "0")]),
            message: Bytes::from_static(REPLY),
        };
        put_client_start(&mut bench.frames);
        bench.frames.extend_from_slice(&head(0, SETTINGS, ACK, 0));
        bench.take_frames();
        bench.engine.handle_input(now, &mut bench.input);
        while bench.engine.poll_event().is_some() {}
        send_output(&mut bench.engine, now);
        Ok(bench)
    }

    /// A unary request arrives: its head, its message and its end.
    fn request(&mut self) -> Result<StreamId, Failure> {
        self.requests.put(self.next_stream, &mut self.frames);
        self.next_stream += 2;
        self.take_frames();
        let decoded = decode_request(&mut self.engine, self.now, &mut self.input);
        decoded.ok_or_else(|| "the engine saw no whole request".into())
    }

    /// Its reply leaves: a head, a message and trailers.
    fn reply(&mut self, stream: StreamId) -> Result<(), Failure> {
        encode_reply(self, stream)?;
        self.engine.finish_stream(stream);
        Ok(())
    }

    /// Opens a stream of which both sides stay open.
    fn open_stream(&mut self) -> Result<StreamId, Failure> {
        self.requests.put(self.next_stream, &mut self.frames);
        // Only the HEADERS frame, so that the request goes on.
        let headers_len = u32::from_be_bytes([0, self.frames[0], self.frames[1], self.frames[2]]) as usize;
        self.frames.truncate(9 + headers_len);
        self.take_frames();
        self.engine.handle_input(self.now, &mut self.input);
        let Some(Event::Request { id, .. }) = self.engine.poll_event() else {
            return Err("the engine saw no head".into());
        };
        self.engine.send_headers(id, Some(&self.response), &HeaderList::new(), End::Open)?;
        send_output(&mut self.engine, self.now);
        Ok(id)
    }

    /// One message arrives and one leaves.
    fn exchange_messages(&mut self, stream: StreamId) -> Result<(), Failure> {
        self.frames.extend_from_slice(&head(REPLY.len(), DATA, 0, stream.as_u32()));
        self.frames.extend_from_slice(REPLY);
        self.take_frames();
        let received = receive_message(&mut self.engine, self.now, &mut self.input);
        if received != REPLY.len() {
            return Err("the engine saw no message".into());
        }
        send_message(&mut self.engine, self.now, stream, self.message.clone())
    }

    fn take_frames(&mut self) {
        self.input.extend_from_slice(&self.frames);
        self.frames.clear();
    }
}

#[inline(never)]
fn decode_request(engine: &mut Connection, now: Instant, input: &mut BytesMut) -> Option<StreamId> {
    engine.handle_input(now, input);
    let mut stream = None;
    while let Some(event) = engine.poll_event() {
        if let Event::Request { id, body, .. } = event {
            engine.release(id, body.map_or(0, |body| body.len()));
            stream = Some(id);
        }
    }
    stream
}

#[inline(never)]
fn encode_reply(bench: &mut Bench, stream: StreamId) -> Result<(), Failure> {
    let none = HeaderList::new();
    bench.engine.send_headers(stream, Some(&bench.response), &none, End::Open)?;
    bench.engine.send_data(stream, bench.message.clone(), End::Open)?;
    bench.engine.send_headers(stream, Some(&bench.trailers), &none, End::Stream)?;
    send_output(&mut bench.engine, bench.now);
    Ok(())
}

#[inline(never)]
fn send_response(bench: &mut Bench, stream: StreamId) -> Result<(), Failure> {
    let none = HeaderList::new();
    let head = Block { template: Some(&bench.response), fields: &none };
    let trailers = Block { template: Some(&bench.trailers), fields: &none };
    bench.engine.send_response(stream, head, &bench.message, trailers)?;
    send_output(&mut bench.engine, bench.now);
    Ok(())
}

#[inline(never)]
fn receive_message(engine: &mut Connection, now: Instant, input: &mut BytesMut) -> usize {
    engine.handle_input(now, input);
    let mut received = 0;
    while let Some(event) = engine.poll_event() {
        if let Event::Data { id, data, flow_bytes, .. } = event {
            received += data.len();
            engine.release(id, flow_bytes);
        }
    }
    received
}

#[inline(never)]
fn send_message(engine: &mut Connection, now: Instant, stream: StreamId, message: Bytes) -> Result<(), Failure> {
    engine.send_data(stream, message, End::Open)?;
    send_output(engine, now);
    Ok(())
}

/// Writes everything to nowhere.
fn send_output(engine: &mut Connection, now: Instant) {
    let output = engine.poll_transmit(now);
    output.advance(output.len());
}

fn template(fields: &[(&str, &str)]) -> Template {
    let mut list = HeaderList::new();
    for (name, value) in fields {
        list.push(name.as_bytes(), value.as_bytes());
    }
    Template::new(list)
}
