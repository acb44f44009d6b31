//! Channels whose servers allow few calls a connection, with connections of a test's making and tokio's clock stopped.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::{Duration, Instant};

use halloo_call::{Carry, OutgoingCall};
use halloo_core::{Address, Metadata, SecurityLevel, Status};
use halloo_plane::{AttemptId, Cause, Progress, Unreachable, Wait};
use halloo_transport::ReturnedCalls;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::connect::connector::{Around, BoxFuture, Carrier, Connect, Connection, Ended};
use crate::connect::line::Line;
use crate::driver::tests::SAY;
use crate::{
    BearerToken, Channel, ChannelBuilder, ConnectivityState, Control, Fixed, LoadBalancer, Pick, PickArgs, Picker,
    Resolution, SubchannelId, SubchannelUpdate,
};

/// A server that allows so many calls a connection, and refuses further connections while it is told to.
#[derive(Clone, Debug)]
struct Crowded {
    places: usize,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    refuses: bool,
    attempts: usize,
    connections: Vec<Arc<Fake>>,
}

/// A connection; its calls run until the test answers them.
#[derive(Debug)]
struct Fake {
    line: Weak<Line>,
    returned: ReturnedCalls,
    desk: Mutex<Desk>,
    has_ended: watch::Sender<bool>,
}

#[derive(Debug)]
struct Desk {
    left: usize,
    waited_for: bool,
    calls: VecDeque<OutgoingCall>,
}

impl Crowded {
    fn new(places: usize) -> Self {
        Self { places, state: Arc::default() }
    }

    fn builder(&self) -> ChannelBuilder {
        let address = Address::Tcp(([10, 0, 0, 1], 1).into());
        let builder = Channel::builder("http://greeter:1").resolver(Fixed::new(vec![address]));
        builder.connect_by(self.clone()).metadata("x-from", "here")
    }

    fn channel(&self, max_connections: usize) -> Channel {
        self.builder().max_connections_per_subchannel(max_connections).build().unwrap()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn connection(&self, index: usize) -> Arc<Fake> {
        Arc::clone(&self.state().connections[index])
    }

    /// How many calls run on each connection, once all is quiet.
    async fn loads(&self) -> Vec<usize> {
        quiet().await;
        self.state().connections.iter().map(|each| each.desk.lock().unwrap().calls.len()).collect()
    }
}

/// Lets every task run until nothing is left but to wait for the clock.
async fn quiet() {
    // tidy: allow(sleep): the clock is stopped, and runs to here
    tokio::time::sleep(Duration::from_millis(1)).await;
}

impl Connect for Crowded {
    fn connect(&self, _: Address, around: Around) -> BoxFuture<Result<Arc<dyn Connection>, Unreachable>> {
        let mut state = self.state();
        state.attempts += 1;
        let result = if state.refuses {
            Err(Unreachable { reason: "connection refused".into(), cause: Cause::Refused, hint: None })
        } else {
            let desk = Desk { left: self.places, waited_for: false, calls: VecDeque::new() };
            let fake = Arc::new(Fake {
                line: around.line,
                returned: around.returned,
                desk: Mutex::new(desk),
                has_ended: watch::Sender::new(false),
            });
            state.connections.push(Arc::clone(&fake));
            Ok(fake as Arc<dyn Connection>)
        };
        Box::pin(async move { result })
    }
}

impl Fake {
    /// Answers the oldest call.
    fn answer(&self) {
        let call = self.desk.lock().unwrap().calls.pop_front().expect("a call runs");
        call.responder.push_response(vec![0, 0, 0, 0, 0].into());
        call.responder.finish(Ok(Metadata::new()));
        if self.give_back() {
            self.line.upgrade().unwrap().serve();
        }
    }

    /// Goes away; the channel picks the calls again.
    fn leave(&self) {
        self.has_ended.send_replace(true);
        for call in std::mem::take(&mut self.desk.lock().unwrap().calls) {
            self.returned.take(call);
        }
    }

    fn is_open(&self) -> bool {
        !*self.has_ended.borrow()
    }
}

impl Carry for Fake {
    fn start(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        let is_waited_for = self.desk.lock().unwrap().waited_for;
        if is_waited_for || !self.reserve() {
            return Err(call);
        }
        self.start_reserved(call)
    }
}

impl Carrier for Fake {
    fn security(&self) -> SecurityLevel {
        SecurityLevel::PrivacyAndIntegrity
    }

    fn line(&self) -> Option<Arc<Line>> {
        self.line.upgrade()
    }
}

impl Connection for Fake {
    fn reserve(&self) -> bool {
        let mut desk = self.desk.lock().unwrap();
        let has_place = self.is_open() && desk.left > 0;
        desk.left -= usize::from(has_place);
        has_place
    }

    fn reserve_or_wait(&self) -> bool {
        let reserved = self.reserve();
        self.desk.lock().unwrap().waited_for |= !reserved;
        reserved
    }

    fn start_reserved(&self, call: OutgoingCall) -> Result<(), OutgoingCall> {
        if !self.is_open() {
            return Err(call);
        }
        self.desk.lock().unwrap().calls.push_back(call);
        Ok(())
    }

    fn give_back(&self) -> bool {
        let mut desk = self.desk.lock().unwrap();
        desk.left += 1;
        desk.waited_for
    }

    fn nobody_waits(&self) {
        self.desk.lock().unwrap().waited_for = false;
    }

    fn closed(self: Arc<Self>) -> BoxFuture<Ended> {
        let mut has_ended = self.has_ended.subscribe();
        Box::pin(async move {
            has_ended.wait_for(|has_ended| *has_ended).await.unwrap();
            Ended { reason: "it has ended".into(), too_many_pings: None }
        })
    }

    fn shutdown(&self) {
        self.has_ended.send_replace(true);
    }
}

fn say(channel: &Channel) -> JoinHandle<Result<(), Status>> {
    let channel = channel.clone();
    tokio::spawn(async move { channel.unary(&SAY, "hello".to_owned()).await.map(drop) })
}

async fn say_all(channel: &Channel, count: usize) -> Vec<JoinHandle<Result<(), Status>>> {
    let mut calls = Vec::new();
    for _ in 0..count {
        calls.push(say(channel));
        quiet().await;
    }
    calls
}

#[tokio::test(start_paused = true)]
async fn calls_above_the_limit_of_a_connection_take_another_up_to_the_maximum() {
    let server = Crowded::new(2);
    let channel = server.channel(3);
    let calls = say_all(&channel, 2).await;
    assert_eq!(server.loads().await, [2], "a connection that has room is enough");
    let more = say_all(&channel, 5).await;
    assert_eq!(server.loads().await, [2, 2, 2], "and the seventh waits");
    assert_eq!(server.state().attempts, 3);
    assert_eq!(channel.state(), ConnectivityState::Ready);
    server.connection(1).answer();
    assert_eq!(server.loads().await, [2, 2, 2], "the seventh has taken the place");
    for index in [0, 0, 1, 1, 2, 2] {
        server.connection(index).answer();
    }
    for call in calls.into_iter().chain(more) {
        call.await.unwrap().unwrap();
    }
    let _call = say(&channel);
    assert_eq!(server.loads().await, [1, 0, 0], "the oldest goes first, so that the youngest become idle");
}

#[tokio::test(start_paused = true)]
async fn a_burst_waits_in_order_and_nobody_overtakes() {
    let server = Crowded::new(1);
    let channel = server.channel(2);
    let order = Arc::new(Mutex::new(Vec::new()));
    let mut calls = Vec::new();
    for number in 0..6 {
        let (channel, order) = (channel.clone(), Arc::clone(&order));
        calls.push(tokio::spawn(async move {
            channel.unary(&SAY, "hello".to_owned()).await.unwrap();
            order.lock().unwrap().push(number);
        }));
        quiet().await;
    }
    for turn in 0..6 {
        server.connection(turn % 2).answer();
        let late = say(&channel);
        quiet().await;
        late.abort();
        quiet().await;
    }
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn one_connection_may_be_the_maximum() {
    let server = Crowded::new(usize::MAX);
    let channel = server.channel(0);
    let _calls = say_all(&channel, 3).await;
    assert_eq!(server.loads().await, [3]);
    assert_eq!(server.connection(0).line.strong_count(), 0, "calls wait in the connection");
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_in_line_no_longer_than_its_deadline_and_leaves_it_when_dropped() {
    let server = Crowded::new(1);
    let channel = server.channel(2);
    let _calls = say_all(&channel, 2).await;
    let late = channel.unary(&SAY, "hello".to_owned()).timeout(Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(
        format!("{late:?}"),
        "deadline of 200 ms passed (DEADLINE_EXCEEDED)\n  \
         calling  talk.Talk/Say\n  \
         spent    waiting for a free stream to greeter:1 for 200 ms"
    );
    let dropped = say_all(&channel, 100).await;
    dropped.iter().for_each(JoinHandle::abort);
    let last = say(&channel);
    quiet().await;
    server.connection(0).answer();
    assert_eq!(server.loads().await, [1, 1]);
    server.connection(0).answer();
    last.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_further_connection_that_fails_lets_calls_wait_through_the_back_off() {
    let server = Crowded::new(1);
    let channel = server.channel(2);
    let _first = say_all(&channel, 1).await;
    server.state().refuses = true;
    let second = say(&channel);
    assert_eq!(server.loads().await, [1]);
    assert_eq!((server.state().attempts, channel.state()), (2, ConnectivityState::Ready));
    // tidy: allow(sleep): the clock is stopped, and runs to here
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(server.state().attempts, 2, "the back-off is respected");
    server.state().refuses = false;
    // tidy: allow(sleep): the clock is stopped, and runs to here
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(server.loads().await, [1, 1]);
    server.connection(1).answer();
    second.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_goes_away_hands_its_calls_to_the_others() {
    let server = Crowded::new(2);
    let channel = server.channel(3);
    let calls = say_all(&channel, 4).await;
    assert_eq!(server.loads().await, [2, 2]);
    server.connection(0).leave();
    assert_eq!(server.loads().await, [0, 2, 2], "another was made for them");
    assert_eq!(channel.state(), ConnectivityState::Ready);
    server.state().refuses = true;
    server.connection(1).leave();
    assert_eq!(server.loads().await, [0, 0, 2], "they wait");
    server.connection(2).answer();
    server.connection(2).answer();
    assert_eq!(server.loads().await, [0, 0, 2]);
    server.connection(2).answer();
    server.connection(2).answer();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn calls_in_line_fail_or_wait_for_ready_when_the_last_connection_goes() {
    let server = Crowded::new(1);
    let channel = server.channel(2);
    let _running = say_all(&channel, 1).await;
    server.state().refuses = true;
    let waiting = say_all(&channel, 1).await.remove(0);
    let patient = channel.clone();
    let patient = tokio::spawn(async move { patient.unary(&SAY, "hello".to_owned()).wait_for_ready(true).await });
    quiet().await;
    server.connection(0).leave();
    assert_eq!(waiting.await.unwrap().unwrap_err().message(), "cannot reach greeter:1: connection refused");
    assert_eq!(channel.state(), ConnectivityState::TransientFailure);
    server.state().refuses = false;
    // tidy: allow(sleep): the clock is stopped, and runs to here
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.loads().await[1..], [1]);
    server.connection(1).answer();
    patient.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_ends_sends_those_in_line_away_and_ends_all_connections() {
    let server = Crowded::new(1);
    let channel = server.channel(2);
    let running = say_all(&channel, 3).await;
    assert_eq!(server.loads().await, [1, 1]);
    running.iter().for_each(JoinHandle::abort);
    drop(channel);
    quiet().await;
    assert!(!server.connection(0).is_open() && !server.connection(1).is_open());
}

/// Calls take two addresses in turn.
#[derive(Default)]
struct Turns(Vec<SubchannelId>);

struct Turn(Vec<SubchannelId>, AtomicUsize);

impl LoadBalancer for Turns {
    fn exit_idle(&mut self, _: Instant, control: &mut Control) {
        control.request_resolution();
        control.publish(ConnectivityState::Connecting, Arc::new(Wait));
    }

    fn handle_resolution(&mut self, _: Instant, resolution: Resolution, control: &mut Control) {
        for address in resolution.addresses() {
            let id = control.create(address.clone());
            control.connect(id);
        }
    }

    fn handle_resolver_failure(&mut self, _: Instant, _: Status, _: &mut Control) {}

    fn handle_subchannel(&mut self, _: Instant, id: SubchannelId, update: SubchannelUpdate, control: &mut Control) {
        assert!(!self.0.contains(&id), "READY stays READY");
        if matches!(update, SubchannelUpdate::Ready) {
            self.0.push(id);
            if self.0.len() == 2 {
                control.publish(ConnectivityState::Ready, Arc::new(Turn(self.0.clone(), AtomicUsize::new(0))));
            }
        }
    }
}

impl Picker for Turn {
    fn pick(&self, _: &PickArgs<'_>) -> Pick {
        self.0[self.1.fetch_add(1, Ordering::Relaxed) % self.0.len()].into()
    }
}

#[tokio::test(start_paused = true)]
async fn each_address_of_a_balancer_has_a_line_of_its_own() {
    let server = Crowded::new(1);
    let addresses: Vec<_> = [1, 2].map(|port| Address::Tcp(([10, 0, 0, 1], port).into())).into();
    let builder = server.builder().resolver(Fixed::new(addresses)).balance(Turns::default());
    let channel = builder.max_connections_per_subchannel(2).build().unwrap();
    let calls = say_all(&channel, 6).await;
    assert_eq!(server.loads().await, [1, 1, 1, 1], "two connections each, and a call waits at either");
    for index in 0..4 {
        server.connection(index).answer();
    }
    assert_eq!(server.loads().await, [1, 1, 0, 0]);
    server.connection(0).answer();
    server.connection(1).answer();
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_are_asked_when_there_is_a_place() {
    let server = Crowded::new(1);
    let token = BearerToken::new("t").unwrap();
    let channel = server.builder().credentials(token).max_connections_per_subchannel(2).build().unwrap();
    let calls = say_all(&channel, 3).await;
    assert_eq!(server.loads().await, [1, 1]);
    server.connection(0).answer();
    assert_eq!(server.loads().await, [1, 1]);
    for index in [0, 1] {
        let fake = server.connection(index);
        let seen = fake.desk.lock().unwrap().calls[0].head.call.metadata().get_all("authorization").count();
        assert_eq!(seen, 1);
        fake.answer();
    }
    for call in calls {
        call.await.unwrap().unwrap();
    }
}

/// The driver has yet to take the line out of what calls see.
#[tokio::test(start_paused = true)]
async fn connections_that_have_just_gone_are_not_taken_for_unprotected_ones() {
    let (server, line) = (Crowded::new(1), Line::new(2));
    for attempt in [0, 1] {
        let progress = Progress::default();
        let around = Around { returned: ReturnedCalls::new(drop), line: Arc::downgrade(&line), progress };
        let address = Address::Tcp(([10, 0, 0, 1], 1).into());
        line.add(AttemptId(attempt), server.connect(address, around).await.unwrap());
    }
    let carrier = line.carrier().unwrap();
    assert!(line.remove(AttemptId(0)) && line.remove(AttemptId(1)));
    assert_eq!(carrier.security(), SecurityLevel::PrivacyAndIntegrity);
}
