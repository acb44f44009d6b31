//! Calls that a server has not processed are sent again (gRFC A6, "Transparent Retries"): against a server made of bare
//! frames, that does with each request what the test says.

#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod common;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use common::{CHAT, SAY};
use halloo_call::{StatsEvent, StatsHandler};
use halloo_client::{
    Channel, ConnectivityState, Control, Done, LoadBalancer, Pick, PickArgs, Picked, Picker, Resolution, SubchannelId,
    SubchannelUpdate,
};
use halloo_core::{Code, Status};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request, once its last byte has come.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// Its messages come back.
    Echo,
    /// RST_STREAM with REFUSED_STREAM.
    Refuse,
    /// The same, when the first message has come.
    RefuseFirst,
    /// GOAWAY that names no stream as processed.
    SendAway,
    /// The socket is closed.
    Leave,
}

/// The server, and which connection and stream each request came on.
struct Frames {
    target: String,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    requests: Arc<Mutex<Vec<(usize, u32)>>>,
}

impl Frames {
    async fn new(fates: impl IntoIterator<Item = Fate>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            target: listener.local_addr().unwrap().to_string(),
            fates: Arc::new(Mutex::new(fates.into_iter().collect())),
            requests: Arc::default(),
        };
        let (fates, requests) = (Arc::clone(&server.fates), Arc::clone(&server.requests));
        tokio::spawn(async move {
            for number in 1.. {
                let (socket, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(socket, number, Arc::clone(&fates), Arc::clone(&requests)));
            }
        });
        server
    }

    async fn channel(&self) -> Channel {
        Channel::connect(&self.target).await.unwrap()
    }

    fn requests(&self) -> Vec<(usize, u32)> {
        self.requests.lock().unwrap().clone()
    }
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// A literal field without indexing (RFC 7541 section 6.2.2).
fn field(name: &str, value: &str) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    [vec![0], text(name), text(value)].concat()
}

fn echo(stream: u32, body: &[u8]) -> Vec<u8> {
    let head = [vec![0x88], field("content-type", "application/grpc")].concat();
    let data: Vec<u8> = body.chunks(16_384).flat_map(|chunk| frame(0, 0, stream, chunk)).collect();
    let trailers = frame(HEADERS, END_HEADERS | END_STREAM, stream, &field("grpc-status", "0"));
    [frame(HEADERS, END_HEADERS, stream, &head), data, trailers].concat()
}

async fn serve(
    mut socket: TcpStream,
    number: usize,
    fates: Arc<Mutex<VecDeque<Fate>>>,
    requests: Arc<Mutex<Vec<(usize, u32)>>>,
) -> Option<()> {
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await.ok()?;
    let window = 1_u32 << 20;
    let settings = [&[0, 4][..], &window.to_be_bytes()].concat();
    let hello = [frame(SETTINGS, 0, 0, &settings), frame(WINDOW_UPDATE, 0, 0, &window.to_be_bytes())].concat();
    socket.write_all(&hello).await.ok()?;
    let mut bodies: HashMap<u32, (Fate, Vec<u8>)> = HashMap::new();
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await.ok()?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        socket.read_exact(&mut payload).await.ok()?;
        let (kind, flags, stream) = (head[3], head[4], u32::from_be_bytes([head[5], head[6], head[7], head[8]]));
        match kind {
            SETTINGS if flags == 0 => socket.write_all(&frame(SETTINGS, 1, 0, &[])).await.ok()?,
            HEADERS => {
                requests.lock().unwrap().push((number, stream));
                let fate = fates.lock().unwrap().pop_front().unwrap_or(Fate::Echo);
                bodies.insert(stream, (fate, Vec::new()));
            }
            0 => {
                let Some((fate, body)) = bodies.get_mut(&stream) else { continue };
                body.extend(payload);
                if flags & END_STREAM == 0 && *fate != Fate::RefuseFirst {
                    continue;
                }
                let (fate, body) = bodies.remove(&stream).unwrap();
                let answer = match fate {
                    Fate::Echo => echo(stream, &body),
                    Fate::Refuse | Fate::RefuseFirst => frame(RST_STREAM, 0, stream, &7_u32.to_be_bytes()),
                    Fate::SendAway => frame(GOAWAY, 0, 0, &[0; 8]),
                    Fate::Leave => return None,
                };
                socket.write_all(&answer).await.ok()?;
            }
            _ => {}
        }
    }
}

async fn say(channel: &Channel, text: &str) -> Result<String, halloo_core::Status> {
    channel.unary(&SAY, text.into()).await.map(halloo_call::Reply::into_message)
}

#[tokio::test]
async fn a_refused_call_is_sent_again_whole() {
    let server = Frames::new([Fate::Refuse]).await;
    let channel = server.channel().await;
    assert_eq!(say(&channel, "hello").await.unwrap(), "hello");
    assert_eq!(server.requests(), [(1, 1), (1, 3)]);
}

#[tokio::test]
async fn a_call_that_is_refused_again_fails() {
    let server = Frames::new([Fate::Refuse; 2]).await;
    let channel = server.channel().await;
    let status = say(&channel, "hello").await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
    assert!(status.message().contains("REFUSED_STREAM"), "{status}");
    assert_eq!(server.requests().len(), 2);
    assert_eq!(say(&channel, "hello").await.unwrap(), "hello", "each call has its own attempts");
}

#[tokio::test]
async fn a_call_above_the_last_stream_of_a_goaway_goes_to_another_connection() {
    let server = Frames::new([Fate::SendAway]).await;
    let channel = server.channel().await;
    assert_eq!(say(&channel, "hello").await.unwrap(), "hello");
    assert_eq!(server.requests(), [(1, 1), (2, 1)]);
}

#[tokio::test]
async fn a_call_that_may_have_been_processed_is_not_sent_again() {
    let server = Frames::new([Fate::Leave]).await;
    let channel = server.channel().await;
    assert_eq!(say(&channel, "hello").await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.requests(), [(1, 1)]);
}

#[tokio::test]
async fn a_refused_stream_of_requests_begins_again_and_goes_on() {
    let server = Frames::new([Fate::RefuseFirst]).await;
    let channel = server.channel().await;
    let (mut requests, mut replies) = channel.bidi_streaming(&CHAT).await.unwrap();
    for text in ["one", "two", "three"] {
        requests.send(text.into()).await.unwrap();
        tokio::task::yield_now().await;
    }
    requests.finish();
    let mut seen = Vec::new();
    while let Some(reply) = replies.next().await.unwrap() {
        seen.push(reply);
    }
    assert_eq!(seen, ["one", "two", "three"]);
    assert_eq!(server.requests(), [(1, 1), (1, 3)]);
}

#[tokio::test]
async fn what_is_kept_of_a_request_has_a_limit() {
    let server = Frames::new([Fate::Refuse; 2]).await;
    let channel = server.channel().await;
    assert_eq!(say(&channel, &"x".repeat(200 << 10)).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.requests().len(), 2, "up to 256 KiB are kept");
    server.fates.lock().unwrap().push_back(Fate::Refuse);
    assert_eq!(say(&channel, &"x".repeat(300 << 10)).await.unwrap_err().code(), Code::Unavailable);
    assert_eq!(server.requests().len(), 3);
}

/// Writes down what it hears: as a balancer of one subchannel, what its picker is asked and told; of statistics, attempts.
struct Recording {
    seen: Arc<Mutex<Vec<String>>>,
}

impl LoadBalancer for Recording {
    fn handle_resolution(&mut self, _: Instant, resolution: Resolution, control: &mut Control) {
        let id = control.create(resolution.addresses().next().unwrap().clone());
        control.connect(id);
    }

    fn handle_resolver_failure(&mut self, _: Instant, status: Status, _: &mut Control) {
        panic!("the address needs no resolver: {status}");
    }

    fn handle_subchannel(&mut self, _: Instant, id: SubchannelId, update: SubchannelUpdate, control: &mut Control) {
        if matches!(update, SubchannelUpdate::Ready) {
            control
                .publish(ConnectivityState::Ready, Arc::new(Recorder { id: Some(id), seen: Arc::clone(&self.seen) }));
        }
    }

    fn exit_idle(&mut self, _: Instant, control: &mut Control) {
        let picker = Recorder { id: None, seen: Arc::clone(&self.seen) };
        control.publish(ConnectivityState::Connecting, Arc::new(picker));
        control.request_resolution();
    }
}

struct Recorder {
    /// Where calls go, once it is connected.
    id: Option<SubchannelId>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Picker for Recorder {
    fn pick(&self, args: &PickArgs<'_>) -> Pick {
        let team = args.metadata().get("x-team").unwrap_or("nobody");
        let line = format!("{} for {team}, attempt {}", args.method().name(), args.attempt());
        self.seen.lock().unwrap().push(line);
        let Some(id) = self.id else { return Pick::Queue };
        let (seen, attempt) = (Arc::clone(&self.seen), args.attempt());
        let done = move |done: &Done<'_>| seen.lock().unwrap().push(format!("attempt {attempt} done: {}", done.code()));
        Picked::new(id).on_done(done).into()
    }
}

impl StatsHandler for Recording {
    fn on_event(&self, event: &StatsEvent<'_>) {
        let line = match event {
            StatsEvent::AttemptStarted { attempt, is_transparent, .. } => {
                format!("attempt {attempt}, transparent: {is_transparent}")
            }
            StatsEvent::AttemptEnded { attempt, code, .. } => format!("attempt {attempt} ends: {code}"),
            StatsEvent::CallEnded { code, .. } => format!("the call ends: {code}"),
            _ => return,
        };
        self.seen.lock().unwrap().push(line);
    }
}

#[tokio::test]
async fn a_picker_learns_method_metadata_attempt_and_how_that_ends() {
    let server = Frames::new([Fate::Refuse]).await;
    let seen = Arc::default();
    let balancer = Recording { seen: Arc::clone(&seen) };
    let channel = Channel::builder(&server.target).balance(balancer).build().unwrap();
    channel.unary(&SAY, "hello".into()).metadata("x-team", "seven").await.unwrap();
    say(&channel, "hello").await.unwrap();
    // A call asks once more whenever it has waited: for the connection, or because it was refused.
    let mut seen = seen.lock().unwrap().clone();
    seen.dedup();
    let expected = [
        "Say for seven, attempt 1",
        "attempt 1 done: UNAVAILABLE",
        "Say for seven, attempt 2",
        "attempt 2 done: OK",
        "Say for nobody, attempt 1",
        "attempt 1 done: OK",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_picker_learns_that_a_call_was_given_up() {
    let server = Frames::new([]).await;
    let seen = Arc::default();
    let balancer = Recording { seen: Arc::clone(&seen) };
    let channel = Channel::builder(&server.target).balance(balancer).build().unwrap();
    say(&channel, "hello").await.unwrap();
    seen.lock().unwrap().clear();
    drop(channel.bidi_streaming(&CHAT).await.unwrap());
    assert_eq!(*seen.lock().unwrap(), ["Chat for nobody, attempt 1", "attempt 1 done: CANCELLED"]);
}

#[tokio::test]
async fn statistics_know_each_attempt() {
    let server = Frames::new([Fate::Refuse]).await;
    let seen = Arc::default();
    let stats = Recording { seen: Arc::clone(&seen) };
    let channel = Channel::builder(&server.target).stats(Arc::new(stats)).build().unwrap();
    say(&channel, "hello").await.unwrap();
    let expected = [
        "attempt 1, transparent: false",
        "attempt 1 ends: UNAVAILABLE",
        "attempt 2, transparent: true",
        "attempt 2 ends: OK",
        "the call ends: OK",
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}
