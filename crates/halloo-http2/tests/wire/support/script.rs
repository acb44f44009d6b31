//! Scripts: what a raw peer sends (`>`), what the driver does (`!`), and what must come of it: events (`*`) and
//! frames (`<`), all in order.

use super::Frame;
use super::pair::{fields, response};
use bytes::{Buf, Bytes, BytesMut};
use halloo_http2::{Block, Config, Connection, End, ErrorCode, Event, StreamId};
use std::time::{Duration, Instant};

/// Runs a script against a server that has shaken hands.
#[track_caller]
pub(crate) fn check_server(script: &str) {
    Peer::of_server(Config::default()).check(script);
}

/// Runs a script against a client that has shaken hands.
#[track_caller]
pub(crate) fn check_client(script: &str) {
    Peer::of_client(Config::default()).check(script);
}

/// The raw peer of one engine.
pub(crate) struct Peer {
    pub(crate) engine: Connection,
    pub(crate) now: Instant,
    output: Vec<u8>,
    input: BytesMut,
    /// What the script of a run has shown.
    pub(crate) transcript: Vec<String>,
}

impl Peer {
    pub(crate) fn of_server(config: Config) -> Self {
        let mut peer = Self::silent(Connection::server, config);
        peer.input.extend_from_slice(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        peer.run("> SETTINGS\n> SETTINGS ACK");
        peer.transcript.clear();
        peer
    }

    pub(crate) fn of_client(config: Config) -> Self {
        let mut peer = Self::silent(Connection::client, config);
        peer.run("> SETTINGS\n> SETTINGS ACK");
        peer.transcript.clear();
        peer
    }

    /// A peer that has sent nothing, not even a preface. Engine and script begin at the same instant.
    pub(crate) fn silent(begin: impl FnOnce(Config, Instant) -> Connection, config: Config) -> Self {
        let now = Instant::now();
        Self { engine: begin(config, now), now, output: Vec::new(), input: BytesMut::new(), transcript: Vec::new() }
    }

    #[track_caller]
    pub(crate) fn check(&mut self, script: &str) {
        let script: Vec<&str> = script.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        self.transcript.clear();
        self.run(&script.join("\n"));
        let seen = self.transcript.join("\n");
        let wanted = script.join("\n");
        assert!(seen == wanted, "wanted:\n{wanted}\n\nseen:\n{seen}\n");
    }

    /// Runs the `>` and `!` lines.
    pub(crate) fn run(&mut self, script: &str) {
        for line in script.lines().map(str::trim) {
            match line.split_at_checked(2) {
                Some(("> ", frame)) => {
                    self.transcript.push(line.to_owned());
                    self.send(&Frame::parse(frame).to_bytes());
                }
                Some(("! ", action)) => {
                    self.transcript.push(line.to_owned());
                    self.act(action);
                    self.observe();
                }
                _ => {}
            }
        }
    }

    /// Gives a frame to the engine and leaves what comes of it there.
    pub(crate) fn feed(&mut self, line: &str) {
        self.input.extend_from_slice(&Frame::parse(line).to_bytes());
        self.engine.handle_input(self.now, &mut self.input);
    }

    /// Gives bytes to the engine and notes what comes of them.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        self.input.extend_from_slice(bytes);
        self.engine.handle_input(self.now, &mut self.input);
        self.observe();
    }

    /// Sends a line many times in one batch.
    pub(crate) fn flood(&mut self, line: &str, times: usize) {
        let bytes = Frame::parse(line).to_bytes().repeat(times);
        self.send(&bytes);
    }

    pub(crate) fn observe(&mut self) {
        while let Some(event) = self.engine.poll_event() {
            self.transcript.push(format!("* {}", show(&event)));
        }
        let out = self.engine.poll_transmit(self.now);
        while out.has_remaining() {
            let len = out.chunk().len();
            self.output.extend_from_slice(out.chunk());
            out.advance(len);
        }
        if self.output.starts_with(b"PRI") {
            self.output.drain(..24);
        }
        while let Some(frame) = Frame::cut(&mut self.output) {
            self.transcript.push(format!("< {frame}"));
        }
        while let Some(event) = self.engine.poll_event() {
            self.transcript.push(format!("* {}", show(&event)));
        }
    }

    fn act(&mut self, action: &str) {
        let words: Vec<&str> = action.split_whitespace().collect();
        let id = || StreamId::new(words[1].parse().expect("a stream id"));
        let number = |at: usize| words[at].parse::<usize>().expect("a number");
        let end = if words.contains(&"END_STREAM") { End::Stream } else { End::Open };
        let engine = &mut self.engine;
        match words[0] {
            "request" => {
                let opened = engine.send_request(None, &super::request(), end);
                self.transcript.extend(opened.err().map(|error| format!("= {error:?}")));
            }
            "response" => self.note(|engine| engine.send_headers(id(), None, &response(), end)),
            "informational" => {
                self.note(|engine| engine.send_headers(id(), None, &fields(&[(":status", "103")]), end));
            }
            "trailers" => {
                self.note(|engine| engine.send_headers(id(), None, &fields(&[("grpc-status", "0")]), End::Stream));
            }
            "answer" => {
                let data = vec![b'y'; number(2)];
                let (head, trailers) = (response(), fields(&[("grpc-status", "0")]));
                self.note(|engine| {
                    let block = |fields| Block { template: None, fields };
                    engine.send_response(id(), block(&head), &data, block(&trailers))
                });
            }
            "data" => {
                let data = Bytes::from(vec![b'y'; number(2)]);
                self.note(|engine| engine.send_data(id(), data, end));
            }
            "reset" => engine.send_reset(id(), ErrorCode::Cancel),
            "finish" => engine.finish_stream(id()),
            "release" => engine.release(id(), number(2)),
            "ping" => engine.send_ping(*b"usersown"),
            "shutdown" => engine.shutdown(self.now),
            "close" => engine.close(ErrorCode::InternalError, "going home"),
            "eof" => engine.handle_eof(self.now),
            "wait" => self.wait(Duration::from_millis(words[1].parse().expect("milliseconds"))),
            _ => panic!("no action {action}"),
        }
    }

    fn note(&mut self, send: impl FnOnce(&mut Connection) -> Result<(), halloo_http2::SendError>) {
        let outcome = send(&mut self.engine);
        self.transcript.extend(outcome.err().map(|error| format!("= {error:?}")));
    }

    /// Lets time pass, deadline by deadline.
    pub(crate) fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.engine.poll_timeout().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.engine.handle_timeout(self.now);
            self.observe();
        }
        self.now = end;
    }

    /// The last GOAWAY's code, if there was one.
    pub(crate) fn goaway(&self) -> Option<&str> {
        self.transcript.iter().rev().find(|line| line.starts_with("< GOAWAY")).map(String::as_str)
    }

    #[track_caller]
    pub(crate) fn assert_alive(&self) {
        assert_eq!(self.goaway(), None);
        assert!(!self.engine.is_closed());
    }

    #[track_caller]
    pub(crate) fn assert_calmed(&self, why: &str) {
        let goaway = self.goaway().expect("a GOAWAY");
        assert!(goaway.contains("ENHANCE_YOUR_CALM") && goaway.contains(why), "{goaway}");
        assert!(self.engine.is_closed());
    }
}

fn show(event: &Event) -> String {
    let end = |end: &bool| if *end { " END_STREAM" } else { "" };
    match event {
        Event::Headers { id, end: e, .. } => format!("Headers {id}{}", end(e)),
        Event::HeadersTooLarge { id, end: e } => format!("HeadersTooLarge {id}{}", end(e)),
        Event::Informational { id, .. } => format!("Informational {id}"),
        Event::Data { id, data, flow_bytes, end: e } => {
            assert_eq!(data.len(), *flow_bytes);
            format!("Data {id} {flow_bytes}{}", end(e))
        }
        Event::Trailers { id, .. } => format!("Trailers {id}"),
        Event::Reset { id, code, by, .. } => format!("Reset {id} {code} by {by:?}"),
        Event::Writable { id } => format!("Writable {id}"),
        Event::GoingAway { last_id, code, debug } => {
            format!("GoingAway {last_id} {code} {}", String::from_utf8_lossy(debug)).trim_end().to_owned()
        }
        Event::PingAck { payload } => format!("PingAck {}", String::from_utf8_lossy(payload)),
        Event::Closed { error: None } => "Closed".to_owned(),
        Event::Closed { error: Some(error) } => format!("Closed {error:?}"),
        other => format!("{other:?}"),
    }
}
