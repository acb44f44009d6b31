//! `LoadBalancer`: owns a channel's subchannels and publishes the `Picker` that chooses one for each call.

mod pick_first;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use halloo_core::{Address, Code, Metadata, MethodRef, Status};

use crate::failure::ConnectFailure;
use crate::resolver::Resolution;
use crate::state::ConnectivityState;

pub use pick_first::PickFirst;

/// Decides which addresses of a target are connected, and which of them each call takes.
///
/// Pure: called serially with the time; it acts through the [`Control`] that it is lent. A channel begins IDLE: nobody
/// looks for addresses, and calls wait, until [`exit_idle`](Self::exit_idle) has [asked](Control::request_resolution).
/// Calls take the picker that was published last.
///
/// A balancer keeps the subchannels of addresses that stay in a new list: removing one closes its connections. It sends
/// calls only to those that are READY, lets calls wait while one may still become READY, and connects again what has become
/// IDLE.
///
/// ```
#[doc = include_str!("../../doc/turns.rs")]
///
/// # use halloo::Channel;
/// # use greeter::{GreeterClient, GreeterServer, HelloRequest, MyGreeter};
/// # use halloo::Server;
/// # #[tokio::main]
/// # async fn main() -> Result<(), halloo::Error> {
/// # let (one, two) = (Server::bind("127.0.0.1:0").await?, Server::bind("127.0.0.1:0").await?);
/// # let target = format!("ipv4:127.0.0.1:{},127.0.0.1:{}", one.port(), two.port());
/// # tokio::spawn(one.serve(GreeterServer::new(MyGreeter)));
/// # tokio::spawn(two.serve(GreeterServer::new(MyGreeter)));
/// let channel = Channel::builder(target).balance(Turns::default()).build()?;
/// # let greeter = GreeterClient::new(channel);
/// # for _ in 0..4 {
/// #     greeter.say_hello(HelloRequest::default().with_name("each")).await?;
/// # }
/// # Ok(())
/// # }
/// ```
pub trait LoadBalancer: Send + 'static {
    /// Hears what the resolver has found. It replaces what was before; the list may be empty. Asking for another resolution
    /// from here is an endless loop with a resolver that answers at once.
    fn handle_resolution(&mut self, now: Instant, resolution: Resolution, control: &mut Control);

    /// Hears that the resolver found nothing. Addresses that are known stay good.
    fn handle_resolver_failure(&mut self, now: Instant, status: Status, control: &mut Control);

    /// Hears that the state of a subchannel has changed.
    fn handle_subchannel(&mut self, now: Instant, id: SubchannelId, update: SubchannelUpdate, control: &mut Control);

    /// Begins: a call came, or somebody waits for the channel, while the published state was IDLE. It has to ask for
    /// addresses, or connect those that it knows, and publish another state, or else calls wait for ever.
    fn exit_idle(&mut self, now: Instant, control: &mut Control);

    /// Hears that the time of [`poll_timeout`](Self::poll_timeout) has come. The default does nothing.
    fn handle_timeout(&mut self, now: Instant, control: &mut Control) {
        let _ = (now, control);
    }

    /// Returns when it wants [`handle_timeout`](Self::handle_timeout). The default is never.
    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

/// Chooses a subchannel for a call. Immutable: any number of calls ask at the same time, so it has to be quick.
///
/// ```
/// use halloo::Status;
/// use halloo::balance::{Pick, PickArgs, Picker};
///
/// /// Lets nothing but health checks through.
/// struct Closed(Box<dyn Picker>);
///
/// impl Picker for Closed {
///     fn pick(&self, args: &PickArgs<'_>) -> Pick {
///         match args.method().service() {
///             "grpc.health.v1.Health" => self.0.pick(args),
///             _ => Pick::Fail(Status::unavailable("closed for maintenance; try again in an hour")),
///         }
///     }
/// }
/// ```
pub trait Picker: Send + Sync + 'static {
    /// Returns where the call that `args` describes goes.
    fn pick(&self, args: &PickArgs<'_>) -> Pick;
}

/// Describes a call that wants a subchannel.
#[derive(Clone, Copy, Debug)]
pub struct PickArgs<'a> {
    method: &'a MethodRef,
    metadata: &'a Metadata,
    attempt: u32,
}

impl<'a> PickArgs<'a> {
    /// Describes the first attempt of a call of `method` with `metadata`.
    #[must_use]
    pub const fn new(method: &'a MethodRef, metadata: &'a Metadata) -> Self {
        Self { method, metadata, attempt: 1 }
    }

    /// Sets the number of the attempt.
    #[must_use]
    pub const fn with_attempt(mut self, attempt: u32) -> Self {
        self.attempt = attempt;
        self
    }

    /// Returns the method that is called.
    #[must_use]
    pub const fn method(&self) -> &'a MethodRef {
        self.method
    }

    /// Returns the call's metadata, without that of credentials: they are asked for the connection that was picked.
    #[must_use]
    pub const fn metadata(&self) -> &'a Metadata {
        self.metadata
    }

    /// Returns the number of the attempt: 1 for the first, 2 if a server has refused the call before any handler saw it
    /// and the call is sent once more (gRFC A6, "Transparent Retries").
    #[must_use]
    pub const fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// Says where a call goes.
#[derive(Debug)]
#[non_exhaustive]
pub enum Pick {
    /// To this subchannel. If it is not connected any more, the call waits for the next picker.
    To(Picked),
    /// Nowhere yet: it waits for the next picker, or for its deadline.
    Queue,
    /// It fails, or waits for the next picker if it waits for ready. A code of applications (INVALID_ARGUMENT, NOT_FOUND,
    /// ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED, OUT_OF_RANGE, DATA_LOSS) becomes INTERNAL, since it would be taken for
    /// the server's (gRFC A54).
    Fail(Status),
}

/// Names the subchannel that an attempt goes to, and who hears how the attempt has ended.
#[derive(Debug)]
pub struct Picked {
    /// Where it goes.
    pub subchannel: SubchannelId,
    /// Who hears of the end; `None` costs nothing.
    pub on_done: Option<OnDone>,
}

impl Picked {
    /// Picks `subchannel`; nobody hears of the end.
    #[must_use]
    pub const fn new(subchannel: SubchannelId) -> Self {
        Self { subchannel, on_done: None }
    }

    /// Lets `on_done` hear how the attempt has ended: once, also if it has not started, as the subchannel has no
    /// connection any more or the call was given up (UNAVAILABLE). It is called from whatever task ends the attempt, and
    /// must not block.
    #[must_use]
    pub fn on_done(mut self, on_done: impl FnOnce(&Done<'_>) + Send + 'static) -> Self {
        self.on_done = Some(OnDone(Some(Box::new(on_done))));
        self
    }
}

impl From<Picked> for Pick {
    fn from(picked: Picked) -> Self {
        Self::To(picked)
    }
}

impl From<SubchannelId> for Pick {
    fn from(subchannel: SubchannelId) -> Self {
        Self::To(Picked::new(subchannel))
    }
}

/// Says how an attempt has ended.
#[derive(Clone, Copy, Debug)]
pub struct Done<'a> {
    result: Result<&'a Metadata, &'a Status>,
}

impl<'a> Done<'a> {
    /// Describes an attempt that has ended with these trailers, or with this status.
    #[must_use]
    pub const fn new(result: Result<&'a Metadata, &'a Status>) -> Self {
        Self { result }
    }

    /// Returns the code that it has ended with.
    #[must_use]
    pub fn code(&self) -> Code {
        self.result.map_or_else(Status::code, |_| Code::Ok)
    }

    /// Returns the trailers, such as a server's report of its load (`endpoint-load-metrics-bin`).
    #[must_use]
    pub fn trailers(&self) -> &'a Metadata {
        match self.result {
            Ok(trailers) => trailers,
            Err(status) => status.metadata(),
        }
    }
}

type Hear = Box<dyn FnOnce(&Done<'_>) + Send>;

/// Hears how an attempt has ended; see [`Picked::on_done`].
pub struct OnDone(Option<Hear>);

impl OnDone {
    /// Says how the attempt has ended.
    pub fn call(mut self, done: &Done<'_>) {
        if let Some(on_done) = self.0.take() {
            on_done(done);
        }
    }
}

impl Drop for OnDone {
    fn drop(&mut self) {
        if let Some(on_done) = self.0.take() {
            on_done(&Done::new(Err(&Status::unavailable("the attempt has not started"))));
        }
    }
}

impl fmt::Debug for OnDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnDone").finish_non_exhaustive()
    }
}

/// Names a subchannel of one channel; never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubchannelId(u64);

/// Says what has become of a subchannel.
///
/// READY it is while it has any connection; attempts at further ones are not told (gRFC A105). With the last it becomes
/// what the next one is: IDLE, CONNECTING if there is an attempt, or failed if that has failed before.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SubchannelUpdate {
    /// Its last connection has ended, or its back-off is over: it can be connected.
    Idle,
    /// An attempt is under way, and there is no connection.
    Connecting,
    /// It is connected.
    Ready,
    /// The attempt has failed, and there is no connection; IDLE follows when its back-off is over.
    Failed(ConnectFailure),
}

/// Lets a balancer act on its channel. What it asks for happens after it has returned.
#[derive(Debug)]
pub struct Control {
    target: String,
    next_id: u64,
    commands: VecDeque<Command>,
}

/// What a balancer asks its channel for, as another balancer around it sees it: [`Control::wrap`].
#[non_exhaustive]
pub enum Command {
    /// [`Control::create`].
    Create(SubchannelId, Address),
    /// [`Control::connect`].
    Connect(SubchannelId),
    /// [`Control::remove`].
    Remove(SubchannelId),
    /// [`Control::publish`].
    Publish(ConnectivityState, Arc<dyn Picker>),
    /// [`Control::request_resolution`].
    RequestResolution,
}

impl Control {
    pub(crate) fn new(target: impl Into<String>) -> Self {
        Self { target: target.into(), next_id: 0, commands: VecDeque::new() }
    }

    /// Makes a subchannel, IDLE at first.
    pub fn create(&mut self, address: Address) -> SubchannelId {
        let id = SubchannelId(self.next_id);
        self.next_id += 1;
        self.commands.push_back(Command::Create(id, address));
        id
    }

    /// Connects an IDLE subchannel. In any other state nothing happens.
    pub fn connect(&mut self, id: SubchannelId) {
        self.commands.push_back(Command::Connect(id));
    }

    /// Drops a subchannel. Its connections take no more calls and end when the running ones have; no update of
    /// it follows.
    pub fn remove(&mut self, id: SubchannelId) {
        self.commands.push_back(Command::Remove(id));
    }

    /// Publishes the channel's state and the picker of the calls from this moment on.
    pub fn publish(&mut self, state: ConnectivityState, picker: Arc<dyn Picker>) {
        self.commands.push_back(Command::Publish(state, picker));
    }

    /// Asks the resolver again.
    pub fn request_resolution(&mut self) {
        self.commands.push_back(Command::RequestResolution);
    }

    /// Returns the status of calls while no address can be reached: it names the target and each failure.
    #[must_use]
    pub fn unreachable(&self, failures: &[ConnectFailure]) -> Status {
        ConnectFailure::status(&self.target, failures)
    }

    /// Lends this control to another balancer for one event, and hands `each` what it asks for, in order: to
    /// [`forward`](Self::forward), to change or to leave out.
    ///
    /// ```
    #[doc = include_str!("../../doc/closable.rs")]
    ///
    /// # use halloo::Channel;
    /// # use halloo::balance::PickFirst;
    /// # fn main() -> Result<(), halloo::Error> {
    /// let is_closed = Arc::new(AtomicBool::new(false));
    /// let balancer = Closable::new(PickFirst::new(), Arc::clone(&is_closed));
    /// let channel = Channel::builder("greeter.internal:50051").balance(balancer).build()?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn wrap<R>(&mut self, event: impl FnOnce(&mut Self) -> R, mut each: impl FnMut(&mut Self, Command)) -> R {
        let before = std::mem::take(&mut self.commands);
        let result = event(self);
        let asked = std::mem::replace(&mut self.commands, before);
        asked.into_iter().for_each(|command| each(self, command));
        result
    }

    /// Asks the channel for what another balancer has asked for.
    pub fn forward(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    pub(crate) fn next_command(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }
}

/// Lets every call wait.
#[derive(Debug)]
pub struct Wait;

impl Picker for Wait {
    fn pick(&self, _args: &PickArgs<'_>) -> Pick {
        Pick::Queue
    }
}

/// Fails every call.
#[derive(Debug)]
pub(crate) struct Fail(pub(crate) Status);

impl Picker for Fail {
    fn pick(&self, _args: &PickArgs<'_>) -> Pick {
        Pick::Fail(self.0.clone())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(id, address) => write!(f, "create {} {address}", id.0),
            Self::Connect(id) => write!(f, "connect {}", id.0),
            Self::Remove(id) => write!(f, "remove {}", id.0),
            Self::Publish(state, _) => write!(f, "publish {state}"),
            Self::RequestResolution => f.write_str("request resolution"),
        }
    }
}
