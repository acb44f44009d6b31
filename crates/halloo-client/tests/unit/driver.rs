//! The driver with connections that a script makes, and tokio's clock stopped.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use halloo_call::{Carry, OutgoingCall};
use halloo_core::{
    Address, Code, Codec, Codecs, DecodeLimits, EncodeBuffer, Metadata, Method, MethodDescriptor, MethodKind,
    SecurityLevel, Status,
};
use halloo_plane::{Cause, Unreachable};
use tokio::sync::watch;

use crate::connect::connector::{Around, BoxFuture, Carrier, Connect, Connection};
use crate::{Channel, ConnectivityState, Fixed, Resolver, ResolverEvent};

struct Text;

impl Codec<String> for Text {
    fn subtype(&self) -> &'static str {
        "text"
    }

    fn encode(&self, message: &String, out: &mut EncodeBuffer) -> Result<(), Status> {
        out.put_slice(message.as_bytes());
        Ok(())
    }

    fn decode(&self, body: Bytes, _limits: &DecodeLimits) -> Result<String, Status> {
        Ok(String::from_utf8_lossy(&body).into_owned())
    }
}

const TEXTS: Codecs<String> = Codecs::new(&[&Text]);
static DESCRIPTOR: MethodDescriptor = MethodDescriptor::new("talk.Talk", "Say", "/talk.Talk/Say", MethodKind::Unary);
pub(crate) static SAY: Method<String, String> = Method::new(&DESCRIPTOR, TEXTS, TEXTS);

/// What the next attempt comes to.
#[derive(Clone, Debug)]
enum Step {
    Refuse,
    Hang,
    Accept(Fake),
}

/// Attempts follow the script; after its end they are refused.
#[derive(Clone, Debug, Default)]
struct Script {
    steps: Arc<Mutex<VecDeque<Step>>>,
    attempts: Arc<Mutex<Vec<String>>>,
}

impl Script {
    fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: Arc::new(Mutex::new(steps.into_iter().collect())), ..Self::default() }
    }

    fn channel(&self, ports: &[u16]) -> Channel {
        let addresses: Vec<_> = ports.iter().map(|port| Address::Tcp(([10, 0, 0, 1], *port).into())).collect();
        Channel::builder("http://greeter:1").resolver(Fixed::new(addresses)).connect_by(self.clone()).build().unwrap()
    }

    fn attempts(&self) -> String {
        self.attempts.lock().unwrap().join(" ")
    }
}

impl Connect for Script {
    fn connect(&self, address: Address, _: Around) -> BoxFuture<Result<Arc<dyn Connection>, Unreachable>> {
        self.attempts.lock().unwrap().push(address.to_string());
        let step = self.steps.lock().unwrap().pop_front().unwrap_or(Step::Refuse);
        Box::pin(async move {
            match step {
                Step::Refuse => {
                    Err(Unreachable { reason: "connection refused".into(), cause: Cause::Refused, hint: None })
                }
                Step::Hang => std::future::pending().await,
                Step::Accept(fake) => Ok(Arc::new(fake) as Arc<dyn Connection>),
            }
        })
    }
}

/// A connection that answers every call with its name.
#[derive(Clone, Debug)]
struct Fake {
    name: &'static str,
    security: SecurityLevel,
    /// No call can start any more, and whether the channel knows that.
    ended: watch::Sender<Ended>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Ended {
    No,
    /// It refuses calls, but has not told.
    Silently,
    Yes,
}

impl Fake {
    fn new(name: &'static str) -> Self {
        Self { name, security: SecurityLevel::None, ended: watch::Sender::new(Ended::No) }
    }

    fn end(&self, ended: Ended) {
        self.ended.send_replace(ended);
    }
}

impl Carry for Fake {
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        if *self.ended.borrow() != Ended::No {
            return Err(call);
        }
        let name = self.name.as_bytes();
        let envelope = [&[0, 0, 0, 0, u8::try_from(name.len()).unwrap()], name].concat();
        call.responder.push_response(envelope.into());
        call.responder.finish(Ok(Metadata::new()));
        Ok(())
    }
}

impl Carrier for Fake {
    fn security(&self) -> SecurityLevel {
        self.security
    }
}

impl Connection for Fake {
    fn closed(self: Arc<Self>) -> BoxFuture<crate::connect::connector::Ended> {
        let mut ended = self.ended.subscribe();
        Box::pin(async move {
            ended.wait_for(|ended| *ended == Ended::Yes).await.unwrap();
            crate::connect::connector::Ended { reason: "it has ended".into(), too_many_pings: None }
        })
    }

    fn shutdown(&self) {
        self.end(Ended::Yes);
    }
}

async fn say(channel: &Channel) -> Result<String, Status> {
    channel.unary(&SAY, "hello".to_owned()).await.map(halloo_call::Reply::into_message)
}

#[tokio::test(start_paused = true)]
async fn the_first_call_connects_and_waits_until_it_can_leave() {
    let script = Script::new([Step::Refuse, Step::Accept(Fake::new("b"))]);
    let channel = script.channel(&[1, 2]);
    assert_eq!(channel.state(), ConnectivityState::Idle);
    assert_eq!(script.attempts(), "", "a channel is lazy");
    assert_eq!(say(&channel).await.unwrap(), "b");
    assert_eq!(channel.state(), ConnectivityState::Ready);
    assert_eq!(script.attempts(), "10.0.0.1:1 10.0.0.1:2");
    assert_eq!(say(&channel.clone()).await.unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn e01_a_call_fails_when_every_address_has() {
    let script = Script::default();
    let channel = script.channel(&[1, 2]);
    let status = say(&channel).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "cannot reach greeter:1: connection refused (UNAVAILABLE)\n  \
         calling  talk.Talk/Say\n  \
         tried    10.0.0.1:1 connection refused (0 µs) · 10.0.0.1:2 connection refused (0 µs)\n  \
         hint     nothing listens there; start the server, or check host and port"
    );
    assert_eq!(channel.state(), ConnectivityState::TransientFailure);
    assert_eq!(say(&channel).await.unwrap_err().message(), status.message());
    assert_eq!(script.attempts(), "10.0.0.1:1 10.0.0.1:2", "a call does not shorten the back-off");
    let failed = channel.ready().await.unwrap_err();
    assert_eq!(failed.message(), status.message());
    assert_eq!(failed.notes().len(), 2, "no call is named where there is none");
}

#[tokio::test(start_paused = true)]
async fn a_failed_channel_recovers_by_itself() {
    let script = Script::new([Step::Refuse, Step::Refuse, Step::Accept(Fake::new("a"))]);
    let channel = script.channel(&[1]);
    say(&channel).await.unwrap_err();
    let began = tokio::time::Instant::now();
    assert_eq!(channel.wait_for_state_change(ConnectivityState::TransientFailure).await, ConnectivityState::Ready);
    let took = began.elapsed().as_secs_f64();
    assert!((2.08..=3.13).contains(&took), "1 s and 1.6 s, each a fifth shorter or longer: {took}");
    assert_eq!(say(&channel).await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_no_longer_than_its_deadline() {
    let script = Script::new([Step::Hang, Step::Hang]);
    let channel = script.channel(&[1]);
    let status = channel.unary(&SAY, "hello".to_owned()).timeout(Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(
        format!("{status:?}"),
        "deadline of 200 ms passed (DEADLINE_EXCEEDED)\n  \
         calling  talk.Talk/Say\n  \
         spent    waiting for a connection to greeter:1 for 200 ms"
    );
    let status = channel.unary(&SAY, "hello".to_owned()).timeout(Duration::ZERO).await.unwrap_err();
    assert_eq!(status.to_string(), "deadline of 0 µs passed (DEADLINE_EXCEEDED)");
    assert_eq!(say(&channel).await.unwrap_err().message(), "cannot reach greeter:1: no answer within 20 s");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_waits_for_ready_outlives_failures() {
    let script = Script::new([Step::Refuse, Step::Refuse, Step::Accept(Fake::new("a"))]);
    let channel = script.channel(&[1]);
    let reply = channel.unary(&SAY, "hello".to_owned()).wait_for_ready(true).await.unwrap();
    assert_eq!(*reply, "a");
    assert_eq!(script.attempts(), "10.0.0.1:1 10.0.0.1:1 10.0.0.1:1");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_ready_no_longer_than_its_deadline() {
    let channel = Script::default().channel(&[1]);
    let call = channel.unary(&SAY, "hello".to_owned()).wait_for_ready(true).timeout(Duration::from_secs(60));
    assert_eq!(
        format!("{:?}", call.await.unwrap_err()),
        "deadline of 60 s passed (DEADLINE_EXCEEDED)\n  \
         calling  talk.Talk/Say\n  \
         spent    waiting for a connection to greeter:1 for 60 s"
    );
}

#[tokio::test(start_paused = true)]
async fn a_channel_may_let_its_calls_wait_for_ready_and_a_call_may_refuse_to() {
    let script = Script::new([Step::Refuse, Step::Accept(Fake::new("a"))]);
    let addresses = vec![Address::Tcp(([10, 0, 0, 1], 1).into())];
    let builder = Channel::builder("http://greeter:1").resolver(Fixed::new(addresses)).connect_by(script.clone());
    let channel = builder.wait_for_ready(true).build().unwrap();
    let status = channel.unary(&SAY, "hello".to_owned()).wait_for_ready(false).await.unwrap_err();
    assert_eq!(status.code(), halloo_core::Code::Unavailable);
    assert_eq!(say(&channel).await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_replaced_by_the_next_call() {
    let (first, second) = (Fake::new("a"), Fake::new("b"));
    let script = Script::new([Step::Accept(first.clone()), Step::Accept(second)]);
    let channel = script.channel(&[1]);
    assert_eq!(say(&channel).await.unwrap(), "a");
    first.end(Ended::Yes);
    assert_eq!(channel.wait_for_state_change(ConnectivityState::Ready).await, ConnectivityState::Idle);
    assert_eq!(script.attempts(), "10.0.0.1:1", "nobody needs a connection");
    assert_eq!(say(&channel).await.unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_connection_refuses_takes_the_next_one() {
    let (first, second) = (Fake::new("a"), Fake::new("b"));
    let script = Script::new([Step::Accept(first.clone()), Step::Accept(second)]);
    let channel = script.channel(&[1]);
    assert_eq!(say(&channel).await.unwrap(), "a");
    first.end(Ended::Silently);
    let later = async {
        // tidy: allow(sleep): the clock is stopped, and runs to here
        tokio::time::sleep(Duration::from_secs(1)).await;
        first.end(Ended::Yes);
    };
    let (reply, ()) = tokio::join!(say(&channel), later);
    assert_eq!(reply.unwrap(), "b");
}

#[tokio::test(start_paused = true)]
async fn the_last_reference_to_a_channel_ends_its_connections() {
    let fake = Fake::new("a");
    let channel = Script::new([Step::Accept(fake.clone())]).channel(&[1]);
    let clone = channel.clone();
    channel.ready().await.unwrap();
    drop(channel);
    assert_eq!(say(&clone).await.unwrap(), "a");
    let mut ended = fake.ended.subscribe();
    drop(clone);
    ended.wait_for(|ended| *ended == Ended::Yes).await.unwrap();
}

#[test]
fn a_channel_outlives_its_runtime() {
    let script = Script::new([Step::Accept(Fake::new("a")), Step::Accept(Fake::new("b"))]);
    let channel = script.channel(&[1]);
    for name in ["a", "b"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(say(&channel)).unwrap(), name);
    }
}

/// Passes on what somebody else was told.
struct Hearsay {
    code: Code,
    asked: bool,
}

impl Resolver for Hearsay {
    fn handle_request(&mut self, _now: Instant) {
        self.asked = true;
    }

    fn poll_event(&mut self) -> Option<ResolverEvent> {
        std::mem::take(&mut self.asked).then(|| ResolverEvent::Failed(Status::new(self.code, "no such host")))
    }
}

/// gRFC A54.
#[tokio::test(start_paused = true)]
async fn a_code_of_an_application_never_comes_from_the_channel_itself() {
    for code in Code::ALL {
        let builder = Channel::builder("http://greeter:1").resolver(Hearsay { code, asked: false });
        let status = say(&builder.connect_by(Script::default()).build().unwrap()).await.unwrap_err();
        let is_applications = matches!(
            code,
            Code::Ok
                | Code::InvalidArgument
                | Code::NotFound
                | Code::AlreadyExists
                | Code::FailedPrecondition
                | Code::Aborted
                | Code::OutOfRange
                | Code::DataLoss
        );
        if is_applications {
            let text = format!("the channel's resolver or balancer failed with {code}: no such host");
            assert_eq!((status.code(), status.message()), (Code::Internal, &*text));
        } else {
            assert_eq!((status.code(), status.message()), (code, "no such host"));
        }
    }
}
